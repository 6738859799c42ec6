"""Files written by Keras 1.2.2 to 3.15 predict what the Keras that wrote them predicted."""

import numpy as np
import pytest

from converter.backend.layouts import any_layout
from converter.errors import KerasFileError
from converter.loading import load
from tests.paths import ZOO

OPTIONS = {"tf24_any_size.h5": {"input_shape": (18, 20, 3)}}

TOLERANCES = {"tf28_half_precision.h5": 2e-3}
"""Of the output's range. That file was computed in float16, of which 2e-3 is two units."""

REFUSED = {
    "keras122_lstm.h5": "layer 'lstm_1' .* Keras 1 .* save it with Keras 2",
    "keras122_steering_lambda.h5": "layer 'lambda_1' is a Lambda.*--scale.*--allow-unsafe",
    "keras224_lambda_in_the_middle.h5": "layer 'squared' .* not run.*--allow-unsafe",
    "keras224_weights_only.h5": "weights only",
    "keras315_lambda.keras": "layer 'normalize' is a Lambda.*--scale",
    "keras315_subclassed.keras": r"subclassed model \(Own\)",
    "keras315_weights_only.weights.h5": "weights only",
    "keras37_int8.keras": r"layer 'dense' \(Dense\) is quantized to int8",
}

FILES = sorted(p.name for p in ZOO.iterdir() if p.suffix in (".h5", ".keras"))


def fixture(name):
    """Return the inputs and outputs stored beside a file."""
    stem = name.removesuffix(".keras").removesuffix(".h5")
    with np.load(ZOO / f"{stem}.npz") as data:
        return [[data[k] for k in sorted(data) if k[0] == letter] for letter in "xy"]


def predictions(model, inputs):
    with any_layout():
        outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    return [np.asarray(y) for y in (outputs if isinstance(outputs, list) else [outputs])]


def assert_equal_predictions(model, inputs, expected, tolerance=1e-5):
    actual = predictions(model, inputs)
    assert len(actual) == len(expected) > 0
    for ours, theirs in zip(actual, expected, strict=True):
        spread = theirs.max() - theirs.min()
        assert spread > 1e-3, "the fixture says nothing: all its predictions are equal"
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= tolerance * spread


def test_the_zoo_is_complete():
    assert len(FILES) >= 60
    assert set(REFUSED) | set(OPTIONS) | set(TOLERANCES) <= set(FILES)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FILES if name not in REFUSED])
def test_predictions_are_those_of_the_library_that_wrote_the_file(name):
    inputs, expected = fixture(name)
    loaded = load(ZOO / name, **OPTIONS.get(name, {}))
    assert_equal_predictions(loaded.model, inputs, expected, TOLERANCES.get(name, 1e-5))
    assert not loaded.model.compiled


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line(name):
    with pytest.raises(KerasFileError, match=REFUSED[name]) as caught:
        load(ZOO / name)
    assert str(ZOO / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "scaling"),
    [
        ("keras122_steering_lambda.h5", (1 / 127.5, -1.0)),
        ("keras315_lambda.keras", (1 / 255, -0.5)),
    ],
)
def test_a_lambda_on_the_input_can_be_replaced_by_a_scale_and_a_bias(name, scaling):
    inputs, expected = fixture(name)
    loaded = load(ZOO / name, lambda_scaling=scaling)
    assert_equal_predictions(loaded.model, inputs, expected)
    assert loaded.model.layers[0].__class__.__name__ == "Rescaling"


def test_the_lambda_of_keras_itself_is_known_without_being_run():
    layer = load(ZOO / "tf24_inception_resnet_block.h5").model.get_layer("block35_1")
    assert type(layer).__name__ == "CustomScaleLayer"
    assert layer.scale == 0.17


def test_frozen_layers_stay_frozen():
    model = load(ZOO / "keras224_partly_frozen.h5").model
    base = model.get_layer("base")
    assert [layer.name for layer in base.layers if layer.weights and not layer.trainable] == [
        "base_conv",
        "base_bn",
    ]
    frozen = load(ZOO / "tf24_transfer.h5").model
    assert not frozen.get_layer("backbone").trainable_weights
    assert len(frozen.trainable_weights) == 2
