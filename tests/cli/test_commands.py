"""What holds for all commands: no empty values, no options without effect, flags of one meaning.

The parameters come from the command line itself, and so does what excludes what.
"""

import click
import pytest

from converter import cli
from converter.cli.command import Command
from converter.cli.parameters import QUIET, VERBOSE
from tests.cli.walk import LEAVES, flag

REQUIRED = {
    "convert": ["m.h5"],
    "validate": [],
    "inspect": ["m.h5"],
    "recipe init": ["m.h5"],
    "recipe check": ["r.yaml"],
    "recipe show": ["m.mlmodel"],
    "recipe schema": [],
    "train": ["m.mlmodel", "--data", "d"],
    "evaluate": ["m.mlmodel", "--data", "d"],
    "predict": ["m.mlmodel", "--data", "d"],
    "weights list": ["m.mlmodel"],
    "weights get": ["m.mlmodel", "-o", "w.npz"],
    "weights set": ["m.mlmodel", "w.npz", "-o", "n.mlmodel"],
    "weights diff": ["m.mlmodel", "n.mlmodel"],
    "weights average": ["m.mlmodel", "-o", "n.mlmodel"],
    "weights adopt": ["p.mlmodelc", "--into", "m.mlmodel", "-o", "n.mlmodel"],
    "extract": ["m.mlmodel", "--into", "m.h5", "-o", "n.h5"],
    "verify": ["m.mlmodel"],
    "calibrate": ["record.json"],
    "study run": ["m.mlmodel"],
    "study init": ["m.mlmodel"],
    "study schema": [],
    "swift": ["m.mlmodel"],
    "completion": ["bash"],
}
"""Command -> what it cannot do without. No such file is there."""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_every_command_is_walked():
    assert set(LEAVES) == set(REQUIRED)
    assert [name for name, command in LEAVES.items() if not isinstance(command, Command)] == []


