"""What README promises of other files is there; its tables stand in `docs/`, see `test_pages`."""

import re
import subprocess

from tests.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [README, *(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("docs/*.md")))]


def test_the_messages_under_troubleshooting_exist():
    (section,) = re.findall(
        r"^#+ Troubleshooting$(.*?)(?=^#|\Z)", "\n".join(PAGES), re.MULTILINE | re.DOTALL
    )
    messages = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)[1:]
    assert len(messages) > 8
    sources = (path.read_text() for path in sorted((ROOT / "converter").rglob("*.py")))
    code = re.sub(r'"\s+f?"', "", "".join(sources))
    assert [message for message in messages if message not in code] == []


def test_ci_runs_the_test_command_of_the_readme():
    (command,) = re.findall(r"^python3 -m venv .*pytest$", README, re.MULTILINE)
    printed = subprocess.run(
        ["bash", ".ci/run", "--show"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert command in printed.stdout


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
