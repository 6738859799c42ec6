"""The table of `docs/backbones.md`: ``python tests/benchmarks/backbones.py [--write] [NAME …]``.

Every backbone of ``keras.applications`` with a new dense head, frozen below the head, random
weights, at its usual input size and at a small one, is converted and compared with Keras.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path

import numpy as np

from converter.backend.tensorflow import keras
from converter.conversion.story import prepare, write
from converter.errors import MakeUpdatableError
from converter.proof.predictions import SATURATED
from converter.recipe import Recipe

SIZES = {
    "VGG16": (224, 48), "VGG19": (224, 48),
    "ResNet50": (224, 64), "ResNet101": (224, 64), "ResNet152": (224, 64),
    "ResNet50V2": (224, 64), "ResNet101V2": (224, 64), "ResNet152V2": (224, 64),
    "MobileNet": (224, 64), "MobileNetV2": (224, 64),
    "MobileNetV3Small": (224, 64), "MobileNetV3Large": (224, 64),
    "EfficientNetB0": (224, 64), "EfficientNetB1": (240, 64), "EfficientNetB2": (260, 64),
    "EfficientNetB3": (300, 64), "EfficientNetV2B0": (224, 64), "EfficientNetV2B1": (240, 64),
    "DenseNet121": (224, 64), "InceptionV3": (299, 96), "InceptionResNetV2": (299, 96),
    "Xception": (299, 96), "NASNetMobile": (224, 64), "ConvNeXtTiny": (224, 64),
}  # fmt: skip
"""Backbone -> its usual input size and a small one."""

PAGE = Path(__file__).parents[2] / "docs" / "backbones.md"
PARITY = 1e-4


def model(name: str, size: int, classes: int = 10) -> keras.Model:
    """Return the backbone `name` for pictures of `size` with a head, all numbers random."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    build = getattr(keras.applications, name)
    shape = (size, size, 3)
    base = build(weights=None, include_top=False, pooling="avg", input_shape=shape)
    head = keras.layers.Dense(classes, activation="softmax", name="head")
    whole = keras.Sequential([keras.Input(shape), base, head])
    rng = np.random.default_rng(1)
    for variable in whole.variables:  # fresh ones are all 0 or all 1: these would prove little
        if variable.name in ("beta", "bias", "moving_mean"):
            variable.assign(rng.normal(scale=0.05, size=variable.shape))
        elif variable.name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.9, 1.1, size=variable.shape))
    return whole


def row(name: str, size: int, folder: Path) -> str:
    """Convert one backbone and return its row of the table."""
    keras_model = model(name, size)
    recipe = Recipe(model=folder / "model.h5", layers=("head",), tolerance=PARITY)
    start = time.perf_counter()
    try:
        report = write(prepare(keras_model, None, recipe), folder / "model.mlmodel", recipe)
    except MakeUpdatableError as error:
        return f"| {name} | {size} | | | | refused: {error} |"
    seconds = time.perf_counter() - start
    assert SATURATED not in report.notes, f"{name} at {size} proves nothing"
    return (
        f"| {name} | {size} × {size} | {len(report.layers)} | {report.size / 1e6:.1f} MB "
        f"| {seconds:.0f} s | PASS, {report.parity:.0e} |"
    )


def main() -> None:
    """Print the table, and write it into the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[])
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    arguments = parser.parse_args()
    if arguments.names and arguments.write:
        parser.error("--write is for the whole table; name no backbones")
    rows = [
        "| backbone | input | layers | size | conversion | parity |",
        "|---|---|--:|--:|--:|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.names or SIZES:
            for size in SIZES[name]:
                rows.append(row(name, size, Path(folder)))
                print(rows[-1], flush=True)
    if arguments.write:
        text = re.sub(
            r"(<!-- backbones:begin -->\n).*?(<!-- backbones:end -->)",
            lambda match: match[1] + "\n".join(rows) + "\n" + match[2],
            PAGE.read_text(),
            flags=re.DOTALL,
        )
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
