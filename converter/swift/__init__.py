"""The Swift code that an app needs to train one model: a single file, made for that model.

generate(mlmodel.read(path), type_name="ModelTrainer", resource="LeNet")
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from converter.coreml.mlmodel import Message
from converter.swift.names import array, check_type_name, comment, string
from converter.swift.trainer import trainer

__all__ = ["generate"]

TEMPLATE = "trainer.swift.j2"


def generate(model: Message, type_name: str, resource: str) -> str:
    """Return the Swift source of an actor `type_name` that trains `model`.

    `resource` is the name of the model in the app's bundle, without ``.mlmodelc``.

    Raises:
        TrainingError: the model is not updatable, or in a way that is not known here.
        DataError: the file leaves a shape open.
        OutputError: an app cannot have a type of that name.
    """
    # No escaping as for HTML: whatever comes from the file goes through `string` or `comment`.
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"string": string, "comment": comment, "array": array}
    template = environment.get_template(TEMPLATE)
    chosen = trainer(model)
    check_type_name(type_name, template.render(t=chosen, name="_", resource=resource), resource)
    return template.render(t=chosen, name=type_name, resource=resource)
