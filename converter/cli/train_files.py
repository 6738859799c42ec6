"""The files that a training writes: refused beforehand, or written after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.arithmetic import NAMED
from converter.cli.data_options import data_input
from converter.cli.report import report_outputs, write_report
from converter.cli.verdict import tell
from converter.files.paths import MODEL_ENDING, Input, Output, check_outputs

if TYPE_CHECKING:
    from converter.coreml.mlmodel import Message
    from converter.data import Dataset
    from converter.runtime import Answers, History

ENDINGS = {
    "history": (".csv", ".json"),
    "plot": (".png",),
    "checkpoint": (".checkpoint", ".ckpt", ".npz", ""),
}
"""Option -> endings of the file that it writes, so that nothing else takes it for its own."""


def check_places(model: Path, options: dict[str, Any]) -> None:
    """Refuse before training what could not, or must not, be written after it."""
    places = {f"--{name}": options[name] for name in ("data", "test") if options[name] is not None}
    inputs = [Input("MODEL", model), *(data_input(flag, place) for flag, place in places.items())]
    if options["arithmetic"] not in NAMED:
        inputs.append(Input("--arithmetic", Path(options["arithmetic"])))
    target = Output("-o", options["out"], MODEL_ENDING)
    if options["out"] is None:
        target = Output("", default_place(model), MODEL_ENDING, is_default=True)
    records = [
        Output(f"--{name}", options[name], endings)
        for name, endings in ENDINGS.items()
        if options[name] is not None
    ]
    outputs = [target, *records, *report_outputs(options["report"])]
    check_outputs(inputs, outputs, force=options["force"])
    if options["plot"] is not None:
        from converter.drawing import check_matplotlib

        check_matplotlib("--plot")


def default_place(model: Path) -> Path:
    """Return where the trained model goes if nobody says it."""
    return Path(f"{model.stem}Trained.mlmodel")


def write_records(target: Path, history: History, samples: int, options: dict[str, Any]) -> None:
    """Write loss and accuracy of the epochs where it was asked for, and say what was written.

    `samples` is how many there were to learn from; the model stands at `target` already.
    """
    from converter.cli.history import as_data, write_history
    from converter.coreml.figures import size_text

    if options["history"] is not None:
        write_history(history, samples, options["history"])
        _say(f"wrote {options['history']}", options)
    if options["plot"] is not None:
        from converter.cli.plot import write_plot

        write_plot(history, options["plot"])
        _say(f"wrote {options['plot']}", options)
    size = target.stat().st_size
    if options["as_json"]:
        tell({"file": str(target), "size": size, **as_data(history, samples)}, True, None)
    _say(f"wrote {target} ({size_text(size)})", options)


def _say(line: str, options: dict[str, Any]) -> None:
    if not (options["quiet"] or options["as_json"]):
        click.echo(line)


def write_page(
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
