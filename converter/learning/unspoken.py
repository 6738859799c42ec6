"""What can be said to Keras about training, and what Core ML makes of it: a row for each argument.

The tables hold all arguments of the losses, the optimizers and ``compile`` of Keras 1.2.2 to 3.15;
a test goes through the installed Keras and through recorded lists of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from converter.keras_file.compiled import CompileSettings


@dataclass(frozen=True)
class Argument:
    """What Core ML makes of an argument.

    Attributes:
        lacks: what Core ML does not have; empty if it has the same, or if no result depends on it.
        idle: values with which Keras does not do it either.
    """

    lacks: str = ""
    idle: tuple[Any, ...] = (None, False, 0)


READ = Argument()
"""Core ML has the same: the number is taken over, or the end of the network says it."""

NO_MATTER = Argument()
"""What is learned does not depend on it, or another argument's note says it."""

ALIKE = (None, 1e-7, 1e-8)
"""Keras's epsilons; None means the one of ``keras.config``."""

OPTIMIZER_ARGUMENTS: Mapping[str, Argument] = {
    "learning_rate": READ,
    "lr": READ,
    "momentum": READ,
    "beta_1": READ,
    "beta_2": READ,
    "epsilon": READ,
    "nesterov": Argument("Nesterov momentum"),
    "amsgrad": Argument("AMSGrad"),
    "weight_decay": Argument("weight decay"),
    "decay": Argument("learning-rate decay"),
    "clipnorm": Argument("gradient clipping by norm"),
    "clipvalue": Argument("gradient clipping by value"),
    "global_clipnorm": Argument("gradient clipping by global norm"),
    "use_ema": Argument("averaging of weights"),
    "ema_momentum": NO_MATTER,
    "ema_overwrite_frequency": NO_MATTER,
    "gradient_accumulation_steps": Argument("gradient accumulation", (None, False, 0, 1)),
    "loss_scale_factor": NO_MATTER,  # divided out again before the step
    "name": NO_MATTER,
    "jit_compile": NO_MATTER,
    "is_legacy_optimizer": NO_MATTER,
    "mesh": NO_MATTER,
    "gradient_aggregator": NO_MATTER,
    "gradient_transformers": NO_MATTER,
    # of LossScaleOptimizer, whose own name is noted
    "inner_optimizer": NO_MATTER,
    "initial_scale": NO_MATTER,
    "dynamic_growth_steps": NO_MATTER,
    "dynamic": NO_MATTER,
    "loss_scale": NO_MATTER,
    # of MultiOptimizer and TFOptimizer, likewise
    "optimizer_map": NO_MATTER,
    "default_optimizer": NO_MATTER,
    "optimizer": NO_MATTER,
    "iterations": NO_MATTER,
}
"""Argument of an optimizer -> what Core ML makes of it, if the optimizer itself is one of its."""

OWN_ARGUMENTS: Mapping[str, tuple[Any, ...]] = {
    "momentum": (0, 0.95),
    "beta_1": (0.9,),
    "beta_2": (0.999, 0.99),
    "epsilon": ALIKE,
    "nesterov": (False, True),
    "rho": (0.9, 0.95),
    "centered": (False,),
    "initial_accumulator_value": (0.1,),
    "schedule_decay": (0.004,),
    "warmup_steps": (0,),
    # Ftrl
    "learning_rate_power": (-0.5,),
    "l1_regularization_strength": (0,),
    "l2_regularization_strength": (0,),
    "l2_shrinkage_regularization_strength": (0,),
    "beta": (0,),
    # Adafactor
    "beta_2_decay": (-0.8,),
    "epsilon_1": (1e-30,),
    "epsilon_2": (0.001,),
    "clip_threshold": (1,),
    "relative_step": (True,),
    # Muon
    "adam_beta_1": (0.9,),
    "adam_beta_2": (0.999,),
    "adam_weight_decay": (0.004,),
    "adam_lr_ratio": (1,),
    "exclude_layers": (None, []),
    "exclude_embeddings": (True,),
    "muon_a": (3.4445,),
    "muon_b": (-4.775,),
    "muon_c": (2.0315,),
    "ns_steps": (5, 6),
    "rms_rate": (0.2,),
}
"""Argument of optimizers that Core ML does not have -> its defaults in Keras. Other values are
named beside the optimizer."""

LOSS_ARGUMENTS: Mapping[str, Argument] = {
    "from_logits": READ,
    "axis": Argument("loss over another axis than the last", (None, -1, 1)),
    "label_smoothing": Argument("label smoothing"),
    "ignore_class": Argument("class that the loss ignores", (None,)),
    "reduction": Argument("reduction of the loss to a sum", ()),
    "name": NO_MATTER,
    "dtype": NO_MATTER,  # the device computes in float32
    "fn": NO_MATTER,
}
"""Argument of a loss that Core ML has -> what it makes of it. What is left of ``reduction`` in
`CompileSettings` is no mean."""

