"""What becomes of each Keras layer: ``python -m tests.lower.keras_layers`` prints the tables.

Each layer is put behind one that learns, lowered, and looked at: which Core ML layers stand for it,
and whether a gradient passes them. `docs/layers.md` shows the outcome.
"""

from converter.backend.tensorflow import keras
from converter.coreml.gradient import Gradient
from converter.coreml.kinds import kind_of
from converter.errors import UnsupportedError
from tests.lower.oracle import lowered_spec, randomized

L = keras.layers
IMAGE, SIGNAL, VECTOR, VOLUME = (8, 9, 4), (12, 4), (9,), (4, 4, 4, 1)
FIRST, OTHER = "first", "other"
MOST = 3
"""Of a layer that becomes more layers than these, which they are differs with Keras's version."""


def merged(layer):
    return lambda x: layer([x, L.ReLU(name=OTHER)(x)])


LAYERS = {
    "Dense": (VECTOR, L.Dense(3)),
    "Dense, over pixels or steps": (IMAGE, L.Dense(3)),
    "EinsumDense": (VECTOR, L.EinsumDense("ab,bc->ac", 3)),
    "Conv1D": (SIGNAL, L.Conv1D(3, 3)),
    "Conv2D": (IMAGE, L.Conv2D(3, 3)),
    "Conv3D": (VOLUME, L.Conv3D(2, 2)),
    "DepthwiseConv1D": (SIGNAL, L.DepthwiseConv1D(3)),
    "DepthwiseConv2D": (IMAGE, L.DepthwiseConv2D(3)),
    "SeparableConv1D": (SIGNAL, L.SeparableConv1D(3, 3)),
    "SeparableConv2D": (IMAGE, L.SeparableConv2D(3, 3)),
    "Conv1DTranspose": (SIGNAL, L.Conv1DTranspose(3, 3)),
    "Conv2DTranspose": (IMAGE, L.Conv2DTranspose(3, 3)),
    "Embedding": ((6,), L.Embedding(10, 4)),
    "MaxPooling1D": (SIGNAL, L.MaxPooling1D()),
    "MaxPooling2D": (IMAGE, L.MaxPooling2D()),
    "AveragePooling1D": (SIGNAL, L.AveragePooling1D(2)),
    "AveragePooling2D": (IMAGE, L.AveragePooling2D(2)),
    "GlobalMaxPooling1D": (SIGNAL, L.GlobalMaxPooling1D()),
    "GlobalMaxPooling2D": (IMAGE, L.GlobalMaxPooling2D()),
    "GlobalAveragePooling1D": (SIGNAL, L.GlobalAveragePooling1D()),
    "GlobalAveragePooling2D": (IMAGE, L.GlobalAveragePooling2D()),
    "Flatten": (IMAGE, L.Flatten()),
    "Reshape": (IMAGE, L.Reshape((72, 4))),
    "Permute": (IMAGE, L.Permute((2, 1, 3))),
    "RepeatVector": (VECTOR, L.RepeatVector(3)),
    "Cropping1D": (SIGNAL, L.Cropping1D()),
    "Cropping2D": (IMAGE, L.Cropping2D(1)),
    "CenterCrop": (IMAGE, L.CenterCrop(4, 4)),
    "ZeroPadding1D": (SIGNAL, L.ZeroPadding1D()),
    "ZeroPadding2D": (IMAGE, L.ZeroPadding2D()),
    "UpSampling1D": (SIGNAL, L.UpSampling1D()),
    "UpSampling2D": (IMAGE, L.UpSampling2D()),
    "Resizing": (IMAGE, L.Resizing(4, 4)),
    "Add": (IMAGE, merged(L.Add())),
    "Average": (IMAGE, merged(L.Average())),
    "Concatenate": (IMAGE, merged(L.Concatenate())),
    "Maximum": (IMAGE, merged(L.Maximum())),
    "Minimum": (IMAGE, merged(L.Minimum())),
    "Multiply": (IMAGE, merged(L.Multiply())),
    "Subtract": (IMAGE, merged(L.Subtract())),
    "Dot": (VECTOR, merged(L.Dot(1))),
    "BatchNormalization": (IMAGE, L.BatchNormalization()),
    "GroupNormalization": (IMAGE, L.GroupNormalization(2)),
    "LayerNormalization": (IMAGE, L.LayerNormalization()),
    "UnitNormalization": (IMAGE, L.UnitNormalization()),
    "SpectralNormalization, of a Conv2D": (IMAGE, L.SpectralNormalization(L.Conv2D(3, 2))),
    "Normalization": (IMAGE, L.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 4, 9, 16])),
    "Rescaling": (IMAGE, L.Rescaling(0.5, 1)),
    "Dropout": (IMAGE, L.Dropout(0.5)),
    "AlphaDropout": (IMAGE, L.AlphaDropout(0.5)),
    "SpatialDropout1D": (SIGNAL, L.SpatialDropout1D(0.5)),
    "SpatialDropout2D": (IMAGE, L.SpatialDropout2D(0.5)),
    "GaussianDropout": (IMAGE, L.GaussianDropout(0.5)),
    "GaussianNoise": (IMAGE, L.GaussianNoise(0.5)),
    "ActivityRegularization": (IMAGE, L.ActivityRegularization()),
    "RandomFlip, RandomRotation, and other augmentation": (IMAGE, L.RandomFlip()),
    "Identity": (IMAGE, L.Identity()),
    "ReLU": (IMAGE, L.ReLU()),
    "LeakyReLU": (IMAGE, L.LeakyReLU()),
    "PReLU, one slope per channel": (IMAGE, L.PReLU(shared_axes=[1, 2])),
    "PReLU, one slope per value": (IMAGE, L.PReLU()),
    "ELU": (IMAGE, L.ELU()),
    "Softmax": (VECTOR, L.Softmax()),
    "TimeDistributed, of a Dense": (SIGNAL, L.TimeDistributed(L.Dense(3))),
    "Attention": (SIGNAL, lambda x: L.Attention()([x, x])),
    "MultiHeadAttention": (SIGNAL, lambda x: L.MultiHeadAttention(2, 3)(x, x)),
    "LSTM": (SIGNAL, L.LSTM(3)),
    "GRU": (SIGNAL, L.GRU(3)),
    "SimpleRNN": (SIGNAL, L.SimpleRNN(3)),
    "Bidirectional": (SIGNAL, L.Bidirectional(L.LSTM(3))),
    "Masking": (SIGNAL, L.Masking()),
    "CategoryEncoding": (VECTOR, L.CategoryEncoding(4)),
}
"""Layer -> the shape of an input, and an example of its use."""

