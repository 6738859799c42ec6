"""Inside of Keras: what a conversion has to know of layers and no public name of Keras tells.

Each function says which public way is missing, and `tests/backend/test_keras.py` what it relies on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from converter.backend.tensorflow import keras, tf
from converter.errors import UnsupportedError

if keras.config.backend() != "tensorflow":  # imported before us, by the program that we run in
    raise UnsupportedError(
        f"this program runs Keras on {keras.config.backend()}, and a conversion runs it on "
        "TensorFlow; save the model, model.save('model.keras'), and convert the file in another "
        "process: make-updatable model.keras"
    )

FUNCTIONS = ("core", "image", "linalg", "math", "nn", "numpy")
"""Modules of ``keras.src.ops`` whose operations Keras 3 stores by class; no two share a name."""

APPLICATIONS = {
    "CustomScaleLayer": "inception_resnet_v2",
    "LayerScale": "convnext",
    "StochasticDepth": "convnext",
}
"""Layer of Keras that is not in ``keras.layers`` -> its module in ``keras.src.applications``."""


def layers_inside(layer: Any, recursive: bool = True) -> list[Any]:
    """Return the layers inside a model, wrapper or layer of one's own, outer ones first.

    Only models list their layers publicly, ``model.layers``; a wrapper or a layer with layers as
    attributes does not, nor does a Sequential list its input. The functions in a graph, which are
    no layers, have none inside.
    """
    if not isinstance(layer, keras.layers.Layer):
        return []
    found: list[Any] = layer._flatten_layers(include_self=False, recursive=recursive)
    return found


def parts(layer: Any) -> list[Any]:
    """Return what `layer` directly consists of: its layers and, in a graph, the functions too."""
    if isinstance(layer, keras.Function):
        return list(layer.operations)
    return layers_inside(layer, recursive=False)


def own_variables(layer: Any) -> list[Any]:
    """Return the variables of a layer, or of a function in a graph, that are of no layer inside."""
    inner = {id(v) for part in layers_inside(layer, recursive=False) for v in part.variables}
    return [v for v in getattr(layer, "variables", ()) if id(v) not in inner]


def kept_variables(layer: Any) -> list[Any]:
    """Return the variables that `layer` keeps itself, in the order of ``save_own_variables``.

    ``layer.weights`` holds those of layers inside as well, each once. SpectralNormalization keeps
    the kernel of the layer inside as an attribute, and so stores it a second time.
    """
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def own_attributes(layer: Any) -> list[tuple[str, Any]]:
    """Return the attributes of `layer` beyond those of every layer, sorted by name.

    A file names the arrays of a layer inside another after the attribute that holds it; Keras goes
    through the attributes as well, and has no public list of them.
    """
    ordinary = vars(keras.layers.Layer())
    return sorted((name, value) for name, value in vars(layer).items() if name not in ordinary)


def function_class(name: str) -> type | None:
    """Return the operation of ``keras.ops`` with the class `name`, such as "Add", or None.

    Files name the classes, but ``keras.ops`` exports only the functions around them.
    """
    for module in FUNCTIONS:
        found = getattr(getattr(keras.src.ops, module), name, None)
        if isinstance(found, type) and issubclass(found, keras.Operation):
            return found
    return None


def application_class(name: str) -> type | None:
    """Return the layer `name` that only networks of ``keras.applications`` consist of, or None.

    ``keras.applications`` exports the networks, but not their layers.
    """
    if name not in APPLICATIONS:
        return None
    found: type = getattr(getattr(keras.src.applications, APPLICATIONS[name]), name)
    return found


@contextmanager
def calls_scoped(scope: Callable[[Any], str]) -> Iterator[None]:
    """Put what every layer or function does when called under a name scope of TensorFlow.

    `scope` takes the layer and gives the name. Keras has no hook on calls. Its own scopes are no
    guide: they are made unique by suffixes that look like names of other layers.
    """
    original = keras.Operation.__call__

    def scoped(self: Any, *args: Any, **kwargs: Any) -> Any:
        with tf.name_scope(scope(self)):
            return original(self, *args, **kwargs)

    with patch.object(keras.Operation, "__call__", scoped), any_names():
        yield


@contextmanager
def any_names() -> Iterator[None]:
    """Let layers be called in a graph of TensorFlow whatever their names are.

    Keras opens a scope with the name of the layer, and TensorFlow takes ASCII letters and a few
    signs there only: "my dense" is refused. Nothing reads the names of these scopes.
    """
    original = tf.name_scope

    def scope(name: str) -> Any:
        return original(re.sub(r"[^A-Za-z0-9.]", "_", name).lstrip("_") or "layer")

    with patch.object(tf, "name_scope", scope):
        yield


@contextmanager
def watched_calls(watch: Callable[[Any, list[Any]], None]) -> Iterator[None]:
    """Call `watch` with every layer or function that is called, and its outputs, inner ones first.

    Keras has no hook on calls.
    """
    original = keras.Operation.__call__

    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = original(self, *args, **kwargs)
        watch(self, keras.tree.flatten(outputs))
        return outputs

    with patch.object(keras.Operation, "__call__", watched):
        yield


@contextmanager
def changed_calls(change: Callable[[Any, list[Any]], list[Any]]) -> Iterator[None]:
    """Let every layer or function that is called give what `change` makes of its outputs.

    It is asked in the order of `watched_calls`.
    """
    original = keras.Operation.__call__

    def changed(self: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = original(self, *args, **kwargs)
        return keras.tree.pack_sequence_as(outputs, change(self, keras.tree.flatten(outputs)))

    with patch.object(keras.Operation, "__call__", changed):
        yield


@contextmanager
def failures_noted(failed: list[Any]) -> Iterator[None]:
    """Keep in `failed` the innermost layer or function whose call raises an error that gets out.

    Keras's errors name the class of a layer, not the layer, and their tracebacks leave it out.
    """
    original = keras.Operation.__call__

    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            outputs = original(self, *args, **kwargs)
        except Exception:
            failed[:] = failed or [self]
            raise
        failed.clear()  # an error inside was dealt with there
        return outputs

    with patch.object(keras.Operation, "__call__", noted):
        yield


BOLD = re.compile(r"\x1b\[\d*m")
"""What Keras puts around its messages, for a terminal."""

AROUND = re.compile(
    r"Exception encountered when calling [^\n]*\n\n"
    r"|Could not automatically infer the output shape .*Error encountered:\n\n"
    r"|\n\nArguments received by .*$",
    re.DOTALL,
)
"""What Keras adds to an error from inside of a layer."""


def in_one_line(error: Exception) -> str:
    """Return the beginning of what Keras, TensorFlow or a layer's own code says in `error`."""
    said = AROUND.sub("", BOLD.sub("", str(error)))
    return " ".join(said.split())[:200] or type(error).__name__


