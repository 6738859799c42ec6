"""Messages in the words of the command line and of Python, and reasons in the system's."""

import pytest

from converter.errors import in_python, reason


@pytest.mark.parametrize(
    ("flags", "arguments"),
    [
        ("choose one with --output", "choose one with output"),
        ("--output names another", "output names another"),
        ("--scale and --bias are for", "scale and bias are for"),
        ("--learning-rate: -1 is negative", "learning_rate: -1 is negative"),
        ("give them: --input-shape 224,224,3", "give them: input_shape=(224,224,3)"),
        ("--scale 0.0078 --bias -1), or pass --allow-unsafe",
         "scale=0.0078 bias=-1), or pass allow_unsafe=True"),
        ("say --scale 1/255 or --scale 1e-05.", "say scale=1/255 or scale=1e-05."),
        ("say --layout nhwc or --layout nchw", "say layout='nhwc' or layout='nchw'"),
        ("try --loss mean_squared_error", "try loss='mean_squared_error'"),
        ("convert with --no-verify", "convert with verify=False"),
        ("a -- b, x---y and --", "a -- b, x---y and --"),
    ],
)  # fmt: skip
def test_python_names_arguments_where_the_command_line_has_flags(flags, arguments):
    assert in_python(flags) == arguments


def test_reasons_have_neither_numbers_nor_paths(tmp_path):
    with pytest.raises(OSError, match="nowhere") as caught:
        (tmp_path / "nowhere").read_text()
    assert reason(caught.value) == "No such file or directory"
    assert reason(OSError("a library's own words")) == "the system does not say why"
