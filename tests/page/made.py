"""Core ML models for the tests of the picture, built without a converter."""

from converter.coreml.mlmodel import network
from tests.validation import specs
from tests.validation.specs import Layers, add_training, feature, new_model

NAMES = (
    "<script>document.title = 'hit'</script>",
    '"]]></svg><img src=x onerror="document.title = 1">',
    "{{ 7 * 7 }}{% raw %}&lt;&#x3c;",
    "\x00\x1b[2J\x7f\u2028line",
    "\u202egpj.\u202c\u2066x",
    "שלום 大小 👩‍🔬 é",
    "n" * 10_000,
    "' onclick='document.title = 2'",
    "",
)
"""Of layers, as a file may hold them."""


def ten():
    """LeNet with two dense layers that learn: ten layers, more or less."""
    model = specs.lenet(updatable=False)
    for layer in network(model).layers:
        layer.isUpdatable = layer.WhichOneof("layer") == "innerProduct"
    add_training(model, model.description.input)
    return model


def awkward():
    """A chain of layers with the names `NAMES`, each of them a blob, too."""
    model = new_model()
    feature(model.description.input, NAMES[0], [4])
    layers = Layers(network(model), NAMES[0])
    for name in NAMES:
        layers.dense(name, 4, 4)
        layers.add("activation", f"{name} ", outputs=[f"blob {name}"], ReLU=None)
    feature(model.description.output, f"blob {NAMES[-1]}", [4])
    return model


def large(blocks=100):
    """Residual blocks of seven layers each in three stages, and a dense layer that learns."""
    model = new_model()
    feature(model.description.input, "image", [2, 16, 16])
    layers = Layers(network(model))
    for number in range(blocks):
        stem, entry = f"stage{3 * number // blocks}_block{number}", layers.last
        for step in "ab":
            layers.convolution(f"{stem}_conv_{step}", 2, 2, 3).convolution.same.SetInParent()
            layers.add("batchnorm", f"{stem}_norm_{step}", channels=2)
            layers.activation(f"{stem}_relu_{step}")
        layers.add("add", f"{stem}_add", [entry, layers.last])
    layers.add("flatten", "flatten")
    layers.dense("head", 512, 2, updatable=True)
    layers.add("softmax", "softmax", outputs=["probabilities"])
    feature(model.description.output, "probabilities", [2])
    add_training(model, model.description.input)
    return model


MODELS = {
    "ten": ten,
    "awkward": awkward,
    "large": large,
    "pipeline": specs.pipeline,
    "neighbors": specs.drawings,
}