OWN_LOSS_ARGUMENTS = (
    "alpha", "apply_class_balancing", "beta", "delta", "gamma", "margin", "q", "remove_diagonal",
)  # fmt: skip
"""Arguments only of losses that Core ML does not have: such a loss is refused, by its name."""

COMPILE_ARGUMENTS: Mapping[str, Argument] = {
    "loss_weights": Argument("loss weights"),
    "sample_weight_mode": Argument("sample weights"),
    "LossScaleOptimizer": Argument("loss scaling"),
    "LossScaleOptimizerV1": Argument("loss scaling"),
    "LossScaleOptimizerV3": Argument("loss scaling"),
    "MultiOptimizer": Argument("several optimizers at a time"),
    "OptimizerMap": NO_MATTER,
}
"""Other argument of ``compile``, or optimizer around another -> what Core ML makes of it."""

ALSO_CALLED = {
    "categorical_crossentropy": (
        "categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy",
    ),
}  # fmt: skip
"""Loss of Core ML -> losses of Keras that become it."""

INSTEAD = {
    "loss weights": "the device learns as if all were 1",
    "sample weights": "the device learns as if all were 1",
    "several optimizers at a time": "the device learns by the first alone",
    "loss scaling": "in float32 the device needs none",
    "reduction of the loss to a sum": "the device takes the mean over the batch, so that its steps "
    "are smaller than Keras's by the size of the batch",
}
"""What Core ML lacks -> what happens on the device, where that is not just without it."""


def lacking(what: str) -> str:
    """Return the sentence that Core ML lacks `what`."""
    return f"Core ML has no {what}; {INSTEAD.get(what, 'the device learns without it')}"


def of_optimizer(config: Mapping[str, Any], is_known: bool) -> Iterator[str]:
    """Yield what Core ML lacks of an optimizer's arguments, apart from the optimizer itself.

    `is_known` says that Core ML has the optimizer: then an argument without a row is named, too.
    """
    for name, value in config.items():
        row = OPTIMIZER_ARGUMENTS.get(name)
        if row is None:
            if is_known and name not in OWN_ARGUMENTS and value not in (None, False, 0, [], {}):
                yield lacking(f"'{name}' of the optimizer")
        elif name == "nesterov" and not (is_known and config.get("momentum")):
            continue  # without momentum there is nothing to look ahead with
        elif row.lacks and value not in row.idle:
            yield lacking(row.lacks)


def own_arguments(config: Mapping[str, Any]) -> str:
    """Return the arguments of an optimizer that Core ML has not, " (rho 0.8)"; "" if usual."""
    unusual = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in config.items()
        if (name in OWN_ARGUMENTS or name not in OPTIMIZER_ARGUMENTS)
        and not isinstance(value, Mapping)
        and value not in OWN_ARGUMENTS.get(name, (None, False, 0))
    ]
    return f" ({', '.join(unusual)})" if unusual else ""


def of_loss(settings: CompileSettings, output: str, minimised: str) -> Iterator[str]:
    """Yield what Core ML lacks of the loss of `output`, of which `minimised` is made."""
    loss = settings.loss_of(output)
    others = [name for name in settings.output_losses if name != output]
    if others:
        yield f"Core ML has one loss: the device learns by '{output}' alone, not {_listed(others)}"
    if loss is None:
        return
    if loss.name not in ALSO_CALLED.get(minimised, (minimised,)):
        yield f"the model was compiled with the loss {loss.name}; the device minimises {minimised}"
        return
    for name, value in loss.config.items():
        row = LOSS_ARGUMENTS.get(name)
        if row is not None and row.lacks and value not in row.idle:
            yield lacking(row.lacks)
        elif row is None and name not in OWN_LOSS_ARGUMENTS and value not in (None, False, 0):
            yield lacking(f"'{name}' of the loss")


def of_compile(settings: CompileSettings, output: str) -> Iterator[str]:
    """Yield what Core ML lacks of the other arguments of ``compile``."""
    for name, value in settings.others.items():
        row = COMPILE_ARGUMENTS.get(name, Argument(name.replace("_", " ")))
        if row.lacks and not _is_idle(name, value, output):
            yield lacking(row.lacks)


def _is_idle(name: str, value: Any, output: str) -> bool:
    """Tell whether weights of losses change nothing for `output`: its own is 1."""
    if name != "loss_weights":
        return False
    if isinstance(value, Mapping):
        return bool(value.get(output, 1) == 1)
    return bool(value == 1)


def _listed(names: list[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)
