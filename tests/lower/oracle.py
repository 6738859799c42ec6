"""The one oracle of all emitter tests: lower a Keras model, run it, compare it with Keras."""

from __future__ import annotations

import numpy as np

from converter import runtime
from converter.backend.tensorflow import keras
from converter.coreml import mlmodel
from converter.coreml.interface import Interface
from converter.learning import marking
from converter.lower.walk import interface_shape, lower
from converter.proof import keras_model, parity
from converter.trace.fuse import fuse
from converter.trace.tracing import trace

IOS12_KINDS = {
    "convolution", "innerProduct", "batchnorm", "activation", "pooling", "padding", "concat",
    "softmax", "split", "add", "multiply", "unary", "upsample", "bias", "reshape", "flatten",
    "permute", "reduce", "loadConstant", "scale", "crop", "average", "max", "min", "dot", "slice",
    "resizeBilinear", "mvn", "l2normalize", "lrn", "reorganizeData", "sequenceRepeat",
}  # fmt: skip


def randomized(model, seed=0):
    """Give every float variable of `model` random values: fresh biases are all zero."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        if "float" in str(variable.dtype):
            values = rng.normal(size=variable.shape) * 0.5
            positive = any(word in variable.name for word in ("variance", "alpha"))
            variable.assign(np.abs(values) + 0.1 if positive else values)
    return model


def sequential(shape, *layers):
    """Return a randomized Sequential model over one input."""
    return randomized(keras.Sequential([keras.Input(shape), *layers]))


def lowered_spec(model, updatable_layers=()):
    """Return the plain network for `model`, its weights bound, and its input blobs."""
    names = tuple(f"input{i}" for i in range(len(model.inputs)))
    found = lower(fuse(trace(model)), Interface(names, "output"), updatable_layers)
    for weighted in found.net.weighted.values():
        mlmodel.set_floats(*weighted.bind())
    builder = found.net.builder
    marking.rename_blob(builder, found.output.name, "output")
    marking.set_interface(builder, Interface(names, "output"), interface_shape(found.output))
    return builder.spec, found


def batch_for(model, low=-1.0, high=1.0, count=3):
    """Return random inputs for `model`, always the same ones."""
    rng = np.random.default_rng(7)
    return [
        rng.uniform(low, high, (count, *tensor.shape[1:])).astype(np.float32)
        for tensor in model.inputs
    ]


def check(model, *, tolerance=1e-5, low=-1.0, high=1.0, count=3):
    """Assert that the Core ML network predicts what Keras predicts; return its layers' kinds.

    Fails if nothing was compared: no layers, constant outputs, or outputs that are not numbers.
    """
    spec, found = lowered_spec(model)
    kinds = [layer.WhichOneof("layer") for layer in spec.neuralNetwork.layers]
    assert kinds, "nothing was lowered"
    assert set(kinds) <= IOS12_KINDS
    batch = batch_for(model, low, high, count)
    expected = keras_model.keras_predictions(model, batch, 0)
    assert np.isfinite(expected).all(), "Keras itself does not give numbers"
    assert np.ptp(expected) > 0, "the output is constant: nothing is compared"
    inputs = {
        blob.name: keras_model.core_ml_array(x, blob.axes)
        for blob, x in zip(found.inputs, batch, strict=True)
    }
    data = mlmodel.serialize(spec)
    predicted = runtime.predict(mlmodel.parse(data, "test"), inputs)["output"]
    expected = keras_model.core_ml_array(expected, found.output.axes)
    assert predicted.size == expected.size
    assert parity.difference(expected, predicted) <= tolerance
    return kinds
