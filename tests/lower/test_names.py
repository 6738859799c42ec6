"""How the layers that a Keras layer becomes are called, and that no needless one is made."""

import pytest

from tests.lower.oracle import keras, lowered_spec, sequential

L = keras.layers
IMAGE = (6, 5, 3)

NAMES = {
    "a kernel": ([L.Conv2D(4, 2, name="conv")], ["conv"]),
    "a kernel and more": (
        [L.Conv2D(4, 2, activation="relu", name="conv")], ["conv", "conv__activation"]
    ),
    "data are turned for a kernel": (
        [L.Permute((2, 3, 1)), L.Conv2D(4, 2, name="conv")], ["conv__permute", "conv"]
    ),
    "before and behind it": (
        [L.Permute((3, 1, 2)), L.Dense(4, name="dense")],
        ["dense__permute", "dense", "dense__permute__2"],
    ),
    "two kernels": (
        [L.SeparableConv2D(4, 2, name="conv")], ["conv__depthwise", "conv__pointwise"]
    ),
    "no kernel": ([L.MaxPooling2D(name="pool")], ["pool"]),
    "no kernel, several layers": ([L.Softmax(axis=2, name="soft")], [
        "soft", "soft__softmax", "soft__permute",
    ]),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMES)
def test_the_layer_with_the_kernel_has_the_name_of_the_keras_layer(case):
    layers, names = NAMES[case]
    spec, _ = lowered_spec(sequential(IMAGE, *layers))
    assert [layer.name for layer in spec.neuralNetwork.layers] == names


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((5, 1), "NCW"), ((1, 5), "NWC"), ((5, 1, 1), "NCWH"), ((1, 5, 1), "NHCW"),
        ((1, 1, 5), "NHWC"),
    ],
)  # fmt: skip
def test_a_vector_lies_along_any_axis_without_being_turned(shape, axes):
    spec, found = lowered_spec(sequential(IMAGE, L.Flatten(), L.Dense(5), L.Reshape(shape)))
    kinds = [layer.WhichOneof("layer") for layer in spec.neuralNetwork.layers]
    assert kinds == ["flatten", "innerProduct"]
    assert (found.output.axes, found.output.chw) == (axes, (5, 1, 1))
