"""How a Keras model was compiled: optimizer and loss, read from JSON without building either."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

Json: TypeAlias = Any
"""Whatever ``json.loads`` returns."""


@dataclass(frozen=True)
class Loss:
    """One loss: its canonical snake_case name and what its constructor was given."""

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CompileSettings:
    """What ``model.compile(...)`` was told, in today's names.

    `optimizer` is the Keras class name ("Adam"); `optimizer_config` holds plain numbers under
    today's keys (a learning-rate schedule stays a mapping). `loss` and `loss_config` hold when all
    outputs share one loss; several losses stand in `output_losses`, by output name. `others` is
    whatever else was set and has no place above, such as ``loss_weights``.
    """

    optimizer: str | None = None
    optimizer_config: Mapping[str, Any] = field(default_factory=dict)
    loss: str | None = None
    loss_config: Mapping[str, Any] = field(default_factory=dict)
    output_losses: Mapping[str, Loss] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)

    def loss_of(self, output: str) -> Loss | None:
        """Return the loss of the output named `output`, or None if it has none."""
        if self.loss is not None:
            return Loss(self.loss, self.loss_config)
        return self.output_losses.get(output)


OPTIMIZERS = {
    name.lower(): name
    for name in (
        "SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Adafactor", "Nadam",
        "Ftrl", "Lion", "Lamb", "Muon", "ScheduleFreeAdamW",
    )
}  # fmt: skip
"""Lower-case spelling, as in ``compile("adam")`` -> class name."""

RENAMED = {"lr": "learning_rate"}
"""Optimizer argument of early Keras -> today's."""

INNER = ("inner_optimizer", "optimizer", "default_optimizer", "optimizer_map")
"""Arguments by which an optimizer around others, such as LossScaleOptimizer, holds the first."""

DEFAULTS: dict[str, dict[str, float]] = {
    name: {"learning_rate": 0.001} for name in OPTIMIZERS.values()
} | {
    "SGD": {"learning_rate": 0.01},
    "AdamW": {"learning_rate": 0.001, "weight_decay": 0.004},
    "Muon": {"learning_rate": 0.001, "weight_decay": 0.004},
    "ScheduleFreeAdamW": {"learning_rate": 0.0025},
}
"""What ``compile("adam")`` means where the file holds no more than that name: in Keras 3, and in
the zips of Keras 2.13 to 2.15, which know no Lion by name (its rate was 0.0001 there)."""

MEANS = ("auto", "sum_over_batch_size", "mean", "mean_with_sample_weight")
"""Reductions of a loss that are the mean over the batch, as long as no sample is weighted."""

LOSSES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "kldivergence": "kl_divergence",
    "cosine_proximity": "cosine_similarity",
    "logcosh": "log_cosh",
    "huber_loss": "huber",
} | {
    name: name
    for name in (
        "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
        "categorical_focal_crossentropy", "sparse_categorical_crossentropy", "mean_squared_error",
        "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error",
        "hinge", "squared_hinge", "categorical_hinge", "kl_divergence", "poisson", "huber",
        "log_cosh", "cosine_similarity",
    )
}  # fmt: skip
"""Spelling in snake_case, with aliases -> canonical name."""

LEGACY = {"nonfusedadam": "adam"}
"""Optimizer that is another one computed in another way -> that one."""

DULL = {
    "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution", "jit_compile",
    "auto_scale_loss", "optimizer", "optimizer_config", "loss", "sample_weight_mode",
    "from_serialized", "pss_evaluation_shards", "target_tensors", "distribute", "cloning",
    "experimental_run_tf_function", "from_config",
}  # fmt: skip
"""Compile arguments that mean nothing for training on a device, or are read elsewhere."""


DULL_OF_LOSSES = {"name", "dtype", "fn"}
"""Arguments of losses that mean nothing for training on a device, which computes in float32."""