ACTIVATIONS = (
    "relu", "sigmoid", "tanh", "linear", "softmax", "celu", "elu", "exponential", "gelu",
    "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "log_sigmoid",
    "log_softmax", "mish", "relu6", "selu", "silu", "soft_shrink", "softplus", "softsign",
    "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "tanh_shrink",
)  # fmt: skip
"""Activations by their names in Keras."""


def outcome(shape, layer):
    """Return what a layer becomes, and whether the gradient passes, as the table says it."""
    try:
        kinds, passes = _behind_one_that_learns(shape, layer)
    except UnsupportedError as error:
        return f"refused: {str(error).partition(': ')[2].replace('|', chr(92) + '|')}", ""
    text = " and ".join(f"`{kind}`" for kind in kinds) if len(kinds) <= MOST else "several layers"
    return text or _nothing(shape, layer), "passes" if passes else "stops"


def _nothing(shape, layer):
    alone = [kind_of(each) for each in _lowered(shape, layer).neuralNetwork.layers]
    return f"folded into the layer before it, else `{alone[0]}`" if alone else "nothing"


def _behind_one_that_learns(shape, layer):
    kinds = {1: L.Dense(shape[-1], name=FIRST), 2: L.Conv1D(shape[-1], 1, name=FIRST)}
    first = kinds.get(len(shape), L.Conv2D(shape[-1], 1, name=FIRST))
    if len(shape) > 3 or isinstance(layer, L.Embedding):
        first = L.Identity()  # what is refused needs no layer before it
    spec = _lowered(shape, lambda x: layer(first(x)), (FIRST,))
    layers = spec.neuralNetwork.layers
    of_its_own = [each for each in layers if each.name.split("__")[0] not in (FIRST, OTHER)]
    blocker = Gradient(layers, "output", crossentropy=False).blockers()[0]
    return [kind_of(each) for each in of_its_own], blocker is None


def _lowered(shape, function, updatable=()):
    given = keras.Input(shape)
    spec, _ = lowered_spec(randomized(keras.Model(given, function(given))), updatable)
    return spec


def rows():
    """Yield (name, shape, layer) of every row of both tables."""
    for name, (shape, layer) in LAYERS.items():
        yield name, shape, layer
    for name in ACTIVATIONS:
        yield f"`{name}`", IMAGE, L.Activation(name)


def row(name, shape, layer):
    """Return one row in Markdown."""
    return f"| {' | '.join((name, *outcome(shape, layer)))} |"


def tables():
    """Return the tables of layers and of activations in Markdown."""
    head = ["| Keras | in Core ML | the gradient |", "|---|---|---|"]
    found = [row(*each) for each in rows()]
    parts = found[: len(LAYERS)], found[len(LAYERS) :]
    return tuple("\n".join([*head, *part]) for part in parts)


if __name__ == "__main__":
    print(*tables(), sep="\n\n")
