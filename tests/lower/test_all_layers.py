"""Every public layer class of Keras: it predicts what Keras predicts, or is refused by name."""

import inspect

import pytest

from converter.backend.tensorflow import keras
from converter.errors import UnsupportedError
from tests.lower.oracle import check, randomized

L, ops = keras.layers, keras.ops
IMAGE, SIGNAL, VECTOR, VOLUME = (8, 8, 4), (12, 4), (6,), (4, 4, 4, 2)
COLOUR = (8, 8, 3)

CONVERTED = {
    "Activation": (IMAGE, lambda x: L.Activation("relu")(x)),
    "ActivityRegularization": (IMAGE, lambda x: 2 * L.ActivityRegularization(0.1)(x)),
    "Add": (IMAGE, lambda x: L.Add()([x, x * x])),
    "AlphaDropout": (IMAGE, lambda x: 2 * L.AlphaDropout(0.1)(x)),
    "Average": (IMAGE, lambda x: L.Average()([x, x * x])),
    "AveragePooling1D": (SIGNAL, lambda x: L.AveragePooling1D(2)(x)),
    "AveragePooling2D": (IMAGE, lambda x: L.AveragePooling2D(2)(x)),
    "BatchNormalization": (IMAGE, lambda x: L.BatchNormalization()(x)),
    "CenterCrop": (IMAGE, lambda x: L.CenterCrop(5, 4)(x)),
    "Concatenate": (IMAGE, lambda x: L.Concatenate()([x, 2 * x])),
    "Conv1D": (SIGNAL, lambda x: L.Conv1D(4, 3, groups=2, activation="relu")(x)),
    "Conv1DTranspose": (SIGNAL, lambda x: L.Conv1DTranspose(3, 3, strides=2)(x)),
    "Conv2D": (IMAGE, lambda x: L.Conv2D(4, 3, groups=2, activation="relu")(x)),
    "Conv2DTranspose": (IMAGE, lambda x: L.Conv2DTranspose(3, 3, strides=2)(x)),
    "Cropping1D": (SIGNAL, lambda x: L.Cropping1D()(x)),
    "Cropping2D": (IMAGE, lambda x: L.Cropping2D(((1, 2), (0, 3)))(x)),
    "Dense": (VECTOR, lambda x: L.Dense(3)(x)),
    "DepthwiseConv1D": (SIGNAL, lambda x: L.DepthwiseConv1D(3, dilation_rate=2)(x)),
    "DepthwiseConv2D": (IMAGE, lambda x: L.DepthwiseConv2D(3, dilation_rate=2)(x)),
    "Dropout": (IMAGE, lambda x: 2 * L.Dropout(0.1)(x)),
    "ELU": (IMAGE, lambda x: L.ELU(0.5)(x)),
    "EinsumDense": (VECTOR, lambda x: L.EinsumDense("ab,bc->ac", 3)(x)),
    "Flatten": (IMAGE, lambda x: L.Flatten()(x)),
    "GaussianDropout": (IMAGE, lambda x: 2 * L.GaussianDropout(0.1)(x)),
    "GaussianNoise": (IMAGE, lambda x: 2 * L.GaussianNoise(0.1)(x)),
    "GlobalAveragePooling1D": (SIGNAL, lambda x: L.GlobalAveragePooling1D()(x)),
    "GlobalAveragePooling2D": (IMAGE, lambda x: L.GlobalAveragePooling2D()(x)),
    "GlobalMaxPooling1D": (SIGNAL, lambda x: L.GlobalMaxPooling1D()(x)),
    "GlobalMaxPooling2D": (IMAGE, lambda x: L.GlobalMaxPooling2D()(x)),
    "GroupNormalization": (IMAGE, lambda x: L.GroupNormalization(2)(x)),
    "Identity": (IMAGE, lambda x: 2 * L.Identity()(x)),
    "Lambda": (IMAGE, lambda x: L.Lambda(lambda y: y * 2)(x)),
    "LayerNormalization": (IMAGE, lambda x: L.LayerNormalization()(x)),
    "LeakyReLU": (IMAGE, lambda x: L.LeakyReLU(0.2)(x)),
    "MaxPooling1D": (SIGNAL, lambda x: L.MaxPooling1D()(x)),
    "MaxPooling2D": (IMAGE, lambda x: L.MaxPooling2D()(x)),
    "Maximum": (IMAGE, lambda x: L.Maximum()([x, x * x])),
    "Minimum": (IMAGE, lambda x: L.Minimum()([x, x * x])),
    "Multiply": (IMAGE, lambda x: L.Multiply()([x, x * x])),
    "Normalization": (IMAGE, lambda x: L.Normalization(mean=[0.1] * 4, variance=[2.0] * 4)(x)),
    "PReLU": (IMAGE, lambda x: L.PReLU()(x)),
    "Permute": (IMAGE, lambda x: L.Conv2D(2, 3)(L.Permute((3, 1, 2))(x))),
    "Pipeline": (COLOUR, lambda x: 2 * L.Pipeline([L.RandomFlip()])(x)),
    "RMSNormalization": (IMAGE, lambda x: L.RMSNormalization()(x)),
    "ReLU": (IMAGE, lambda x: L.ReLU(0.7, 0.1, 0.2)(x)),
    "RepeatVector": (VECTOR, lambda x: L.RepeatVector(3)(x)),
    "Rescaling": (IMAGE, lambda x: L.Rescaling(0.5, 0.1)(x)),
    "Reshape": (IMAGE, lambda x: L.Reshape((16, 16))(x)),
    "Resizing": (IMAGE, lambda x: L.Resizing(5, 4)(x)),
    "SeparableConv1D": (SIGNAL, lambda x: L.SeparableConv1D(3, 3)(x)),
    "SeparableConv2D": (IMAGE, lambda x: L.SeparableConv2D(3, 3)(x)),
    "SimpleRNNCell": (VECTOR, lambda x: L.SimpleRNNCell(6)(x, x)[0]),
    "Softmax": (IMAGE, lambda x: L.Softmax(axis=[1, 2])(x)),
    "SpatialDropout1D": (SIGNAL, lambda x: 2 * L.SpatialDropout1D(0.1)(x)),
    "SpatialDropout2D": (IMAGE, lambda x: 2 * L.SpatialDropout2D(0.1)(x)),
    "SpectralNormalization": (IMAGE, lambda x: L.SpectralNormalization(L.Conv2D(3, 2))(x)),
    "StackedRNNCells": (VECTOR, lambda x: L.StackedRNNCells([L.SimpleRNNCell(6)])(x, [x])[0]),
    "Subtract": (IMAGE, lambda x: L.Subtract()([x, x * x])),
    "TimeDistributed": (SIGNAL, lambda x: L.TimeDistributed(L.Dense(3))(x)),
    "UnitNormalization": (IMAGE, lambda x: L.UnitNormalization()(x)),
    "UpSampling1D": (SIGNAL, lambda x: L.UpSampling1D()(x)),
    "UpSampling2D": (IMAGE, lambda x: L.UpSampling2D()(x)),
    "ZeroPadding1D": (SIGNAL, lambda x: L.ZeroPadding1D()(x)),
    "ZeroPadding2D": (IMAGE, lambda x: L.ZeroPadding2D()(x)),
    "LSTMCell": (VECTOR, lambda x: L.LSTMCell(6)(x, [x, x])[0]),
}

