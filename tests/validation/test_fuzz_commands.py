"""Every command that takes a .mlmodel, on models with a few fields changed: no bug, no loop."""

import time

import pytest

from converter import cli
from converter.errors import EXIT_ERROR, EXIT_NOT_RUN, EXIT_OK, EXIT_USAGE
from tests.long import usual_or_long
from tests.validation.fuzzed import commands, fuzzed

CHUNKS = 4
SPECS = usual_or_long(10, 1000)
"""Changed models per chunk."""

BUILDING_GRAPHS = ("evaluate", "train")
"""These take most of the time; a part of the models goes through them, too."""

SHARE = usual_or_long(4, 1)

CODES = {EXIT_OK, EXIT_ERROR, EXIT_USAGE, EXIT_NOT_RUN}

SLOWEST = 60
"""Seconds of processor time for one command: a hundred times what the slowest takes."""


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_changed_models_in_every_command(chunk, tmp_path, capsys):
    path = tmp_path / "Model.mlmodel"
    seen = []
    for number, (_, data) in enumerate(fuzzed(chunk, SPECS)):
        path.write_bytes(data)
        left_out = BUILDING_GRAPHS if number % SHARE else ()
        for command in (c for c in commands(path, data, tmp_path) if c[0] not in left_out):
            started = time.process_time()
            code = cli.run(command)
            assert time.process_time() - started < SLOWEST
            said = capsys.readouterr().err
            assert code in CODES, said
            assert "Traceback" not in said
            seen.append(code)
    # Some are refused and some are not.
    assert {EXIT_OK, EXIT_ERROR} <= set(seen)
