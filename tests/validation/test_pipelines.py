"""What the rules say of pipelines as a whole, and of the same layers inside and outside of them."""

import numpy as np

from converter.coreml.mlmodel import floats, layer_params, network
from converter.validation import validate
from tests.validation import specs


def halve(model):
    """Store all weights of a frozen network in half precision."""
    for layer in network(model).layers:
        if layer.WhichOneof("layer") == "convolution":
            for params in (layer_params(layer).weights, layer_params(layer).bias):
                params.float16Value = floats(params).astype(np.float16).tobytes()
                params.ClearField("floatValue")
    return model


def test_half_precision_is_fine_in_a_frozen_member_and_warned_of_in_a_network():
    halved = specs.pipeline(halve(specs.extractor()), specs.dense_head())
    assert validate.findings(halved) == []
    lenet = specs.MODELS["lenet"]()
    frozen = next(layer for layer in network(lenet).layers if layer.name == "conv_1")
    frozen.isUpdatable = False
    frozen.convolution.weights.isUpdatable = frozen.convolution.bias.isUpdatable = False
    halve(lenet)
    (finding,) = [f for f in validate.findings(lenet) if f.code == "O204"]
    assert "into a frozen model of a pipeline, where float16 is fine" in finding.text()


def test_a_last_member_that_no_device_updates_is_not_advised_to_be_marked():
    model = specs.pipeline()
    last = model.pipeline.models[1]
    last.glmRegressor.SetInParent()
    last.isUpdatable = False
    (finding,) = [f for f in validate.findings(model) if f.code == "P103"]
    assert "is of the kind glmRegressor, which no device updates" in finding.text()
    assert "mark" not in finding.text()
