"""``make-updatable train``: what an update task does on the device, done here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.data_options import data_options
from converter.cli.parameters import Finite, Whole
from converter.coreml.optimizers import TRAINING
from converter.errors import EXIT_INTERRUPTED, EXIT_OK, OutputError, UsageError

if TYPE_CHECKING:
    from converter.coreml.mlmodel import Message
    from converter.data import Dataset
    from converter.runtime import History, Settings


@click.command("train")
@click.argument("model", type=click.Path(path_type=Path))
@data_options
@click.option("--test", metavar="PLACE", help="Other data to test with before and after.")
@click.option(
    "--hold-out",
    type=Finite(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Put this share of the data aside to test with, such as 0.1.",
)
@click.option("--epochs", type=Whole(), help="Passes over the data (default: as in the model).")
@click.option("--batch-size", type=Whole(), help="Samples per step (default: as in the model).")
@click.option("--learning-rate", type=Finite(), help="Step size (default: as in the model).")
@click.option("--momentum", type=Finite(), help="Momentum of SGD.")
@click.option("--beta-1", type=Finite(), help="Decay of Adam's first moment.")
@click.option("--beta-2", type=Finite(), help="Decay of Adam's second moment.")
@click.option("--epsilon", type=Finite(), help="Adam's epsilon.")
@click.option("--shuffle/--no-shuffle", default=None, help="Whether each epoch has its own order.")
@click.option("--seed", type=Whole(), help="Seed of the shuffling.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write the trained model (default: <MODEL>Trained.mlmodel).",
)
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
def command(model: Path, **options: Any) -> int:
    """Train an updatable MODEL (.mlmodel) as an update task on the device would.

    \b
    make-updatable train LeNet.mlmodel --data mnist --scale 1/255 --epochs 10
    make-updatable train CatDog.mlmodel --data photos/ --hold-out 0.2 -o Mine.mlmodel

    Values that the model does not allow are refused, as Core ML refuses them. The arithmetic is
    that of Keras with the same settings; Apple does not document its own.
    """  # noqa: D301 (click reads \\b)
    from converter import runtime
    from converter.coreml import mlmodel

    target = options["out"] or Path(f"{model.stem}Trained.mlmodel")
    _check_targets(model, target, options)
    message = mlmodel.read(model)
    settings = runtime.settings(message, **{name: options[name] for name in TRAINING})
    runtime.plan(message)  # refuses what cannot be trained before any data are read
    runtime.prepare_threads()
    _warn(message)
    data = _data(message, options, settings.seed)
    try:
        history = _trained(message, data, settings, options)
    except KeyboardInterrupt:
        click.echo(_interrupted(options["checkpoint"]), err=True)
        return EXIT_INTERRUPTED
    mlmodel.write(message, target)
    _write_records(history, options)
    click.echo(f"wrote {target} ({target.stat().st_size / 1e6:.1f} MB)")
    return EXIT_OK


def _warn(model: Message) -> None:
    """Say what keeps a device from training a model that can be trained here."""
    from converter.validation.validate import findings

    for finding in findings(model):
        if finding.severity == "error":
            click.echo(f"warning: not on a device: {finding.text()}", err=True)


def _check_targets(model: Path, target: Path, options: dict[str, Any]) -> None:
    """Refuse before training what could not be written after it."""
    if target.suffix != ".mlmodel":
        raise OutputError(f"{target}: the name of a Core ML model ends in .mlmodel")
    suffixes = {"history": (".csv", ".json"), "plot": (".png",)}
    for option, allowed in suffixes.items():
        path = options[option]
        if path is not None and path.suffix not in allowed:
            raise UsageError(f"--{option} {path}: the name must end in {' or '.join(allowed)}")
    for path in (target, options["history"], options["plot"], options["checkpoint"]):
        if path is None:
            continue
        if not path.parent.is_dir():
            raise OutputError(f"{path}: its folder does not exist")
        if path.exists() and model.exists() and path.samefile(model):
            raise OutputError(f"{path}: is the input; give another name")
    if options["plot"] is not None:
        from converter.cli.plot import check_pillow

        check_pillow()


def _data(model: Message, options: dict[str, Any], seed: int) -> Dataset:
    from converter import data

    how = data.Reading(options["layout"], options["scale"])
    found = data.read(options["data"], model, how)
    if options["hold_out"] is not None:
        if options["test"] or found.test:
            raise UsageError("--hold-out: there are other data to test with")
        return data.held_out(found.train, options["hold_out"], seed)
    if options["test"]:
        other = data.read(options["test"], model, how)
        return data.Dataset(found.train, other.test or other.train)
    return found


def _trained(model: Message, data: Dataset, settings: Settings, options: dict[str, Any]) -> History:
    from converter.cli.training_progress import ProgressBar
    from converter.runtime import train

    with ProgressBar(settings) as progress:
        return train(model, data.train, settings, data.test, options["checkpoint"], progress)


def _interrupted(checkpoint: Path | None) -> str:
    if checkpoint is not None and checkpoint.exists():
        return f"interrupted; run the same command again to go on from {checkpoint}"
    return "interrupted; nothing was written"


def _write_records(history: History, options: dict[str, Any]) -> None:
    if options["history"]:
        from converter.cli.history import write_history

        write_history(history, options["history"])
        click.echo(f"wrote {options['history']}")
    if options["plot"]:
        from converter.cli.plot import write_plot

        write_plot(history, options["plot"])
        click.echo(f"wrote {options['plot']}")
