"""The workflow that runs on Macs: its commands are ours, and it cannot pass without Core ML.

It has run nowhere yet. What is held here is what can be held without a Mac.
"""

import itertools
import re
import shlex
from fnmatch import fnmatch

import yaml

from converter.cli import root
from tests.paths import ROOT
from tests.swift.grammar import Source

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
JOBS = WORKFLOW["jobs"]
IMAGES = ["macos-15", "macos-26"]
ACTIONS = {"actions/checkout": "v7", "actions/setup-python": "v7", "actions/upload-artifact": "v7"}
"""The newest versions, in November 2026."""

MAIN = ROOT / "fixtures" / "device" / "TrainLeNet.swift"


def steps():
    return [(job, step) for job in JOBS.values() for step in job["steps"]]


def runs(job):
    """Yield each combination of a job's matrix with the lines it runs, everything filled in."""
    matrix = job["strategy"]["matrix"]
    for chosen in itertools.product(*matrix.values()):
        values = {}
        for name, value in zip(matrix, chosen, strict=True):
            parts = value if isinstance(value, dict) else {"": value}
            values |= {f"matrix.{name}.{k}".rstrip("."): v for k, v in parts.items()}
        values |= {f"env.{k}": filled(v, values) for k, v in job.get("env", {}).items()}
        lines = [line for step in job["steps"] for line in step.get("run", "").splitlines()]
        yield values, [filled(line, values).strip() for line in lines]


def filled(text, values):
    text = re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: values[found[1]], text)
    assert "${{" not in text
    return text


def commands(lines):
    """Return those of this tool, each with what it makes of its options."""
    found = []
    for line in lines:
        words = shlex.split(line) if line.startswith("make-updatable ") else []
        for name in words[1:2]:
            command = root.get_command(None, name)
            found.append((name, command.make_context(name, words[2:]).params))
    return found


def kept(job, values):
    """Return the files that a job keeps, even if something before has failed."""
    (step,) = [s for s in job["steps"] if "upload-artifact" in s.get("uses", "")]
    assert step["if"] == "always()"
    return filled(step["with"]["path"], values), filled(step["with"]["name"], values)


def test_the_matrices():
    pythons = JOBS["linux"]["strategy"]["matrix"]["python"]
    assert pythons == ["3.10", "3.11", "3.12", "3.13"]
    assert any(step.get("run") == ".ci/run" for step in JOBS["linux"]["steps"])
    for name, job in JOBS.items():
        assert job["strategy"]["fail-fast"] is False
        assert job["strategy"]["matrix"].get("os", IMAGES) == IMAGES, name


def test_actions_are_the_newest():
    used = [step["uses"] for _, step in steps() if "uses" in step]
    assert {tuple(use.split("@")) for use in used} == set(ACTIONS.items())


def test_every_command_on_a_mac_is_understood_and_must_really_run():
    verdicts = set()
    for values, lines in runs(JOBS["macos"]):
        found = commands(lines)
        assert [name for name, _ in found] == ["convert", "verify"]
        verify = found[1][1]
        assert (ROOT / shlex.split(values["matrix.model.convert"])[0]).exists()
        assert verify["on_device"]
        assert verify["require_update"]
        path, artifact = kept(JOBS["macos"], values)
        assert path == f"{verify['out'].stem}.*"
        verdicts.add(artifact)
    assert len(verdicts) == 2 * 3 * 2


def test_every_model_learns_by_sgd_too():
    """A sum of gradients and a mean are the same to Adam: it cannot tell how Core ML reduces."""
    found = {}
    for values, lines in runs(JOBS["macos"]):
        convert = commands(lines)[0][1]
        found.setdefault(values["matrix.model.convert"], set()).add(convert["optimizer"])
    assert len(found) == 3
    assert all(optimizers == {"adam", "sgd"} for optimizers in found.values())


def test_the_calibration_is_recorded_decoded_and_kept_without_tensorflow():
    job = JOBS["calibrate"]
    for values, lines in runs(job):
        (_, verify), (_, calibrate) = commands(lines)
        assert verify["on_device"]
        assert verify["calibrate"]
        assert verify["require_update"]
        assert calibrate["record"] == verify["out"]
        pattern, _ = kept(job, values)
        assert all(fnmatch(str(name), pattern) for name in (verify["out"], calibrate["out"]))
        assert "python -m pip install '.[macos]'" in lines


def test_the_goldens_are_compiled_for_every_system_in_every_way():
    ways = set()
    for values, lines in runs(JOBS["swift"]):
        (check,) = [line for line in lines if "-typecheck" in line]
        words = shlex.split(check)
        version = words[words.index("-swift-version") + 1]
        ways.add((values["matrix.os"], version, "-default-isolation MainActor" in check))
        systems = [line.split()[1:] for line in lines if line.startswith("check ")]
        assert systems == [
            ["iphoneos", "arm64-apple-ios13.0"],
            ["macosx", "arm64-apple-macos11.0"],
            ["appletvos", "arm64-apple-tvos14.0"],
            ["watchos", "arm64_32-apple-watchos6.0"],
        ]
        assert "for file in fixtures/swift/*.swift; do" in lines
    assert ways == set(itertools.product(IMAGES, ["5", "6"], [True, False]))
    assert list((ROOT / "fixtures" / "swift").glob("*.swift"))


def test_a_small_program_is_compiled_and_run_and_what_it_prints_is_kept():
    for values, lines in runs(JOBS["train"]):
        (_, convert), (_, swift) = commands(lines)
        (compiled,) = [shlex.split(line) for line in lines if "swiftc" in line]
        (run,) = [shlex.split(line) for line in lines if line.startswith("./")]
        assert str(swift["model"]) == str(convert["output_path"]) == "LeNet.mlmodel"
        assert {str(swift["target"]), str(MAIN.relative_to(ROOT))} <= set(compiled)
        assert run[0] == f"./{compiled[compiled.index('-o') + 1]}"
        assert run[1] == "LeNet.mlmodelc"
        assert run[-2:] == ["tee", kept(JOBS["train"], values)[0]]
    assert WORKFLOW["defaults"]["run"]["shell"] == "bash"  # with pipefail, GitHub says


def test_the_small_program_is_swift():
    source = Source(MAIN.read_text())
    assert source.mistakes() == []
    assert "LeNetTrainer(contentsOf:" in MAIN.read_text()


def test_no_step_forgives_a_failure():
    for job, step in steps():
        assert "continue-on-error" not in job
        assert "continue-on-error" not in step
        assert "|| true" not in step.get("run", "")