def refused(command, extra, capsys):
    """Run a command that must be wrong usage; return the last line that it prints."""
    assert cli.run([*command.split(), *REQUIRED[command], *extra]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()[-1]


PARAMETERS = [
    (name, param)
    for name, command in LEAVES.items()
    for param in command.params
    if not getattr(param, "is_flag", False)
]
OPTIONS = [(name, p.opts) for name, p in PARAMETERS if isinstance(p, click.Option)]
ARGUMENTS = [(name, p.name) for name, p in PARAMETERS if isinstance(p, click.Argument)]


@pytest.mark.parametrize("value", ["", " "])
@pytest.mark.parametrize(("command", "flags"), OPTIONS)
def test_an_empty_value_of_an_option_is_wrong_usage(command, flags, value, capsys):
    found = refused(command, [flags[0], value], capsys)
    name = max(flags, key=len)
    assert found == f"error: {name}: is empty; give a value, or leave it out"


@pytest.mark.parametrize("value", ["", " "])
@pytest.mark.parametrize(("command", "name"), ARGUMENTS)
def test_an_empty_argument_is_wrong_usage(command, name, value, capsys):
    names = [param.name for param in LEAVES[command].params if isinstance(param, click.Argument)]
    line = list(REQUIRED[command]) or [value]
    line[names.index(name)] = value
    assert cli.run([*command.split(), *line]) == 2
    expected = f"error: {name.upper()}: is empty; give a value, or leave it out\n"
    assert capsys.readouterr() == ("", expected)


def test_an_empty_argument_of_the_default_command_is_wrong_usage(capsys):
    assert cli.run([""]) == 2
    assert "is empty" in capsys.readouterr().err


LISTS = {
    "a name too few": ["--layers", "a,,b"],
    "a comma at the end": ["--layers", "a,"],
    "no label": ["--classes", "cat,,dog"],
    "a label too few": ["--classes", ",dog"],
    "no number": ["--bias", "1,,2"],
}


@pytest.mark.parametrize("extra", LISTS.values(), ids=LISTS)
def test_an_empty_part_of_a_list_is_wrong_usage(extra, capsys):
    assert f"'{extra[1]}'" in refused("convert", extra, capsys)


SAMPLES = {"float": "0.5", "number": "0.5", "integer": "2", "integer range": "2", "shape": "4,4,1",
           "bias": "0.5", "weights": "1", "numbers": "0.5", "counts": "2",
           "shift": "noise=0.1"}  # fmt: skip
"""Name of a type, or of a parameter -> a value for it; of any other a word."""


def given(command, name):
    """Return `name` on the command line, with a value if it takes one."""
    param = next(param for param in LEAVES[command].params if param.name == name)
    if getattr(param, "is_flag", False):
        return [param.opts[0]]
    choices = getattr(param.type, "choices", None)
    usual = SAMPLES.get(param.name) or SAMPLES.get(param.type.name, "x")
    value = choices[0] if choices else usual
    return [*flag(command, name), value]


PAIRS = [(name, *pair) for name, command in LEAVES.items() for pair in command.excludes]
NEEDS = [(name, *need) for name, command in LEAVES.items() for need in command.needs.items()]


def test_the_tables_hold_what_is_known_to_have_no_effect():
    found = {frozenset(pair) for pair in PAIRS} | {frozenset((n, o)) for n, o, _ in NEEDS}
    assert {
        frozenset(("inspect", "as_json", "as_yaml")),
        frozenset(("train", "test", "hold_out")),
        frozenset(("verify", "data")),
        frozenset(("verify", "steps")),
        *(frozenset((name, "quiet", "verbose")) for name in ("convert", "train", "verify")),
    } <= found


@pytest.mark.parametrize(("command", "one", "other"), PAIRS)
def test_options_that_exclude_each_other_are_wrong_usage(command, one, other, capsys):
    found = refused(command, [*given(command, one), *given(command, other)], capsys)
    assert found.endswith(" exclude each other; leave one out")


@pytest.mark.parametrize(("command", "name", "others"), NEEDS)
def test_an_option_without_what_it_needs_is_wrong_usage(command, name, others, capsys):
    way = {"verify": {"against": ["--on-device"], "on_device": ["--against", "k.h5"]}}
    other_way = way.get(command, {}).get(others[0], [])
    found = refused(command, [*given(command, name), *other_way], capsys)
    assert " has no effect without --" in found


WITHOUT_EFFECT = {
    "a label's name": ["--label-name", "kind"],
    "an update step": ["--no-verify", "--verify-update"],
    "a tolerance": ["--no-verify", "--tolerance", "0.1"],
    "momentum of Adam": ["--optimizer", "adam", "--momentum", "0.5"],
    "a moment of SGD": ["--optimizer", "sgd", "--beta-1", "0.5"],
}


@pytest.mark.parametrize("extra", WITHOUT_EFFECT.values(), ids=WITHOUT_EFFECT)
def test_settings_without_effect_are_wrong_usage(extra, capsys):
    found = refused("convert", extra, capsys)
    assert found.startswith("error: --")
    assert found.split(":")[1].removeprefix(" ") in extra


@pytest.mark.parametrize("extra", [["--loss", "mean_squared_error"], ["--allow-unsafe"],
                                   ["--output", "a"], ["--input-shape", "4,4,1"]])  # fmt: skip
def test_what_is_for_keras_files_is_wrong_usage_with_a_core_ml_model(extra, capsys):
    assert cli.run(["inspect", "m.mlmodel", *extra]) == 2
    expected = f"error: {extra[0]}: has no effect on a .mlmodel, only on a Keras file\n"
    assert capsys.readouterr() == ("", expected)


OUT_OF_RANGE = {
    "convert": [
        ["--image", "gray", "--scale", "0"], ["--image", "gray", "--scale", "nan"],
        ["--image", "rgb", "--bias", "inf"], ["--learning-rate", "0"], ["--learning-rate", "-1"],
        ["--beta-1", "1.5"], ["--beta-2", "1"], ["--momentum", "1"], ["--epsilon", "-1"],
        ["--epsilon", "inf"], ["--epochs", "0"], ["--batch-size", "0"], ["--tolerance", "0"],
        ["--tolerance", "nan"], ["--jobs", "0"], ["--input-shape", "0,1,1"],
    ],
    "train": [
        ["--scale", "0"], ["--scale", "1/0"], ["--scale", "inf"], ["--learning-rate", "0"],
        ["--beta-1", "1.5"], ["--beta-2", "1"], ["--momentum", "1"], ["--epsilon", "-1"],
        ["--epochs", "0"], ["--batch-size", "0"], ["--hold-out", "0"], ["--hold-out", "1"],
        ["--hold-out", "nan"],
    ],
    "evaluate": [["--scale", "0"], ["--batch-size", "0"]],
    "predict": [["--scale", "0/5"], ["--batch-size", "-1"]],
    "study run": [
        ["--count", "0"], ["--test-samples", "0"], ["--workers", "0"], ["--scale", "0"],
        ["--samples", "5,-1"], ["--epochs", "1.5"], ["--learning-rate", "0.1,,1"],
        ["--shift", "rotation"], ["--shift", "rotation=far"],
    ],
    "verify": [
        ["--against", "k", "--tolerance", "0"], ["--against", "k", "--tolerance", "nan"],
        ["--against", "k", "--steps", "0"], ["--against", "k", "--samples", "0"],
        ["--on-device", "--timeout", "0"], ["--on-device", "--timeout", "inf"],
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "extra"), [(name, extra) for name, rows in OUT_OF_RANGE.items() for extra in rows]
)
def test_a_number_out_of_range_is_wrong_usage_at_once(command, extra, capsys):
    """At once: that the files are missing is not even looked at."""
    assert extra[-2] in refused(command, extra, capsys)


SHARED = {
    "quiet": (["-q", "--quiet"], QUIET),
    "verbose": (["-v", "--verbose"], VERBOSE),
    "as_json": (["--json"], "Print JSON."),
    "as_yaml": (["--yaml"], "Print YAML."),
    "force": (["--force"], "Overwrite an existing file of the default name."),
}


def test_flags_that_several_commands_have_mean_the_same():
    found = {
        (name, param.name, tuple(param.opts), param.help, param.is_flag)
        for name, command in LEAVES.items()
        for param in command.params
        if isinstance(param, click.Option)
        and {"-q", "--quiet", "-v", "--verbose", "--json", "--yaml", "--force"} & set(param.opts)
    }
    assert {(name, tuple(flags), text, True) for name, (flags, text) in SHARED.items()} == {
        tuple(shared) for _, *shared in found
    }
