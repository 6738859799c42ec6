"""Pipelines: models that run one after the other, of which the last may learn.

Apple's validator lets no other member of a pipeline be updatable. Layers and hyperparameters of
that one are found under its name.
https://developer.apple.com/documentation/coreml/mlparameterkey
"""

from __future__ import annotations

from converter.coreml.mlmodel import Message, pipeline

FEATURES = "features"
"""The name of the first member of the pipelines written here: a network that stays as it is."""

LEARNING = "learning"
"""The name of the last member if it is a network that learns."""

NEIGHBORS = "neighbors"
"""The name of the last member if it is a k-nearest-neighbours classifier."""


def members(model: Message) -> list[tuple[str, Message]]:
    """Return the models of a pipeline in the order in which they run, each with its name.

    A name is the file's; ``model`` and the index where the file has none, or not one for each
    model. Empty if `model` is no pipeline, or one without models.
    """
    parts = pipeline(model)
    if parts is None:
        return []
    given = list(parts.names) if len(parts.names) == len(parts.models) else []
    names = given or [""] * len(parts.models)
    return [
        (name or f"model{index}", member)
        for index, (name, member) in enumerate(zip(names, parts.models, strict=True))
    ]


def learner(model: Message) -> Message:
    """Return the model that an update changes: the last of a pipeline, else `model` itself."""
    found = members(model)
    return found[-1][1] if found else model
