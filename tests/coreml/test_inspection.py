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
