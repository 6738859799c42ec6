"""Multiply-adds and kept activations, against counts by hand."""

import pytest

from converter.backend.tensorflow import keras
from converter.coreml.cost import Arithmetic, Cost
from tests.converting import IMAGE, convert, small_cnn
from tests.lower.oracle import sequential

L = keras.layers
CONV, FIRST, SECOND = 36 * 4 * 27, 36 * 6, 6 * 4
"""Multiply-adds of the layers of `small_cnn`: 6 x 6 places, 4 channels, 3 x 3 x 3 kernels; 36 to 6;
6 to 4."""


@pytest.mark.parametrize(
    ("layers", "backward", "kept"),
    [
        (("dense_6",), SECOND, 6 + 4),
        (("dense_5", "dense_6"), FIRST + 2 * SECOND, 36 + 6 + 4),
        (("dense_5",), FIRST + SECOND, 36 + 6 + 4),
        (("*",), CONV + 2 * FIRST + 2 * SECOND, 192 + 144 + 36 + 6 + 4),
        (("conv",), CONV + FIRST + SECOND, 192 + 144 + 36 + 6 + 4),
    ],
)
def test_backward_goes_only_as_far_as_a_layer_learns(layers, backward, kept, tmp_path):
    cost = Cost(convert(small_cnn(), tmp_path, layers=layers)[0])
    assert cost.arithmetic() == Arithmetic(CONV + FIRST + SECOND, backward)
    assert cost.arithmetic().total == CONV + FIRST + SECOND + backward
    assert cost.activations() == kept


def test_a_pipeline_costs_what_its_last_model_does(tmp_path):
    cost = Cost(convert(small_cnn(), tmp_path, layers=("dense_6",), layout="pipeline")[0])
    assert cost.arithmetic().backward == SECOND


LAYERS = {
    "in groups": (L.DepthwiseConv2D(3), 36 * 3 * 9),
    "by three groups": (L.Conv2D(6, 1, groups=3), 64 * 6 * 1),
    "with holes": (L.Conv2D(2, 3, dilation_rate=2), 16 * 2 * 27),
    "strided": (L.Conv2D(2, 3, strides=2, padding="same"), 16 * 2 * 27),
    "transposed": (L.Conv2DTranspose(2, 2, strides=2), 64 * 3 * 2 * 4),
    "separable": (L.SeparableConv2D(5, 3), 36 * 3 * 9 + 36 * 3 * 5),
    "none": (L.AveragePooling2D(2), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_each_kind_of_layer_is_counted_by_its_own_shape(name, tmp_path):
    layer, count = LAYERS[name]
    model = sequential(IMAGE, layer, L.Flatten(), L.Dense(2, "softmax", name="head"))
    model.compile("sgd", "categorical_crossentropy")
    found = Cost(convert(model, tmp_path, layers=("head",))[0]).arithmetic()
    head = model.get_layer("head").kernel.shape[0] * 2
    assert found == Arithmetic(count + head, head)
