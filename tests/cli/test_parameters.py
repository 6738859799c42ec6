"""One way to write the shape of an input, in all commands that take one."""

import pytest

from converter import cli

COMMANDS = {
    "convert": ["convert", "model.h5"],
    "inspect": ["inspect", "model.h5"],
    "verify": ["verify", "model.mlmodel", "--against", "model.h5"],
}


@pytest.mark.parametrize("text", ["28,x,1", "28,,1", "0,0,3", "-3,4,2"])
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_shape_is_wrong_usage_in_every_command(command, text, capsys):
    assert cli.run([*COMMANDS[command], "--input-shape", text]) == 2
    expected = f"Invalid value for '--input-shape': {text!r} is not a list of sizes like 224,224,3"
    assert capsys.readouterr().err.startswith(f"error: {expected} (see make-updatable {command} ")


def test_numbers_for_each_colour(capsys):
    assert cli.run(["convert", "model.h5", "--image", "rgb", "--bias", "1,two,3"]) == 2
    assert "'1,two,3' is not a list of numbers like 1,2,3" in capsys.readouterr().err
