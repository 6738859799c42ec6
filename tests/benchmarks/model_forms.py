"""Every form of a model that is no single file: ``python -m tests.benchmarks.model_forms``.

Each is converted, and the Core ML model compared with what the library predicted that wrote it, and
one update step with Keras's. Rows go to `docs/architecture-and-weights.md`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import converter
from tests.keras_file.forms import ROWS, fixture


def row(name: str, folder: Path) -> tuple[float, float]:
    """Return how far the predictions of a form are from the library's, and an update step."""
    stem, files = ROWS[name]
    source, weights = files(folder)
    (x,), expected = fixture(stem)
    classes = expected.shape[-1] > 1  # an architecture alone does not say how it was compiled
    loss = "categorical_crossentropy" if classes else "binary_crossentropy"
    model = converter.convert(source, weights=weights, loss=loss)
    actual = next(iter(model.predict(x).values()))
    actual = actual if classes else actual[:, 1:]  # of two classes, Keras gives the second
    parity = np.abs(actual - expected).max() / np.ptp(expected)
    return float(parity), model.verify(steps=1).update


def main() -> None:
    """Print a row for each form and writer."""
    print("| form, writer | parity | update step |\n|---|---|---|")
    for name in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            parity, update = row(name, Path(folder))
        print(f"| {name} | {parity:.1e} | {update:.1e} |", flush=True)


if __name__ == "__main__":
    main()
