"""A Keras file in the other format: Keras writes the model anew, compiled as it was.

``.h5`` and ``.keras`` have no part in common, so the architecture is what Keras of today makes of
it. The optimizer is compiled with its settings, without what it remembers of the training.
"""

from __future__ import annotations

import inspect
import logging
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from converter.backend.keras import in_one_line, layers_inside
from converter.backend.tensorflow import keras
from converter.keras_file.compiled import DULL_OF_LOSSES, LOSSES, CompileSettings, Loss
from converter.keras_file.names import own_name
from converter.keras_file.storage import read_json
from converter.loading import LoadedModel
from converter.loading.layers import Unwritten, accepted_arguments

OUR_OWN = "make-updatable>"
"""What Keras calls classes that only this tool registers."""


class LossError(Exception):
    """What a file written anew would lose."""


WITHOUT_EFFECT = ("is_legacy_optimizer", "jit_compile", "name")
"""Arguments of optimizers that say nothing about what they do."""


def write_anew(
    loaded: LoadedModel, source: Path, temporary: Path, ending: str, allow_unsafe: bool
) -> tuple[str, ...]:
    """Write the live model of `source` to `temporary`, in the format that `ending` names.

    Keras reads it back: what it does not understand is of no use. Code in Lambda layers is only
    kept if `allow_unsafe`. Returns what to know about it.

    Raises:
        LossError: Keras cannot write all that the file holds.
    """
    model, settings = loaded.model, loaded.compile_settings
    _check_layers(model)
    _give_initializers(loaded)
    if settings is not None:
        _compile(model, settings, read_json(source).training)
    with tempfile.TemporaryDirectory() as folder, _quiet():
        written = Path(folder) / f"model{ending}"
        try:
            model.save(written)
            again = keras.models.load_model(written, safe_mode=not allow_unsafe)
        except Exception as error:  # whatever Keras makes of layers that it cannot write or read
            raise LossError(
                f"a layer that Keras cannot write there ({in_one_line(error)})"
            ) from error
        if OUR_OWN in str(read_json(written).architecture):
            raise LossError("a function that Keras does not have any more")
        _check_weights(model, again)
        shutil.copyfile(written, temporary)
    told = "; the optimizer starts without what it remembers of the training" if settings else ""
    return (f"Keras wrote the model anew{told}",)


def _check_weights(model: Any, again: Any) -> None:
    """Check that `again`, read from the file that was written, has the weights of `model`."""
    pairs = zip(model.get_weights(), again.get_weights(), strict=True)
    if not all(np.array_equal(ours, theirs) for ours, theirs in pairs):
        raise LossError("which weights are whose")


def _check_layers(model: Any) -> None:
    for layer in layers_inside(model):
        if own_name(layer.name) != layer.name:
            raise LossError(
                f"the name of layer '{own_name(layer.name)}', which Keras refuses today"
            )
        if type(layer).__module__.startswith("converter."):
            raise LossError(f"what layer '{layer.name}' did in the Keras that wrote it")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Keras from telling that HDF5 is of yesterday: the user has asked for it."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _give_initializers(loaded: LoadedModel) -> None:
    """Give layers the initializers of the file, or Keras's, that loading did without."""
    stored = {}
    if loaded.built is not None:
        stored = {id(leaf.layer): leaf.stored.config for leaf in loaded.built.leaves()}
    for layer in layers_inside(loaded.model):
        for name in (n for n in dir(layer) if n.endswith("_initializer")):
            if isinstance(getattr(layer, name, None), Unwritten):
                said = stored.get(id(layer), {}).get(name)
                setattr(layer, name, _initializer(said) or _default(layer, name))


def _initializer(stored: Any) -> Any | None:
    """Return the initializer of Keras that is `stored`, None if there is none of the kind."""
    name = stored.get("class_name") if isinstance(stored, Mapping) else stored
    if isinstance(stored, Mapping) and isinstance(name, str):
        return _made(keras.initializers, name, stored.get("config"), strict=False)
    try:
        return keras.initializers.get(name) if isinstance(name, str) else None
    except ValueError:
        return None


