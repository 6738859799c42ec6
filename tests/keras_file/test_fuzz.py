"""Damaged Keras files: each is read or refused in one line, whatever the HDF5 library does."""

import random
from pathlib import Path

import pytest

from converter import keras_file
from converter.errors import KerasFileError
from converter.keras_file import reader
from converter.keras_file.content import all_groups
from converter.loading import CONTRADICTIONS
from tests.keras_file.damage import damaged, originals
from tests.long import usual_or_long

pytestmark = pytest.mark.slow

CHUNKS = 4
FILES = usual_or_long(250, 5000)
"""Files per chunk."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(reader, "SECONDS", 2.0)  # these files take 0.02 s


def everything_in(path):
    """Return a description of the model in `path`, and all of its arrays."""
    model = repr(keras_file.read(path))
    with keras_file.open_arrays(path) as arrays:
        return model, [
            (group.name, name, array.shape, array[()].tobytes())
            for group in all_groups(arrays.root)
            for name, array in group.arrays
        ]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_damaged_files(chunk, tmp_path):
    rng, sources = random.Random(chunk), originals()
    whole = {}
    for name, data in sources.items():
        (tmp_path / name).write_bytes(data)
        whole[name] = everything_in(tmp_path / name)
    messages, equal = [], 0
    for _ in range(FILES):
        name = rng.choice(sorted(sources))
        path = tmp_path / f"damaged{Path(name).suffix}"
        path.write_bytes(damaged(rng, sources[name]))
        try:
            equal += everything_in(path) == whole[name]
        except KerasFileError as error:
            messages.append(str(error))
        except CONTRADICTIONS as error:
            messages.append(type(error).__name__)  # `load` makes one line of them
    assert all(map(str.isprintable, messages))
    # Damage that is noticed and damage that changes nothing have both to occur.
    assert 0.5 * FILES < len(messages) < 0.7 * FILES
    assert 0.25 * FILES < equal < 0.45 * FILES
