"""What each form of a backbone costs: ``python tests/benchmarks/forms.py [NAME …] [--repeats 3]``.

Each backbone has random weights and a new head of five classes, which alone learns. It is converted
by whole processes in turns: as one network, and as a pipeline in float32, float16 and int8. The
comparison with Keras counts. Then every file is compared with Keras, predictions and update steps;
rows go to `docs/pipelines.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.backbones import SIZES, model

FORMS = {
    "network": ["--layout", "network"],
    "pipeline": ["--layout", "pipeline"],
    "pipeline, float16": ["--frozen-weights", "float16"],
    "pipeline, int8": ["--frozen-weights", "int8"],
}
"""Form -> how it is asked for."""

CLASSES = 5

TOOL = Path(sys.executable).with_name("make-updatable")


def converted(source: Path, target: Path, options: list[str]) -> tuple[float, float, str]:
    """Convert by a process; return its time in seconds, its peak memory in GB, and what it told."""
    command = [TOOL, source, "-o", target, "--layers", "head", *options]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert not status, told
    return time.perf_counter() - start, usage.ru_maxrss / 1e6, told


def parity(told: str) -> str:
    """Return the parity that a conversion has told of."""
    found = re.search(r"^parity +(\S+)", told, re.MULTILINE)
    assert found, told
    return found[1]


def update(source: Path, target: Path) -> float:
    """Return how far the update steps are from Keras's."""
    command = [TOOL, "verify", target, "--against", source, "--json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return float(json.loads(told)["update"])


def rows(name: str, repeats: int, folder: Path) -> list[str]:
    """Return a row for each form of one backbone; time and memory are those of the network."""
    source = folder / f"{name}.h5"
    whole = model(name, SIZES[name][0], CLASSES)
    whole.compile("adam", "categorical_crossentropy")
    whole.save(source, include_optimizer=False)
    del whole
    runs: dict[str, list[tuple[float, float]]] = {form: [] for form in FORMS}
    parities = {}
    for _ in range(repeats):
        for form, options in FORMS.items():
            *cost, told = converted(source, folder / f"{form}.mlmodel", options)
            runs[form].append((cost[0], cost[1]))
            parities[form] = parity(told)
    found = []
    first = first_size = None
    for form in FORMS:
        target = folder / f"{form}.mlmodel"
        cost = [statistics.median(values) for values in zip(*runs[form], strict=True)]
        size = target.stat().st_size
        first, first_size = first or cost, first_size or size
        ratios = [own / one for own, one in zip(cost, first, strict=True)]
        found.append(
            f"| {name} | {form} | {size / 1e6:.1f} MB ({size / first_size:.3f}) "
            f"| {cost[0]:.0f} s ({ratios[0]:.2f}) | {cost[1]:.2f} GB ({ratios[1]:.2f}) "
            f"| {parities[form]} | {update(source, target):.0e} |"
        )
        print(found[-1], flush=True)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["MobileNetV2", "EfficientNetB0"])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    print("| backbone | form | size | time | memory | parity | update step |")
    print("|---|---|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.names:
            rows(name, arguments.repeats, Path(folder))


if __name__ == "__main__":
    main()
