"""Models with layers of one's own classes."""

import pytest

from converter.backend.tensorflow import keras
from converter.conversion.story import convert_file
from converter.errors import NotUpdatableError
from converter.recipe import Recipe
from tests.converting import IMAGE
from tests.lower.oracle import sequential

L = keras.layers


@keras.saving.register_keras_serializable("tests.conversion")
class SqueezeExcite(keras.layers.Layer):
    """A class with a ``call`` of its own, a layer inside, a weight, and ``keras.ops``."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = L.Dense(4, activation="sigmoid")

    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), name="gain", initializer="ones")
        self.inner.build((None, shape[-1]))

    def call(self, x):
        gate = self.inner(keras.ops.mean(x, axis=(1, 2))) * self.gain
        return x * keras.ops.reshape(gate, (-1, 1, 1, 4))


@keras.saving.register_keras_serializable("tests.conversion")
class Halved(keras.layers.Layer):
    """A class without weights."""

    def __init__(self, **options):
        super().__init__(**options)

    def call(self, x):
        return x / 2


@pytest.mark.parametrize("name", ["own.keras", "own.h5"])
def test_registered_classes_may_stand_in_the_frozen_part(tmp_path, name):
    model = sequential(
        IMAGE, L.Conv2D(4, 3, activation="relu"), Halved(name="half"),
        SqueezeExcite(name="gate"), SqueezeExcite(name="gate_2"), L.Flatten(),
        L.Dense(3, activation="softmax", name="head"),
    )  # fmt: skip
    model.compile("adam", "categorical_crossentropy")
    model.save(tmp_path / name)
    target = tmp_path / "own.mlmodel"
    report = convert_file(Recipe(model=tmp_path / name, output_path=target, layers=("head",)))
    assert report.parity <= 1e-5
    with pytest.raises(NotUpdatableError, match="conv"):
        convert_file(Recipe(model=tmp_path / name, layers=("*",)))