AUGMENTING = {
    "AugMix": {},
    "CutMix": {},
    "Equalization": {},
    "MixUp": {},
    "RandAugment": {},
    "RandomBrightness": {"factor": 0.1},
    "RandomColorDegeneration": {"factor": 0.1},
    "RandomColorJitter": {},
    "RandomContrast": {"factor": 0.1},
    "RandomElasticTransform": {},
    "RandomErasing": {},
    "RandomFlip": {},
    "RandomGaussianBlur": {},
    "RandomGrayscale": {},
    "RandomHue": {"factor": 0.1},
    "RandomInvert": {"factor": 0.1},
    "RandomPerspective": {},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.1},
    "RandomSaturation": {"factor": 0.1},
    "RandomSharpness": {"factor": 0.1},
    "RandomShear": {"x_factor": 0.1},
    "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
    "RandomZoom": {"height_factor": 0.1},
    "Solarization": {},
}
"""Layers that pass their input on in inference, and arguments to make one."""

LOOKED_UP, PREPARED = "looks up a vector", "prepares texts or categories"
MATRICES, RECURRENT = "multiplies two computed matrices", "is recurrent"
ADAPTIVE, CHOICE = "pools windows of different sizes", "compares values"
VOLUMES, SHAPE = "works on volumes", "input has the shape"

