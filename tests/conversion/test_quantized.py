"""Models with whole numbers for weights say what they are."""

import pytest

from converter.backend.tensorflow import keras
from converter.conversion.inspection import inspect
from converter.conversion.traced import traced
from converter.errors import KerasFileError, UnsupportedError
from converter.recipe import Recipe

L = keras.layers


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_quantized_keras_models(tmp_path, mode):
    model = keras.Sequential([keras.Input((8,)), L.Dense(6, name="a"), L.Softmax()])
    try:
        model.quantize(mode)
    except ValueError:
        pytest.skip(f"Keras {keras.__version__} does not know {mode}")
    with pytest.raises(UnsupportedError, match=rf"layer 'a' \(Dense\) is quantized to {mode}"):
        traced(model, Recipe(model=tmp_path / "live"))
    model.save(tmp_path / "model.keras")
    with pytest.raises(KerasFileError, match=rf"layer 'a' \(Dense\) is quantized to {mode}"):
        inspect(Recipe(model=tmp_path / "model.keras"))
