"""Peak memory of training LeNet on 60,000 samples, beyond TensorFlow itself.

    python tests/benchmarks/train_memory.py --data mnist.npz [--tail]

"TensorFlow itself" is the peak after training a mini-batch twice. Compare with the samples
(188 MB in float32, 47 more while they are read), the features of the frozen layers (276 MB) and
three times the updatable weights (7 MB).
"""

import argparse
import resource
from pathlib import Path

import numpy as np
from train_lenet import converted, lenet

from converter import runtime


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="mnist.npz of keras.datasets")
    parser.add_argument("--tail", action="store_true", help="train the dense layers only")
    args = parser.parse_args()
    runtime.prepare_threads()
    spec = converted(lenet(), ("dense_5", "dense_6") if args.tail else ("*",))
    settings = runtime.settings(spec, epochs=2)
    few = np.zeros((256, 1, 28, 28), np.float32)
    runtime.train(spec, runtime.Labelled(runtime.ArraySamples({"image": few}), [0] * 256), settings)
    before = peak()
    with np.load(args.data) as stored:
        x = np.multiply(stored["x_train"], np.float32(1 / 255), dtype=np.float32)[:, None]
        y = stored["y_train"]
    print(
        f"samples {x.nbytes / 1e6:.0f} MB; peak before {before:.0f}, after reading {peak():.0f} MB"
    )
    runtime.train(spec, runtime.Labelled(runtime.ArraySamples({"image": x}), y), settings)
    print(f"growth of the peak, samples included: {peak() - before:.0f} MB")


if __name__ == "__main__":
    main()
