"""Whole predictions against Keras: time of the processes, as a ratio.

    python tests/benchmarks/predict.py --pictures 600 --repeats 3

MobileNetV2 of 160×160 with random weights answers for random pictures. Both run as processes of
their own, in turns, from the start of Python to the written answers; imports count.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BUILD = """
import sys, keras
keras.utils.set_random_seed(0)
model = keras.applications.MobileNetV2(input_shape=(160, 160, 3), weights=None, classes=10)
model.compile("sgd", "categorical_crossentropy")
model.save(sys.argv[1])
"""

THEIRS = """
import sys, keras, numpy as np
model = keras.models.load_model(sys.argv[1], compile=False)
pictures = np.load(sys.argv[2])["x"].astype("float32") / 127.5 - 1
np.savez(sys.argv[3], answers=model.predict(pictures, verbose=0))
"""

OURS = "import sys; from converter.cli import run; sys.exit(run(sys.argv[1:]))"


def python(*arguments: str | Path) -> float:
    """Run Python in a process of its own; return its wall time in seconds."""
    start = time.perf_counter()
    command = [sys.executable, "-c", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    return time.perf_counter() - start


def main() -> None:
    """Print the median times of both and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keras, model, data = (folder / file for file in ("m.keras", "m.mlmodel", "pictures.npz"))
        python(BUILD, keras)
        python(OURS, keras, "--image", "rgb", "--scale", "0.00784313725", "--bias", "-1,-1,-1",
               "--no-verify", "-o", model)  # fmt: skip
        pictures = np.random.default_rng(0).integers(0, 256, (args.pictures, 160, 160, 3), np.uint8)
        np.savez(data, x=pictures)
        rounds = [
            (
                python(THEIRS, keras, data, folder / "theirs.npz"),
                python(OURS, "predict", model, "--data", data, "-o", folder / "ours.npz"),
            )
            for _ in range(args.repeats)
        ]
    print(f"Keras {statistics.median(a for a, _ in rounds):.1f} s")
    print(f"predict {statistics.median(b for _, b in rounds):.1f} s")
    print(f"ratio {statistics.median(b / a for a, b in rounds):.2f}")


if __name__ == "__main__":
    main()
