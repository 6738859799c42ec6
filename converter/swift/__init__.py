"""The Swift code that an app needs to train one model: a single file, made for that model.

generate(mlmodel.read(path), type_name="ModelTrainer", resource="LeNet")
"""

from __future__ import annotations

from converter.coreml.mlmodel import Message
from converter.swift.names import check_type_name
from converter.swift.rendering import TEMPLATE, render
from converter.swift.trainer import trainer

__all__ = ["generate"]


def generate(model: Message, type_name: str, resource: str) -> str:
    """Return the Swift source of an actor `type_name` that trains `model`.

    `resource` is the name of the model in the app's bundle, without ``.mlmodelc``.

    Raises:
        TrainingError: the model is not updatable, or in a way that is not known here.
        DataError: the file leaves a shape open.
        OutputError: an app cannot have a type of that name.
    """
    chosen = trainer(model)
    check_type_name(type_name, render(TEMPLATE, chosen, "_", resource), resource)
    return render(TEMPLATE, chosen, type_name, resource)
