"""The trained LeNet meets a new writer: how fast its dense layers adapt, and how well.

    python tests/benchmarks/personalize.py --data mnist.npz

The writer's digits are those of MNIST's test set, changed in one way; a few of them are learnt from
(ten epochs of the dense layers), 2,000 others are kept to test with.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from converter import runtime
from converter.conversion.story import convert_file
from converter.coreml import mlmodel
from converter.recipe import Recipe

LENET = Path(__file__).parents[2] / "models" / "lenet.h5"


def shifted(x):
    return np.roll(x, (5, -5), (1, 2))


def rotated(x):
    return np.rot90(x, axes=(1, 2))


def inverted(x):
    return 1 - x


WRITERS = {"shifted": shifted, "rotated": rotated, "inverted": inverted}


def labelled(x, y):
    return runtime.Labelled(runtime.ArraySamples({"image": x[:, None]}), y)


def converted():
    with TemporaryDirectory() as folder:
        target = Path(folder) / "lenet.mlmodel"
        layers = ("dense_5", "dense_6")
        convert_file(Recipe(model=LENET, output_path=target, layers=layers))
        return mlmodel.read(target)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="mnist.npz of keras.datasets")
    parser.add_argument("--samples", type=int, nargs="+", default=[100, 300, 1000])
    args = parser.parse_args()
    with np.load(args.data) as stored:
        x, y = (stored["x_test"] / 255).astype(np.float32), stored["y_test"].astype(int)
    for name, change in WRITERS.items():
        test = labelled(change(x[-2000:]), y[-2000:])
        for count in args.samples:
            model = converted()
            before = runtime.evaluate(model, test)
            start = time.perf_counter()
            data = labelled(change(x[:count]), y[:count])
            runtime.train(model, data, runtime.settings(model, epochs=10))
            seconds = time.perf_counter() - start
            after = runtime.evaluate(model, test)
            print(f"{name:9} {count:5} samples: accuracy {before.accuracy:.3f} -> "
                  f"{after.accuracy:.3f} in {seconds:.1f} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