REFUSED = {
    "AdaptiveAveragePooling1D": (SIGNAL, lambda x: L.AdaptiveAveragePooling1D(3)(x), ADAPTIVE),
    "AdaptiveAveragePooling2D": (IMAGE, lambda x: L.AdaptiveAveragePooling2D(3)(x), ADAPTIVE),
    "AdaptiveMaxPooling1D": (SIGNAL, lambda x: L.AdaptiveMaxPooling1D(3)(x), ADAPTIVE),
    "AdaptiveMaxPooling2D": (IMAGE, lambda x: L.AdaptiveMaxPooling2D(3)(x), ADAPTIVE),
    "AdditiveAttention": (SIGNAL, lambda x: L.AdditiveAttention()([x, x]), MATRICES),
    "Attention": (SIGNAL, lambda x: L.Attention()([x, x]), MATRICES),
    "AutoContrast": (COLOUR, lambda x: L.AutoContrast()(x), "'IsNan' is unknown"),
    "Bidirectional": (SIGNAL, lambda x: L.Bidirectional(L.LSTM(3))(x), RECURRENT),
    "CategoryEncoding": (VECTOR, lambda x: L.CategoryEncoding(5)(x), PREPARED),
    "ContrastLimitedAdaptiveHistogramEqualization": (
        COLOUR, lambda x: L.ContrastLimitedAdaptiveHistogramEqualization()(x), CHOICE
    ),
    "ConvLSTM1D": ((5, 6, 2), lambda x: L.ConvLSTM1D(2, 3)(x), RECURRENT),
    "ConvLSTM2D": ((3, 5, 5, 2), lambda x: L.ConvLSTM2D(2, 3)(x), RECURRENT),
    "ConvLSTM3D": ((3, 5, 5, 5, 2), lambda x: L.ConvLSTM3D(2, 3)(x), RECURRENT),
    "Discretization": (VECTOR, lambda x: L.Discretization([0.0, 1.0])(x), PREPARED),
    "Dot": (VECTOR, lambda x: L.Dot(1)([x, 2 * x]), MATRICES),
    "Embedding": (VECTOR, lambda x: L.Embedding(5, 3)(x), LOOKED_UP),
    "GRU": (SIGNAL, lambda x: L.GRU(3)(x), RECURRENT),
    "GRUCell": (VECTOR, lambda x: L.GRUCell(6)(x, x)[0], "computes 'split' on its weights"),
    "GroupQueryAttention": (SIGNAL, lambda x: L.GroupQueryAttention(3, 2, 1)(x, x), MATRICES),
    "HashedCrossing": (VECTOR, lambda x: L.HashedCrossing(3)((x, x)), PREPARED),
    "Hashing": (VECTOR, lambda x: L.Hashing(3)(x), PREPARED),
    "IntegerLookup": (VECTOR, lambda x: L.IntegerLookup(vocabulary=[1, 2])(x), PREPARED),
    "LSTM": (SIGNAL, lambda x: L.LSTM(3)(x), RECURRENT),
    "Masking": (SIGNAL, lambda x: L.Masking()(x), "marks steps"),
    "MultiHeadAttention": (SIGNAL, lambda x: L.MultiHeadAttention(2, 3)(x, x), MATRICES),
    "RNN": (SIGNAL, lambda x: L.RNN(L.LSTMCell(3))(x), RECURRENT),
    "ReversibleEmbedding": (VECTOR, lambda x: L.ReversibleEmbedding(5, 3)(x), LOOKED_UP),
    "SimpleRNN": (SIGNAL, lambda x: L.SimpleRNN(3)(x), RECURRENT),
    "StringLookup": (VECTOR, lambda x: L.StringLookup(vocabulary=["a"])(x), PREPARED),
    "AdaptiveAveragePooling3D": (VOLUME, lambda x: L.AdaptiveAveragePooling3D(2)(x), VOLUMES),
    "AdaptiveMaxPooling3D": (VOLUME, lambda x: L.AdaptiveMaxPooling3D(2)(x), VOLUMES),
    "AveragePooling3D": (VOLUME, lambda x: L.AveragePooling3D(2)(x), VOLUMES),
    "Conv3D": (VOLUME, lambda x: L.Conv3D(3, 2)(x), VOLUMES),
    "Conv3DTranspose": (VOLUME, lambda x: L.Conv3DTranspose(3, 2)(x), VOLUMES),
    "Cropping3D": (VOLUME, lambda x: L.Cropping3D()(x), VOLUMES),
    "GlobalAveragePooling3D": (VOLUME, lambda x: L.GlobalAveragePooling3D()(x), VOLUMES),
    "GlobalMaxPooling3D": (VOLUME, lambda x: L.GlobalMaxPooling3D()(x), VOLUMES),
    "MaxPooling3D": (VOLUME, lambda x: L.MaxPooling3D()(x), VOLUMES),
    "SpatialDropout3D": (VOLUME, lambda x: L.SpatialDropout3D(0.1)(x), SHAPE),
    "UpSampling3D": (VOLUME, lambda x: L.UpSampling3D()(x), VOLUMES),
    "ZeroPadding3D": (VOLUME, lambda x: L.ZeroPadding3D()(x), VOLUMES),
}  # fmt: skip