def _default(layer: Any, name: str) -> Any:
    for base in type(layer).__mro__:
        parameter = inspect.signature(base).parameters.get(name)
        if parameter is not None and isinstance(parameter.default, str):
            return keras.initializers.get(parameter.default)
    return keras.initializers.get("zeros")


def _made(module: Any, name: str, config: Any, *, strict: bool = True) -> Any | None:
    """Return an object of the class `name` of a `module` of Keras; None if it has no such class.

    Raises:
        LossError: if `strict`, an argument is one that today's class does not know.
    """
    made_by: Any = getattr(module, name, None)
    if not isinstance(made_by, type) or not isinstance(config, Mapping):
        return None
    accepted = accepted_arguments(made_by)
    arguments = {key: value for key, value in config.items() if key in accepted}
    for key, value in config.items():
        if strict and key not in accepted and key not in WITHOUT_EFFECT and value:
            raise LossError(f"{key}={value!r:.40} of {name}, which Keras does not have any more")
    return made_by(**{key: _argument(value) for key, value in arguments.items()})


def _argument(value: Any) -> Any:
    """Return an argument of an optimizer; a schedule of the learning rate as an object."""
    if isinstance(value, Mapping) and "class_name" in value:
        made = _made(keras.optimizers.schedules, str(value["class_name"]), value.get("config"))
        if made is None:
            raise LossError(f"the schedule {value['class_name']}, which Keras does not have")
        return made
    return value


def _compile(model: Any, settings: CompileSettings, training: Any) -> None:
    """Compile `model` by its `settings` and the metrics in the JSON `training` of its file."""
    others = {k: v for k, v in settings.others.items() if k != "loss_weights"}
    if others:
        raise LossError(f"the setting {next(iter(others))} of compile()")
    optimizer = _made(keras.optimizers, settings.optimizer or "", settings.optimizer_config)
    if optimizer is None:
        raise LossError(f"the optimizer {settings.optimizer}, which Keras does not have")
    loss: Any = {name: _loss(each) for name, each in settings.output_losses.items()} or None
    if settings.loss is not None:
        loss = _loss(Loss(settings.loss, settings.loss_config))
    model.compile(
        optimizer,
        loss,
        loss_weights=settings.others.get("loss_weights"),
        metrics=_metrics(training.get("metrics")),
        weighted_metrics=_metrics(training.get("weighted_metrics")),
    )
    model.optimizer.build(model.trainable_variables)  # else Keras warns when it reads the file


def _loss(loss: Loss) -> Any:
    """Return the loss as ``compile`` takes it: a name, or an object if it has settings."""
    if loss.name not in LOSSES.values():
        raise LossError(f"the loss {loss.name}, which is not one of Keras")
    config = {key: value for key, value in loss.config.items() if key not in DULL_OF_LOSSES}
    if not config:
        return loss.name
    return _made(keras.losses, _loss_classes()[loss.name], config)


def _loss_classes() -> dict[str, str]:
    """Return the class of every loss by its canonical name."""
    found = {}
    for name in dir(keras.losses):
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        if inspect.isclass(getattr(keras.losses, name)) and snake in LOSSES:
            found[LOSSES[snake]] = name
    return found


def _metrics(stored: Any) -> Any:
    """Return metrics as ``compile`` takes them."""
    if isinstance(stored, list):
        return [_metrics(part) for part in stored]
    if isinstance(stored, Mapping) and isinstance(stored.get("class_name"), str):
        config = stored.get("config")
        if isinstance(config, str):  # {"class_name": "function", "config": "accuracy"}
            return config
        made = _made(keras.metrics, stored["class_name"], config)
        if made is None:
            raise LossError(f"the metric {stored['class_name']}, which is not one of Keras")
        return made
    if isinstance(stored, Mapping):
        return {key: _metrics(part) for key, part in stored.items()}
    return stored
