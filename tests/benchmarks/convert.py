"""Whole conversions against a plain ``ct.convert`` script: time and peak memory, as ratios.

    python tests/benchmarks/convert.py lenet resnet50 vgg16 --repeats 3

Both run as processes of their own, in turns, from the start of Python to the written file; imports
count. Models have random weights and are built once into a temporary folder. Ours includes the
comparison with Keras, the script has none.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = {
    "lenet": None,  # the trained example
    "resnet50": "ResNet50",
    "vgg16": "VGG16",
    "efficientnetb3": "EfficientNetB3",
}

BUILD = """
import sys, keras
model = getattr(keras.applications, sys.argv[1])(weights=None)
model.compile("adam", "categorical_crossentropy")
model.save(sys.argv[2], include_optimizer=False)
"""

PLAIN = """
import sys, keras, tensorflow as tf, coremltools as ct
model = keras.models.load_model(sys.argv[1], compile=False)
spec = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32, name="image")
function = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
ct.convert([function], source="tensorflow", convert_to="neuralnetwork").save(sys.argv[2])
"""


def measured(command: list[str]) -> tuple[float, float]:
    """Run `command`; return its wall time in seconds and its peak memory in GB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(errors.decode()[-2000:])
    return time.perf_counter() - start, usage.ru_maxrss / 1e6


def model_file(name: str, folder: Path) -> Path:
    """Return the file of the model `name`, built into `folder` unless it ships with the project."""
    if MODELS[name] is None:
        return Path(__file__).parents[2] / "models" / "lenet.h5"
    path = folder / f"{name}.h5"
    subprocess.run(
        [sys.executable, "-c", BUILD, MODELS[name], path], check=True, stderr=subprocess.DEVNULL
    )
    return path


def compare(name: str, repeats: int, folder: Path) -> None:
    """Print the medians of both, and their ratios."""
    source = model_file(name, folder)
    ours = [Path(sys.executable).with_name("make-updatable"), source, "-o", folder / "ours.mlmodel"]
    plain = [sys.executable, "-c", PLAIN, source, folder / "plain.mlmodel"]
    runs: dict[str, list[tuple[float, float]]] = {"ours": [], "plain": []}
    for _ in range(repeats):
        runs["ours"].append(measured([str(part) for part in ours]))
        runs["plain"].append(measured([str(part) for part in plain]))
    (time_a, peak_a), (time_b, peak_b) = (
        [statistics.median(values) for values in zip(*runs[which], strict=True)]
        for which in ("ours", "plain")
    )
    print(
        f"{name:<15} make-updatable {time_a:6.1f} s {peak_a:5.2f} GB   "
        f"ct.convert {time_b:6.1f} s {peak_b:5.2f} GB   "
        f"ratio {time_a / time_b:.2f} of the time, {peak_a / peak_b:.2f} of the memory",
        flush=True,
    )


def main() -> None:
    """Run the comparisons that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", choices=[*MODELS, []], default=["lenet", "resnet50"])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, median of {arguments.repeats}")
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models:
            compare(name, arguments.repeats, Path(folder))


if __name__ == "__main__":
    main()