NOT_ALONE = {
    "FlaxLayer": "of the JAX backend",
    "InputLayer": "in every model",
    "JaxLayer": "of the JAX backend",
    "Layer": "the base of all",
    "MaxNumBoundingBoxes": "takes boxes, not an array",
    "MelSpectrogram": "takes samples of sound by packages that are not installed",
    "RandomCrop": "resizes and crops in inference, by a shape that its call only knows",
    "STFTSpectrogram": "takes samples of sound by packages that are not installed",
    "TFSMLayer": "reads a SavedModel",
    "TextVectorization": "takes texts",
    "TorchModuleWrapper": "of the PyTorch backend",
    "Wrapper": "the base of wrappers",
}
"""Classes that are not tried here, and why."""


def test_no_layer_class_is_forgotten():
    classes = {
        name
        for name, found in vars(L).items()
        if inspect.isclass(found) and issubclass(found, L.Layer) and L.__dict__[name] is found
    }
    aliases = {n for n in classes if getattr(L, n).__name__ != n} - {"GroupQueryAttention"}
    tables = [*CONVERTED, *AUGMENTING, *REFUSED, *NOT_ALONE]
    assert len(tables) == len(set(tables))
    assert classes - aliases - set(tables) == set()


def model(shape, build):
    inputs = keras.Input(shape)
    return randomized(keras.Model(inputs, build(inputs)))


def present(names):
    """Return those of `names` that the installed Keras has: later versions have more."""
    return [name for name in names if hasattr(L, name)]


@pytest.mark.slow
@pytest.mark.parametrize("name", present(CONVERTED))
def test_a_class_predicts_what_keras_predicts(name):
    check(model(*CONVERTED[name]))


@pytest.mark.slow
@pytest.mark.parametrize("name", present(AUGMENTING))
def test_a_class_that_augments_does_nothing_in_inference(name):
    layer = getattr(L, name)(**AUGMENTING[name])
    assert check(model(COLOUR, lambda x: L.Conv2D(2, 3)(layer(x)))) == ["convolution"]


@pytest.mark.parametrize("name", present(REFUSED))
def test_a_class_is_refused_by_what_it_is(name):
    shape, build, reason = REFUSED[name]
    with pytest.raises(UnsupportedError) as error:
        check(model(shape, build))
    message = str(error.value)
    assert reason in message
    assert reason == SHAPE or f"({getattr(L, name).__name__})" in message
    assert "\n" not in message