def compile_settings(training: Json, outputs: Sequence[str]) -> CompileSettings | None:
    """Read the JSON that Keras stored about ``compile``; None if there is nothing in it.

    `training` is ``training_config`` of an ``.h5`` or ``compile_config`` of a ``.keras`` file;
    `outputs` are the names of the model's outputs, in order. Nothing is deserialized or run.
    """
    if not isinstance(training, Mapping):
        return None
    name, config = _optimizer(_stored_optimizer(training))
    losses = _losses(training.get("loss"), outputs)
    if name is None and not losses:
        return None
    shared = next(iter(losses.values())) if set(losses) == set(outputs) and _same(losses) else None
    others = {k: v for k, v in training.items() if k not in DULL and v not in (None, [], {}, False)}
    if isinstance(weights := others.get("loss_weights"), list):  # in the order of the outputs
        others["loss_weights"] = dict(zip(outputs, weights, strict=False))
    others |= dict.fromkeys(_around(training), True)
    return CompileSettings(
        optimizer=name,
        optimizer_config=config,
        loss=shared.name if shared else None,
        loss_config=shared.config if shared else {},
        output_losses={} if shared else losses,
        others=others,
    )


def _optimizer(stored: Json) -> tuple[str | None, dict[str, Any]]:
    name, config = _named(stored)
    if name is None:
        return None, {}
    inner = _inner(config)
    if inner:
        return _optimizer(inner)
    plainly = name.removeprefix("Custom>").lower()
    name = OPTIMIZERS.get(LEGACY.get(plainly, plainly), name)
    config = {RENAMED.get(key, key): plain(v) for key, v in config.items() if key != "name"}
    if "learning_rate" not in config:
        config |= DEFAULTS.get(name, {})
    return name, config


def _stored_optimizer(training: Mapping[str, Json]) -> Json:
    return training.get("optimizer_config") or training.get("optimizer")


def _inner(config: Mapping[str, Json]) -> Json:
    """Return the (first) optimizer inside one that is around others, else None."""
    return next((config[key] for key in INNER if _named(config.get(key))[0]), None)


def _around(training: Mapping[str, Json]) -> Iterator[str]:
    """Yield the names of the optimizers that are around the one that is read."""
    name, config = _named(_stored_optimizer(training))
    while name is not None and (inner := _inner(config)):
        yield name
        name, config = _named(inner)


def _losses(stored: Json, outputs: Sequence[str]) -> dict[str, Loss]:
    """Return the losses by output name; an output without a loss is missing."""
    if isinstance(stored, Mapping) and "class_name" not in stored:
        by_output = dict(stored)
    elif isinstance(stored, list):
        by_output = dict(zip(outputs, stored, strict=False))
    else:
        by_output = dict.fromkeys(outputs, stored)
    losses = {output: _loss(value) for output, value in by_output.items()}
    return {output: loss for output, loss in losses.items() if loss}


def _loss(stored: Json) -> Loss | None:
    name, config = _named(stored)
    if name is None:
        return None
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    settings = {key: plain(value) for key, value in config.items() if key not in DULL_OF_LOSSES}
    if str(config.get("reduction", "auto")).lower() in MEANS:
        settings.pop("reduction", None)
    return Loss(LOSSES.get(snake, name), settings)


def _named(stored: Json) -> tuple[str | None, dict[str, Any]]:
    """Return the name and configuration of a stored object, function or plain name."""
    if isinstance(stored, str):
        return stored, {}
    if not isinstance(stored, Mapping) or not isinstance(stored.get("class_name"), str):
        return None, {}
    config = stored.get("config")
    if isinstance(config, str):  # {"class_name": "function", "config": "my_loss"}
        return config, {}
    name = stored.get("registered_name") or stored["class_name"]
    return name, dict(config) if isinstance(config, Mapping) else {}


def plain(value: Json) -> Json:
    """Undo the widening of float32 settings: 0.0010000000474974513 was meant as 0.001."""
    if isinstance(value, float) and float(np.float32(value)) == value:
        return float(str(np.float32(value)))
    return value


def _same(losses: Mapping[str, Loss]) -> bool:
    first, *rest = losses.values()
    return all(loss == first for loss in rest)
