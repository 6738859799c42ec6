"""A live model must be one that runs here: of this Keras, and on TensorFlow."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

import converter
from converter.errors import UnsupportedError, UsageError
from tests.paths import MODELS

ON_JAX = """
import keras
import converter
from converter.errors import UnsupportedError

assert keras.backend.backend() == "jax"
dense = keras.layers.Dense(3, activation="softmax")
live = keras.Sequential([keras.Input((4,)), dense])
for model in (live, "models/lenet.h5"):
    try:
        converter.convert(model)
    except UnsupportedError as error:
        print(error)
"""

REFUSAL = (
    "this program runs Keras on jax, and a conversion runs it on TensorFlow; save the model, "
    "model.save('model.keras'), and convert the file in another process: make-updatable model.keras"
)


@pytest.mark.slow
def test_another_backend_is_refused_in_one_true_sentence():
    done = subprocess.run(
        [sys.executable, "-c", ON_JAX], capture_output=True, text=True, cwd=MODELS.parent,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )  # fmt: skip
    assert done.stdout.splitlines() == [REFUSAL, REFUSAL], done.stderr


def of_another_keras():
    return type("Sequential", (), {"__module__": "tf_keras.src.engine.sequential"})()


@pytest.mark.parametrize(
    ("model", "error", "said"),
    [
        (
            of_another_keras(),
            UnsupportedError,
            r"^tf_keras\.\S+Sequential is of another Keras .*save",
        ),
        (SimpleNamespace(name="x"), UsageError, "live keras.Model, not types.SimpleNamespace"),
        (None, UsageError, "not builtins.NoneType"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_model_of_this_keras_is_refused(model, error, said):
    with pytest.raises(error, match=said):
        converter.convert(model)


@pytest.mark.slow
def test_so_is_what_to_compare_with(tmp_path):
    file = converter.convert(MODELS / "cats_dogs.keras", verify=False).save(tmp_path / "x.mlmodel")
    with pytest.raises(UsageError, match=r"live keras\.Model, not builtins\.int"):
        converter.load(file).verify(against=3)
