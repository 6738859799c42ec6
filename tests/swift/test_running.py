"""The generated trainers run: they learn, save, and end as they say, on a stand-in that trains."""

import pytest

from tests.swift import running
from tests.swift.compiler import needs_swift, once, stand_in

pytestmark = needs_swift


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    modules = stand_in(tmp_path_factory)
    return once(tmp_path_factory, "running", lambda folder: running.build(folder, modules))


@pytest.mark.parametrize("case", running.CASES)
def test_a_trainer(case, program):
    printed, passed = running.run(program, case)
    assert passed, printed
    assert "Executed 1 test, with 0 failures" in printed
