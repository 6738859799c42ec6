"""What goes into the record of a verdict beside the checks: losses, steps, arrays in full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from converter.coreml.subject import Subject
from converter.device import reference
from converter.device.batch import Array, Batch
from converter.device.child import Ending
from converter.device.comparing import weights
from converter.device.job import Settings
from converter.device.reference import Steps, stored_weights


def facts(
    chosen: Subject,
    batch: Batch,
    settings: Settings,
    ending: Ending,
    steps: Steps | None,
    why: str,
) -> dict[str, Any]:
    """Return the settings, every loss of Core ML beside the reference's, and how steps relate.

    `why` says why there are no `steps` of the reference runtime.
    """
    told = (ending.answer or {}).get("told", [])
    found = {
        "samples": len(batch),
        "epochs": settings.epochs,
        "remark": settings.remark(),
        "batch_size": settings.batch_size,
        "told": list(_beside(told, steps.losses)) if steps else told,
    }
    if steps is None:
        return {**found, "reference": f"no comparison: {why}"}
    theirs = weights(ending.arrays, "after")
    before = stored_weights(chosen)
    return {
        **found, "reference": reference.compare_steps(chosen, before, steps.weights, theirs)
    }  # fmt: skip


def _beside(told: list[dict[str, Any]], losses: list[list[float]]) -> Iterator[dict[str, Any]]:
    """Yield what Core ML told, each with the loss of the reference runtime at the same point.

    Of an epoch that is the last mini-batch's, and the mean of all in ``reference_mean``. Points are
    paired by their order: from where Core ML counts is not documented.
    """
    flat = iter([loss for epoch in losses for loss in epoch])
    epochs = iter(losses)
    for each in told:
        if each["event"] == "mini-batch end":
            yield {**each, "reference": next(flat, None)}
        else:
            epoch = next(epochs, losses[-1]) if each["event"] == "epoch end" else losses[-1]
            mean = sum(epoch) / len(epoch)
            yield {**each, "reference": epoch[-1], "reference_mean": mean}


def arrays(chosen: Subject, batch: Batch, ending: Ending, steps: Steps | None) -> dict[str, Array]:
    """Return all arrays of the check by names that say what they are, such as
    ``after/dense_6/weights``: what was learned from, what Core ML made of it, and the reference.
    """
    layers = [layer.layer.name for layer in chosen.layers()]
    outputs = [feature.name for feature in chosen.model.description.output]
    found: dict[str, Array] = {f"samples/{name}": values for name, values in batch.inputs.items()}
    found["samples/answers"] = batch.answers
    ours = {"file": stored_weights(chosen), "reference": steps.weights if steps else {}}
    for when, stored in ours.items():
        found |= {_named(when, layers, key): array for key, array in stored.items()}
    for name, array in ending.arrays.items():
        when, rest = name.split(".", 1)
        if when == "predicted":
            when, output = rest.split(".")
            found[f"predicted/{when}/{outputs[int(output)]}"] = array
        else:
            found[_named(when, layers, rest)] = array
    return found


def _named(when: str, layers: list[str], key: str) -> str:
    number, kind = key.split(".")
    return f"{when}/{layers[int(number)]}/{kind}"
