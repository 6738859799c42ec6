"""``make-updatable train``: what an update task does on the device, done here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.arithmetic import NAMED, arithmetic_of
from converter.cli.command import Command
from converter.cli.data_options import PLACE, data_input, data_options, tell_notes
from converter.cli.parameters import (
    FileOr,
    Whole,
    a_number,
    force_option,
    json_option,
    quiet_option,
    report_option,
    share,
    verbose_option,
)
from converter.cli.report import report_outputs, write_report
from converter.cli.terminal import Progress
from converter.cli.verdict import tell
from converter.coreml.optimizers import NUMBERS, TRAINING
from converter.errors import EXIT_INTERRUPTED, EXIT_OK, UsageError
from converter.files.paths import MODEL_ENDING, Input, Output, check_outputs

if TYPE_CHECKING:
    from converter.coreml.mlmodel import Message
    from converter.data import Dataset
    from converter.runtime import Answers, History, Settings

ENDINGS = {
    "history": (".csv", ".json"),
    "plot": (".png",),
    "checkpoint": (".checkpoint", ".ckpt", ".npz", ""),
}
"""Option -> endings of the file that it writes, so that nothing else takes it for its own."""


def _number(flag: str, text: str) -> Callable[[Any], Any]:
    """Return the option for a number of an optimizer."""
    number = NUMBERS[flag.removeprefix("--").replace("-", "_")]
    return click.option(flag, type=a_number(number.complaint), help=text)


@click.command("train", cls=Command, excludes=[("test", "hold_out")])
@click.argument("model", type=click.Path(path_type=Path))
@data_options
@click.option(
    "--test", type=PLACE, metavar="PLACE", help="Other data to test with before and after."
)
@click.option(
    "--hold-out",
    type=a_number(share),
    metavar="SHARE",
    help="Put this share of the data aside to test with, such as 0.1.",
)
@click.option("--epochs", type=Whole(1),
              help="Passes over the data (default: as in the model).")  # fmt: skip
@click.option("--batch-size", type=Whole(1),
              help="Samples per step (default: as in the model).")  # fmt: skip
@_number("--learning-rate", "Step size (default: as in the model).")
@_number("--momentum", "Momentum of SGD.")
@_number("--beta-1", "Decay of Adam's first moment.")
@_number("--beta-2", "Decay of Adam's second moment.")
@_number("--epsilon", "Adam's epsilon.")
@click.option("--shuffle/--no-shuffle", default=None, help="Whether each epoch has its own order.")
@click.option("--seed", type=Whole(), help="Seed of the shuffling.")
@click.option(
    "--arithmetic",
    type=FileOr(lambda: tuple(NAMED)),
    default="keras",
    show_default=True,
    metavar="NAME",
    help="How to count: keras, coreml (what is known of it), or a JSON file that calibrate wrote.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write the trained model (default: <MODEL>Trained.mlmodel).",
)
@force_option
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write loss and accuracy of each epoch to a .csv or .json file.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw them as curves to a .png file.",
)
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save the state here after every epoch, and go on from it if it is there.",
)
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

    _check_outputs(model, options)
    target = options["out"] or _default(model)
    say = _silent if options["quiet"] or options["as_json"] else click.echo
    arithmetic = arithmetic_of(options["arithmetic"])
    message = mlmodel.read(model)
    with Progress(quiet=options["quiet"], verbose=options["verbose"]) as progress:
        job = progress.job()
        with job.step("start"):
            from converter import runtime
            from converter.runtime import checkpoint
        settings = replace(
            runtime.settings(message, **{name: options[name] for name in TRAINING}),
            arithmetic=arithmetic,
        )
        runtime.check(message, settings)  # refuses what cannot be trained before data are read
        if not runtime.way(message).has_epochs:
            _refuse_epochs(options)
        runtime.prepare_threads()
        if options["checkpoint"] is not None and options["checkpoint"].exists():
            checkpoint.read(options["checkpoint"])  # refuses what is none, before the data are read
        with job.step("reading the data"):
            data = _data(message, options, settings.seed)
    if not options["quiet"]:
        _warn(message)
    from converter.cli.history import as_data

    try:
        before = _answers(message, data, options)
        history = _trained(message, data, settings, options)
    except KeyboardInterrupt:
        click.echo(_interrupted(options["checkpoint"]), err=True)
        return EXIT_INTERRUPTED
    from converter.coreml.figures import size_text

    mlmodel.write(message, target)
    _write_records(history, len(data.train.samples), options, say)
    if options["as_json"]:
        size = target.stat().st_size
        facts = as_data(history, len(data.train.samples))
        tell({"file": str(target), "size": size, **facts}, True, None)
    say(f"wrote {target} ({size_text(target.stat().st_size)})")
    if options["report"] is not None:
        _write_page(message, target, data, history, before, options)
    return EXIT_OK


def _refuse_epochs(options: dict[str, Any]) -> None:
    """Refuse what is about epochs for a model that learns without them."""
    from converter.runtime.keeping import KEPT

    given = next((name for name in ENDINGS if options[name] is not None), None)
    if given is not None:
        raise UsageError(f"--{given} is no setting of this model: {KEPT}; leave it out")


def _silent(line: str) -> None:
    """Say nothing."""


def _warn(model: Message) -> None:
    """Say what keeps a device from training a model that can be trained here."""
    from converter.validation.validate import findings

    texts = [finding.text() for finding in findings(model) if finding.severity == "error"]
    for text in dict.fromkeys(texts):
        click.echo(f"warning: not on a device: {text}", err=True)


def _check_outputs(model: Path, options: dict[str, Any]) -> None:
    """Refuse before training what could not, or must not, be written after it."""
    places = {f"--{name}": options[name] for name in ("data", "test") if options[name] is not None}
    inputs = [Input("MODEL", model), *(data_input(flag, place) for flag, place in places.items())]
    if options["arithmetic"] not in NAMED:
        inputs.append(Input("--arithmetic", Path(options["arithmetic"])))
    check_outputs(
        inputs,
        [
            Output("-o", options["out"], MODEL_ENDING)
            if options["out"] is not None
            else Output("", _default(model), MODEL_ENDING, is_default=True),
            *(
                Output(f"--{name}", options[name], endings)
                for name, endings in ENDINGS.items()
                if options[name] is not None
            ),
            *report_outputs(options["report"]),
        ],
        force=options["force"],
    )
    if options["plot"] is not None:
        from converter.drawing import check_matplotlib

        check_matplotlib("--plot")


def _default(model: Path) -> Path:
    return Path(f"{model.stem}Trained.mlmodel")


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


def _write_page(
    model: Message,
    target: Path,
    data: Dataset,
    history: History,
    before: Answers | None,
    options: dict[str, Any],
) -> None:
    """Write the page on a training; the model that learned is written already."""
    from converter.page.looked_at import after_training
    from converter.page.model import core_ml_sections

    sections = [
        *after_training(model, data, history, before),
        *core_ml_sections(model, target.stat().st_size),
    ]
    is_quiet = options["quiet"] or options["as_json"]
    write_report(options["report"], f"{target.name}: trained", sections, quiet=is_quiet)


def _interrupted(checkpoint: Path | None) -> str:
    if checkpoint is not None and checkpoint.exists():
        return f"interrupted; run the same command again to go on from {checkpoint}"
    return "interrupted; nothing was written"


def _write_records(
    history: History, samples: int, options: dict[str, Any], say: Callable[[str], None]
) -> None:
    if options["history"]:
        from converter.cli.history import write_history

        write_history(history, samples, options["history"])
        say(f"wrote {options['history']}")
    if options["plot"]:
        from converter.cli.plot import write_plot

        write_plot(history, options["plot"])
        say(f"wrote {options['plot']}")
