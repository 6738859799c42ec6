"""``make-updatable train``: what an update task does on the device, done here."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.arithmetic import Arithmetic, arithmetic_of
from converter.cli.command import Command
from converter.cli.data_options import data_options, tell_notes
from converter.cli.parameters import (
    PATH,
    json_option,
    quiet_option,
    report_option,
    verbose_option,
)
from converter.cli.terminal import Progress
from converter.cli.train_files import (
    ENDINGS,
    check_places,
    default_place,
    write_page,
    write_records,
)
from converter.cli.train_options import training_options
from converter.coreml.optimizers import TRAINING
from converter.errors import EXIT_INTERRUPTED, EXIT_OK, UsageError

if TYPE_CHECKING:
    from converter.coreml.mlmodel import Message
    from converter.data import Dataset
    from converter.runtime import Answers, History, Settings


@click.command("train", cls=Command, excludes=[("test", "hold_out")])
@click.argument("model", type=PATH)
@data_options
@training_options
@report_option
@json_option
@quiet_option
@verbose_option
def command(model: Path, **options: Any) -> int:
    """Train an updatable MODEL (.mlmodel) as an update task on the device would.

    \b
    make-updatable train LeNet.mlmodel --data mnist --scale 1/255 --epochs 10
    make-updatable train CatDog.mlmodel --data photos/ --hold-out 0.2 -o Mine.mlmodel

    Values that the model does not allow are refused, as Core ML refuses them. The arithmetic is
    that of Keras with the same settings, or what --arithmetic says.
    """  # noqa: D301 (click reads \\b)
    from converter.coreml import mlmodel

    check_places(model, options)
    arithmetic = arithmetic_of(options["arithmetic"])
    message = mlmodel.read(model)
    settings, data = _prepared(message, arithmetic, options)
    if not options["quiet"]:
        _warn(message)
    try:
        before = _answers(message, data, options)
        history = _trained(message, data, settings, options)
    except KeyboardInterrupt:
        click.echo(_interrupted(options["checkpoint"]), err=True)
        return EXIT_INTERRUPTED
    target = options["out"] or default_place(model)
    mlmodel.write(message, target)
    write_records(target, history, len(data.train.samples), options)
    if options["report"] is not None:
        write_page(message, target, data, history, before, options)
    return EXIT_OK


def _prepared(
    model: Message, arithmetic: Arithmetic, options: dict[str, Any]
) -> tuple[Settings, Dataset]:
    """Return how to train `model` and with what; what cannot be is refused before data are read."""
    with Progress(quiet=options["quiet"], verbose=options["verbose"]) as progress:
        job = progress.job()
        with job.step("start"):
            from converter import runtime
            from converter.runtime import checkpoint
        settings = replace(
            runtime.settings(model, **{name: options[name] for name in TRAINING}),
            arithmetic=arithmetic,
        )
        runtime.check(model, settings)
        if not runtime.way(model).has_epochs:
            _refuse_epochs(options)
        runtime.prepare_threads()
        if options["checkpoint"] is not None and options["checkpoint"].exists():
            checkpoint.read(options["checkpoint"])
        with job.step("reading the data"):
            return settings, _data(model, options, settings.seed)


def _refuse_epochs(options: dict[str, Any]) -> None:
    """Refuse what is about epochs for a model that learns without them."""
    from converter.runtime.keeping import KEPT

    given = next((name for name in ENDINGS if options[name] is not None), None)
    if given is not None:
        raise UsageError(f"--{given} is no setting of this model: {KEPT}; leave it out")


def _warn(model: Message) -> None:
    """Say what keeps a device from training a model that can be trained here."""
    from converter.validation.validate import findings

    texts = [finding.text() for finding in findings(model) if finding.severity == "error"]
    for text in dict.fromkeys(texts):
        click.echo(f"warning: not on a device: {text}", err=True)


def _data(model: Message, options: dict[str, Any], seed: int) -> Dataset:
    from converter import data

    how = data.Reading(options["layout"], options["scale"])
    found = data.read(options["data"], model, how)
    tell_notes(found.notes, options["quiet"])
    if options["hold_out"] is not None:
        if options["test"] or found.test:
            raise UsageError("--hold-out: there are other data to test with")
        return data.held_out(found.train, options["hold_out"], seed)
    if options["test"]:
        other = data.read(options["test"], model, how)
        others = (note for note in other.notes if note not in found.notes)
        tell_notes(others, options["quiet"])
        return data.Dataset(found.train, other.test or other.train)
    return found


def _trained(model: Message, data: Dataset, settings: Settings, options: dict[str, Any]) -> History:
    from converter.cli.training_progress import ProgressBar
    from converter.runtime import train

    is_silent = options["quiet"] or options["as_json"]
    with nullcontext() if is_silent else ProgressBar(settings) as progress:
        return train(model, data.train, settings, data.test, options["checkpoint"], progress)


def _answers(model: Message, data: Dataset, options: dict[str, Any]) -> Answers | None:
    """Return what the model answers to the samples that a page shows, None if nobody asked."""
    if options["report"] is None:
        return None
    from converter.page.looked_at import looked_at
    from converter.runtime import answers

    return answers(model, looked_at(data))


def _interrupted(checkpoint: Path | None) -> str:
    if checkpoint is not None and checkpoint.exists():
        return f"interrupted; run the same command again to go on from {checkpoint}"
    return "interrupted; nothing was written"
