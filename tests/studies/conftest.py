"""The files of a small study, written once."""

import pytest

from tests.studies.small import write_all


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write_all(folder)
    return folder
