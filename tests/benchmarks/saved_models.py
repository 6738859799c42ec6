"""VGG16 as SavedModels against the same network as an ``.h5``: CPU time and peak memory, as ratios.

    python -m tests.benchmarks.saved_models --keras2 ../tf215/bin/python --repeats 3

Each conversion is a process of its own, in turns, from the start of Python to the written file,
with the comparison with Keras. The networks have random weights and are written once into a
temporary folder: by `--keras2`, a Python with TensorFlow 2.15 or older, a SavedModel with Keras's
description of its layers, which is read like an ``.h5``; by Keras 3's ``export`` one that is read
by its graph.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WRITE = """
import sys, keras
how, network, target = sys.argv[1:]
model = getattr(keras.applications, network)(weights=None)
model.compile("adam", "categorical_crossentropy")
if how == "h5":
    model.save(target, include_optimizer=False)
elif how == "export":
    model.export(target, verbose=False)
else:
    model.save(target, save_format="tf", include_optimizer=True)
"""

ENDINGS = {"h5": ".h5"}


def written(network: str, how: str, python: str, folder: Path) -> Path:
    """Return the file or folder of `network`, written by the interpreter `python`."""
    target = folder / f"{how}{ENDINGS.get(how, '')}"
    command = [python, "-c", WRITE, how, network, str(target)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return target


def measured(source: Path, target: Path) -> tuple[float, float]:
    """Convert `source`; return the CPU time in seconds and the peak memory in GB."""
    program = Path(sys.executable).with_name("make-updatable")
    process = subprocess.Popen([program, source, "-o", target], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{source}: was not converted")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="VGG16")
    parser.add_argument("--keras2", metavar="PYTHON", help="one with TensorFlow 2.15 or older")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, {arguments.network}, median of {arguments.repeats}")
    writers = {"h5": sys.executable, "export": sys.executable}
    if arguments.keras2:
        writers["keras2"] = arguments.keras2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = {how: written(arguments.network, how, python, folder)
                   for how, python in writers.items()}  # fmt: skip
        runs: dict[str, list[tuple[float, float]]] = {how: [] for how in sources}
        for _ in range(arguments.repeats):
            for how, source in sources.items():
                runs[how].append(measured(source, folder / "made.mlmodel"))
    medians = {
        how: [statistics.median(values) for values in zip(*found, strict=True)]
        for how, found in runs.items()
    }
    seconds, gigabytes = medians["h5"]
    for how, (time, peak) in medians.items():
        print(
            f"{how:<8} {time:6.1f} s ({time / seconds:.2f})   {peak:5.2f} GB "
            f"({peak / gigabytes:.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
