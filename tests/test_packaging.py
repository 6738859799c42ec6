"""What is published: one version, an sdist and a wheel that work where no clone is."""

import os
import re
import runpy
import subprocess
import sys
import tarfile
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
import yaml
from cffconvert.citation import Citation

from converter.coreml.mlmodel import network, write
from converter.versions import VERSION
from tests.paths import MODELS, ROOT
from tests.validation import specs

pytestmark = pytest.mark.slow

SOURCE = "https://example.org/you/make-updatable/blob/v0"
PACKAGE = {
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "converter").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
}
"""The files of the package, code or not."""


def run(*command, **settings):
    return subprocess.run(command, capture_output=True, text=True, check=False, **settings)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the sdist, and the wheel that was made from it."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    names = [p.name for p in ROOT.iterdir() if p.is_file() and p.name != ".git"]
    tests = [p.relative_to(ROOT).as_posix() for p in (ROOT / "tests").glob("test_*.py")]
    pages = [p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").rglob("*") if p.is_file()]
    for name in [*names, *PACKAGE, *tests, *pages]:
        copy = source / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    done = run(
        sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source,
        env=os.environ | {"MAKE_UPDATABLE_SOURCE": SOURCE},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """The folder of commands of a fresh environment that has the wheel.

    What the tool needs is that of the environment of the tests, whose own copy of the tool is not
    seen: names in a .pth file are searched last, and .pth files that lie there are not read.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    done = run(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index",
        "--no-compile", wheel,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (site,) = home.glob("lib/python*/site-packages")
    needed = [path for path in sys.path if path.endswith("site-packages")]
    (site / "needed.pth").write_text("\n".join(needed))
    return home / "bin"


@pytest.fixture
def typed(elsewhere, tmp_path, monkeypatch):
    """Run a command of that environment in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return lambda command, *words: run(elsewhere / command, *words)


def test_the_version_stands_in_one_place(wheel):
    assert metadata(wheel)["Version"] == VERSION
    (top, *_) = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert top == VERSION
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "CITATION.cff"):
        assert VERSION not in (ROOT / name).read_text(), name


def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == PACKAGE
    assert "converter/py.typed" in names
    assert "converter/swift/templates/neighbors/training.swift.j2" in names


def test_the_sdist_holds_the_package_and_its_pages_but_no_tests(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert names >= PACKAGE
    assert {"README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "CITATION.cff"} <= names
    assert {"docs/rules.md", "docs/recipes.md"} <= names
    assert {name.split("/")[0] for name in names if "/" in name} == {
        "converter", "docs", "make_updatable.egg-info",
    }  # fmt: skip


def test_twine_has_nothing_to_say_against_them(built):
    done = run(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir())
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_readme_of_the_wheel_links_to_what_can_be_seen(wheel):
    assert metadata(wheel)["Project-URL"] == "Source, https://example.org/you/make-updatable"
    text = metadata(wheel).get_payload()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert f"{SOURCE}/LICENSE" in links
    assert [link for link in links if not link.startswith(("https:", "#"))] == []


INDEX = {
    "see [the way](docs/way.md#back)": ("see [the way](S/blob/v1/docs/way.md#back)", "see the way"),
    "![a path](docs/a.svg)": ("![a path](S/raw/v1/docs/a.svg)", "a path"),
    '<img src="docs/a.svg">': ('<img src="S/raw/v1/docs/a.svg">', '<img src="#">'),
    '<a href="docs/a.md">a</a>': ('<a href="S/blob/v1/docs/a.md">a</a>', '<a href="#">a</a>'),
    "[there](https://a.b), [here](#x)": ("[there](https://a.b), [here](#x)",) * 2,
    "```sh\n[no](link)\n```": ("```sh\n[no](link)\n```",) * 2,
}


@pytest.mark.parametrize(("text", "expected"), INDEX.items(), ids=INDEX)
def test_links_for_an_index(text, expected):
    for_an_index = runpy.run_path(str(ROOT / "setup.py"))["for_an_index"]
    assert (for_an_index(text, "S/blob/v1/"), for_an_index(text, "")) == expected


def test_the_main_job_from_an_empty_folder(typed, tmp_path):
    (tmp_path / "lenet.h5").write_bytes((MODELS / "lenet.h5").read_bytes())
    done = typed("make-updatable", "lenet.h5", "--layers", "dense_5,dense_6")
    assert done.returncode == 0, done.stderr
    assert "wrote lenetUpdatable.mlmodel (2.3 MB)" in done.stdout
    done = typed("make-updatable", "swift", "lenetUpdatable.mlmodel", "-o", "T/", "--package")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "T" / "Package.swift").is_file()


def test_the_hook_from_an_empty_folder(typed, tmp_path):
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    model = specs.lenet()
    write(model, tmp_path / "good.mlmodel")
    network(model).updateParams.ClearField("epochs")
    write(model, tmp_path / "bad.mlmodel")
    done = typed(*hook["entry"].split(), "good.mlmodel", "bad.mlmodel")
    assert done.returncode == 1
    assert done.stdout == (
        "bad.mlmodel: U110 error: has no number of epochs; set epochs and the allowed values\n"
    )


def test_what_runs_there_is_the_wheel(typed, elsewhere):
    done = typed("python", "-c", "import converter; print(converter.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(elsewhere.parent)
    assert typed("make-updatable", "--version").stdout.startswith(f"make-updatable {VERSION}\n")


def test_the_citation_is_valid():
    Citation((ROOT / "CITATION.cff").read_text(encoding="utf-8")).validate()


@pytest.fixture(scope="module")
def release():
    return yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())


def test_only_a_tag_releases(release):
    assert release[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads the key `on` so


def test_only_the_last_job_may_publish_and_none_may_write(release):
    permissions = {name: job["permissions"] for name, job in release["jobs"].items()}
    read = {"contents": "read"}
    assert permissions == {"build": read, "try": read, "publish": {"id-token": "write"}}
    assert release["permissions"] == {}
    assert [release["jobs"][name]["needs"] for name in ("try", "publish")] == ["build", "try"]
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text()


def test_actions_that_release_are_pinned_to_commits(release):
    used = [step["uses"] for job in release["jobs"].values() for step in job["steps"]
            if "uses" in step]  # fmt: skip
    assert len(used) == 8
    assert [name for name in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)] == []
