"""Random small CNNs from the supported layers predict what Keras predicts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, seed, settings
from hypothesis import strategies as st

from converter.backend.tensorflow import keras
from converter.proof.keras_model import keras_predictions
from tests.long import usual_or_long
from tests.lower.oracle import batch_for, check, randomized

L = keras.layers

CHUNKS = 6
EXAMPLES = usual_or_long(6, 60)
"""Networks per chunk. The first of each chunk is the smallest there is; the others differ."""

ACTIVATIONS = [
    "relu", "relu6", "leaky_relu", "elu", "selu", "sigmoid", "hard_sigmoid", "tanh", "softplus",
    "softsign", "swish", "linear", "softmax",
]  # fmt: skip

small = st.integers(1, 3)
padding = st.sampled_from(["valid", "same"])
activation = st.sampled_from(ACTIVATIONS)
flag = st.booleans()


@st.composite
def convolution(draw):
    strides = draw(st.sampled_from([1, 2]))
    dilation = draw(st.sampled_from([1, 2])) if strides == 1 else 1
    options = {"dilation_rate": dilation, "use_bias": draw(flag), "activation": draw(activation)}
    kernel = draw(small), draw(small)
    return L.Conv2D, (draw(st.integers(1, 5)), kernel, strides, draw(padding)), options


def layer(kind, *arguments, **options):
    """Draw a layer class and its arguments; the test builds it, as Keras draws seeds itself."""
    return st.tuples(st.just(kind), st.tuples(*arguments), st.fixed_dictionaries(options))


def pairs(most):
    ends = st.tuples(st.integers(0, most), st.integers(0, most))
    return st.tuples(ends, ends)


IMAGE_LAYERS = st.one_of(
    convolution(),
    layer(L.DepthwiseConv2D, small, st.sampled_from([1, 2]), padding, st.integers(1, 2),
          use_bias=flag),
    layer(L.SeparableConv2D, small, small, padding=padding),
    layer(L.Conv2DTranspose, small, small, small, padding),
    layer(L.MaxPooling2D, small, small, padding),
    layer(L.AveragePooling2D, small, small, padding),
    layer(L.BatchNormalization, scale=flag, center=flag),
    layer(L.Activation, activation),
    layer(L.ReLU, st.sampled_from([None, 2.0]), st.sampled_from([0.0, 0.2]),
          st.sampled_from([0.0, 0.5])),
    layer(L.PReLU, shared_axes=st.just([1, 2])),
    layer(L.ELU, st.sampled_from([0.3, 1.0])),
    layer(L.ZeroPadding2D, pairs(2)),
    layer(L.Cropping2D, pairs(1)),
    layer(L.UpSampling2D, st.tuples(st.integers(1, 2), st.integers(1, 2))),
    layer(L.Rescaling, st.sampled_from([0.5, -2.0]), st.sampled_from([0.0, 0.3])),
    layer(L.Dropout, st.just(0.5)),
)  # fmt: skip

BRANCHES = st.sampled_from(["add", "concatenate", "multiply", "maximum", "average", "subtract"])
HEADS = st.sampled_from(["flatten", "global average", "global max", "permuted"])


def joined(x, how):
    """Return two branches over `x`, joined again."""
    channels = x.shape[-1]
    a = L.Conv2D(channels, 1, activation="tanh")(x)
    b = L.BatchNormalization()(L.Conv2D(channels, 3, padding="same")(x))
    return {
        "add": L.Add(), "concatenate": L.Concatenate(), "multiply": L.Multiply(),
        "maximum": L.Maximum(), "average": L.Average(), "subtract": L.Subtract(),
    }[how]([a, b])  # fmt: skip


def headed(x, how):
    """Return a vector made of the image `x`."""
    if how == "permuted":
        x = L.Permute((2, 1, 3))(x)
    return {
        "global average": L.GlobalAveragePooling2D(), "global max": L.GlobalMaxPooling2D(),
    }.get(how, L.Flatten())(x)  # fmt: skip


@given(
    height=st.integers(6, 9), width=st.integers(6, 9), channels=st.integers(1, 3),
    body=st.lists(st.one_of(IMAGE_LAYERS, BRANCHES), min_size=1, max_size=5),
    head=HEADS, units=st.lists(st.integers(1, 6), min_size=1, max_size=2),
    weights=st.integers(0, 99),
)  # fmt: skip
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
def predicts_as_keras(height, width, channels, body, head, units, weights):
    keras.backend.clear_session(free_memory=False)  # a collection takes longer than the test
    x = image = keras.Input((height, width, channels))
    for part in body:
        try:
            y = joined(x, part) if isinstance(part, str) else part[0](*part[1], **part[2])(x)
        except ValueError:  # the image has become too small for this layer
            continue
        if 0 not in y.shape[1:] and max(y.shape[1:3]) <= 40:
            x = y
    x = headed(x, head)
    for n in units:
        x = L.Dense(n)(L.Activation("tanh")(x))
    model = randomized(keras.Model(image, x), weights)
    assume(np.ptp(keras_predictions(model, batch_for(model), 0)) > 0)  # dead networks prove nothing
    check(model)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_networks(chunk):
    seed(chunk)(predicts_as_keras)()
