"""What ``inspect`` shows of the weights in a ``.mlmodel``."""

import pytest
from coremltools.models import MLModel
from coremltools.models.neural_network.quantization_utils import quantize_weights

from converter.coreml.inspection import inspect
from tests.converting import convert, small_cnn


@pytest.mark.parametrize(
    ("bits", "mode", "said"),
    [
        (8, "linear", "int8"),
        (8, "linear_symmetric", "int8"),
        (4, "linear", "int4"),
        (4, "linear_lut", "4-bit table"),
        (16, "linear", "float16"),
    ],
)
def test_quantized_weights_say_what_they_are(tmp_path, bits, mode, said):
    spec, _ = convert(small_cnn(), tmp_path)
    assert {layer.precision for layer in inspect(spec).layers} == {""}
    spec.isUpdatable = False
    made = quantize_weights(MLModel(spec, skip_model_load=True), bits, mode)
    found = {layer.name: layer for layer in inspect(getattr(made, "_spec", made)).layers}
    assert found["dense_5"].precision.startswith(said)
    assert found["dense_5"].cells()[3].endswith(f"({found['dense_5'].precision})")
    assert found["pool"].precision == ""


def test_a_pipeline_tells_what_each_layer_takes(tmp_path):
    spec, report = convert(small_cnn(), tmp_path, frozen_weights="int8")
    found = inspect(spec)
    assert (found.name, found.layers, found.update) == ("", (), None)
    features, learning = found.models
    assert (features.name, learning.name) == ("features", "learning")
    assert (features.update, learning.update.optimizer) == (None, "adam")
    stored = {layer.name: layer.bytes for layer in found.as_one.layers if layer.weights}
    # 108 weights and a scale and a bias for each of four channels; four biases of zero.
    assert 108 + 2 * 4 * 4 + 4 * 4 <= stored["conv"] <= 108 + 2 * 4 * 4 + 4 * 4 + 30
    assert 4 * 222 <= stored["dense_5"] <= 4 * 222 + 20
    assert found.as_one.layers == report.layers
    assert found.as_one.update == report.update
