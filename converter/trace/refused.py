"""Keras layers that no classic network of Core ML has, told by what they are."""

from __future__ import annotations

from typing import Any

from converter.backend.keras import layers_inside
from converter.errors import UnsupportedError
from converter.trace.layer_table import keras_layer

RECURRENT = (
    "is recurrent; Core ML's training fails in networks with recurrent layers even if these are "
    "frozen (coremltools issue 2074); use convolutions over the steps instead"
)
LOOKED_UP = (
    "looks up a vector for each whole number, for which Core ML's classic networks have no layer "
    "next to ones that learn; let the model start behind it, with the vectors as its input"
)
PREPARED = (
    "prepares texts or categories, for which Core ML has no layer; let the model start behind it, "
    "with what it gives as the model's input"
)
ADAPTIVE = (
    "pools windows of different sizes, for which Core ML has no classic layer; "
    "use a pooling layer with a fixed pool_size instead"
)
ATTENTION = "multiplies two computed matrices, for which Core ML has no classic layer"
VOLUMES = (
    "works on volumes, but Core ML's classic networks take vectors, signals [steps, channels] and "
    "images [height, width, channels]; use layers over two axes, with slices as channels"
)
SPECTRUM = "computes spectra, for which Core ML has no classic layer; give the model spectra"

REFUSED = {
    "AdaptiveAveragePooling1D": ADAPTIVE,
    "AdaptiveAveragePooling2D": ADAPTIVE,
    "AdaptiveAveragePooling3D": VOLUMES,
    "AdaptiveMaxPooling1D": ADAPTIVE,
    "AdaptiveMaxPooling2D": ADAPTIVE,
    "AdaptiveMaxPooling3D": VOLUMES,
    "AdditiveAttention": ATTENTION,
    "Attention": ATTENTION,
    "AveragePooling3D": VOLUMES,
    "Bidirectional": RECURRENT,
    "CategoryEncoding": PREPARED,
    "Conv3D": VOLUMES,
    "Conv3DTranspose": VOLUMES,
    "ConvLSTM1D": RECURRENT,
    "ConvLSTM2D": RECURRENT,
    "ConvLSTM3D": RECURRENT,
    "Cropping3D": VOLUMES,
    "Discretization": PREPARED,
    "Embedding": LOOKED_UP,
    "GRU": RECURRENT,
    "GlobalAveragePooling3D": VOLUMES,
    "GlobalMaxPooling3D": VOLUMES,
    "GroupedQueryAttention": ATTENTION,
    "HashedCrossing": PREPARED,
    "Hashing": PREPARED,
    "IntegerLookup": PREPARED,
    "LSTM": RECURRENT,
    "Masking": (
        "marks steps that later layers skip, which Core ML's layers cannot; "
        "leave it out if no step is to be skipped"
    ),
    "MaxPooling3D": VOLUMES,
    "MelSpectrogram": SPECTRUM,
    "MultiHeadAttention": ATTENTION,
    "RNN": RECURRENT,
    "ReversibleEmbedding": LOOKED_UP,
    "STFTSpectrogram": SPECTRUM,
    "SimpleRNN": RECURRENT,
    "StringLookup": PREPARED,
    "TextVectorization": PREPARED,
    "UpSampling3D": VOLUMES,
    "ZeroPadding3D": VOLUMES,
}
"""Class of Keras -> what it does that cannot be converted, and what to do."""


def refuse_layers(model: Any) -> None:
    """Raise for the first layer inside `model` of a class in `REFUSED`, or derived from one.

    Raises:
        UnsupportedError: naming the layer, its class, and the reason.
    """
    for layer in layers_inside(model):
        for one in type(layer).__mro__:
            if one.__name__ in REFUSED and one.__module__.startswith("keras."):
                named = keras_layer(layer)
                raise UnsupportedError(f"{named}: {REFUSED[one.__name__]}")