def rate_of(optimizer: Any) -> Any:
    """Return the learning rate of an optimizer: a variable, a schedule or a function.

    The public ``learning_rate`` calls a schedule, and gives the rate of this step only.
    """
    return getattr(optimizer, "_learning_rate", None)


def logits_of(output: Any) -> Any | None:
    """Return what sigmoid or softmax made `output`, the tensor of a called model, from.

    None if neither did. Keras keeps it for its own cross-entropies and has no public name for it:
    ``sigmoid`` and ``softmax`` in ``keras/src/backend/tensorflow/nn.py``.
    """
    return getattr(output, "_keras_logits", None)


PLAIN_ACTIVATIONS = (
    "elu", "hard_sigmoid", "leaky_relu", "relu", "sigmoid", "softplus", "softsign", "tanh",
)  # fmt: skip
"""Activations of ``keras.activations`` that are one layer in Core ML."""


@contextmanager
def without_last_activation(model: Any, index: int) -> Iterator[Any | None]:
    """Let the output number `index` of `model` be what its last activation is applied to.

    Yields that activation, or None, with the model as it is, if it does not end in a layer with
    one of `PLAIN_ACTIVATIONS`, or uses that layer elsewhere too. A graph has no public way from an
    output to the layer that made it.
    """
    layer: Any = None
    inner = model
    while inner is not None:
        layer, _, index = inner.outputs[index]._keras_history
        inner = layer if getattr(layer, "outputs", None) else None
    activation = getattr(layer, "activation", None)
    plain = [getattr(keras.activations, name) for name in PLAIN_ACTIVATIONS]
    if activation not in plain or len(layer._inbound_nodes) != 1:
        yield None
        return
    with patch.object(layer, "activation", keras.activations.linear):
        yield activation
