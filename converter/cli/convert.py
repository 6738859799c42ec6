"""``make-updatable convert``: a Keras file in, an updatable ``.mlmodel`` out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.errors import UsageError

if TYPE_CHECKING:
    from converter.report import Report


def _numbers(kind: type) -> Any:
    def parse(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        if value is None:
            return None
        try:
            return tuple(kind(part) for part in value.split(","))
        except ValueError:
            raise click.BadParameter(f"{value!r} is not a list of numbers like 1,2,3") from None

    return parse


def _names(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for part in value for name in part.split(",") if name.strip())


def _classes(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Return a path to a file of labels, or the labels: numbers if all of them are."""
    if value is None:
        return None
    if "," not in value:
        return Path(value)
    labels = tuple(label.strip() for label in value.split(","))
    if all(label.lstrip("-").isdigit() for label in labels):
        return tuple(int(label) for label in labels)
    return labels


@click.command("convert")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output-path",
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where to write the model (default: <MODEL>Updatable.mlmodel).",
)
@click.option(
    "--layers",
    multiple=True,
    callback=_names,
    metavar="NAMES",
    help="Layers that learn: Keras names or globs, separated by commas "
    "(default: all dense layers that can).",
)
@click.option("--output", metavar="NAME", help="Which output, if the model has several.")
@click.option(
    "--input-shape",
    callback=_numbers(int),
    metavar="H,W,C",
    help="Shape of the input where the model leaves it open.",
)
@click.option(
    "--loss",
    type=click.Choice(["categorical_crossentropy", "mean_squared_error"]),
    help="What the device minimises (default: as compiled).",
)
@click.option(
    "--optimizer",
    type=click.Choice(["sgd", "adam"]),
    help="How the device learns (default: as compiled, else Adam).",
)
@click.option("--learning-rate", type=float, help="Step size (default: as compiled, else 0.001).")
@click.option("--momentum", type=float, help="Momentum of SGD.")
@click.option("--beta-1", type=float, help="Decay of Adam's first moment.")
@click.option("--beta-2", type=float, help="Decay of Adam's second moment.")
@click.option("--epsilon", type=float, help="Adam's epsilon.")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the user's data (default: 10).")
@click.option("--batch-size", type=click.IntRange(1), help="Samples per step (default: 32).")
@click.option(
    "--shuffle/--no-shuffle",
    default=None,
    help="Whether samples are shuffled between epochs (default: yes).",
)
@click.option("--seed", type=int, help="Seed of the shuffling.")
@click.option(
    "--image",
    type=click.Choice(["rgb", "bgr", "gray"]),
    help="Take images instead of arrays, in this colour order.",
)
@click.option("--scale", type=float, help="Factor on the pixels of an image input.")
@click.option(
    "--bias",
    callback=_numbers(float),
    metavar="R,G,B",
    help="Added after scaling, one number or one per channel.",
)
@click.option(
    "--classes",
    callback=_classes,
    metavar="LABELS",
    help="Make a classifier: labels separated by commas, or a file with one a line.",
)
@click.option("--input-name", metavar="NAME", help="Name of the model's input.")
@click.option("--output-name", metavar="NAME", help="Name of the output, or the probabilities.")
@click.option("--label-name", metavar="NAME", help="Name of the predicted class.")
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Compare the written model with Keras (default: yes).",
)
@click.option(
    "--tolerance", type=float, help="Largest difference from Keras, relative to its output's range."
)
@click.option(
    "--allow-unsafe",
    is_flag=True,
    default=None,
    help="Run Python code stored in the model file (Lambda layers).",
)
def command(**options: Any) -> None:
    """Convert a trained Keras MODEL (.h5 or .keras) to an updatable Core ML model.

    \b
    make-updatable model.h5 --layers dense_5,dense_6
    make-updatable model.keras --image rgb --classes cat,dog -o CatDog.mlmodel
    """  # noqa: D301 (click reads \\b)
    from pydantic import ValidationError

    from converter.files import check_paths
    from converter.recipe import Recipe

    try:
        recipe = Recipe(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        flag = "--" + str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"{flag}: {first['msg']}") from error

    check_paths(recipe.model, recipe.destination())
    from converter.conversion import convert_file

    report = convert_file(recipe)
    print_report(report, recipe.destination())


def print_report(report: Report, target: Path) -> None:
    """Print what a conversion did: the layers, how they learn, and every note."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    table = Table("layer", "kind", "output", "weights", "")
    for row in report.layers:
        state = "updatable" if row.updatable else "frozen" if row.weights else ""
        style = "bold" if row.updatable else None
        table.add_row(row.name, row.kind, row.shape, f"{row.weights:,}" if row.weights else "",
                      state, style=style)  # fmt: skip
    console.print(table)
    plan = report.training
    numbers = ", ".join(
        f"{name} {number.default:g} ({number.lowest:g} … {number.highest:g})"
        for name, number in plan.numbers.items()
    )
    console.print(f"inputs           {'; '.join(report.inputs)}", markup=False)
    console.print(f"outputs          {'; '.join(report.outputs)}", markup=False)
    console.print(f"training inputs  {'; '.join(report.training_inputs)}", markup=False)
    console.print(f"loss             {report.loss}", markup=False)
    console.print(f"optimizer        {plan.optimizer}: {numbers}", markup=False)
    for name, count in (("epochs", plan.epochs), ("batch size", plan.batch_size)):
        allowed = f"{len(count.allowed)} values from {count.allowed[0]} to {count.allowed[-1]}"
        console.print(f"{name:<17}{count.default} ({allowed})", markup=False)
    order = f"yes, seed {plan.seed}" if plan.seed is not None else "yes"
    console.print(f"shuffle          {order if plan.shuffle else 'no'}", markup=False)
    if report.parity is None:
        console.print("parity           not checked (--no-verify)", markup=False)
    else:
        console.print(f"parity           {report.parity:.1e} of the range of Keras's output",
                      markup=False)  # fmt: skip
    for note in report.notes:
        console.print(f"note: {note}", markup=False)
    console.print(f"wrote {target} ({report.size / 1e6:.1f} MB)", markup=False)
