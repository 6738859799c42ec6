"""Training LeNet on MNIST: the reference runtime against Keras ``fit``, alternating in one process.

    python tests/benchmarks/train_lenet.py --data mnist.npz                     # all layers
    python tests/benchmarks/train_lenet.py --data mnist.npz --tail --epochs 10  # dense layers

Both train the same network from the same weights on the same samples: batch 128, Adam, accuracy as
a metric. Times are of the whole call, the frozen layers' features and TensorFlow's tracing included
in the first round. CPU time says what a round cost where other processes share the machine.
"""

import argparse
import os
import platform
import statistics
import time
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from converter import mlmodel, runtime
from converter.backend import keras
from converter.conversion import convert_file
from converter.recipe import Recipe

L = keras.layers


def lenet():
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        L.Conv2D(32, 3, activation="relu", name="conv2d_1"), L.MaxPooling2D(),
        L.Conv2D(32, 2, activation="relu", name="conv2d_2"), L.MaxPooling2D(), L.Flatten(),
        L.Dense(500, activation="relu", name="dense_5"),
        L.Dense(10, activation="softmax", name="dense_6"),
    ])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def converted(model, layers):
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "lenet.h5", Path(folder) / "lenet.mlmodel"
        model.save(source)
        convert_file(Recipe(model=source, output_path=target, layers=layers, batch_size=128))
        return mlmodel.read(target)


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="mnist.npz of keras.datasets")
    parser.add_argument("--tail", action="store_true", help="train the dense layers only")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=60_000)
    args = parser.parse_args()
    with np.load(args.data) as stored:
        x = (stored["x_train"][: args.samples, ..., None] / 255).astype(np.float32)
        y = stored["y_train"][: args.samples].astype(np.int32)

    layers = ("dense_5", "dense_6") if args.tail else ("*",)
    theirs = lenet()
    spec = converted(theirs, layers)
    if args.tail:
        for layer in theirs.layers:
            layer.trainable = layer.name in layers
        theirs.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    samples = runtime.ArraySamples({"image": x.transpose(0, 3, 1, 2)})
    settings = runtime.settings(spec, epochs=args.epochs)
    rounds = {
        "keras": lambda: theirs.fit(x, y, 128, args.epochs, verbose=0),
        "ours": lambda: runtime.train(spec, runtime.Labelled(samples, y), settings),
    }
    results = {name: [] for name in rounds}
    for number in range(args.rounds):
        for name, work in rounds.items():
            results[name].append(timed(work))
            wall, cpu = results[name][-1]
            load = os.getloadavg()[0]
            print(
                f"round {number} {name:5} {wall:6.2f} s, CPU {cpu:6.2f} s, load {load:.1f}",
                flush=True,
            )
    what = "dense tail" if args.tail else "all layers"
    print(f"{date.today()} {platform.machine()}, {os.cpu_count()} cores: {what}, {len(x)} samples")
    for i, unit in enumerate(("wall", "CPU")):
        middle = {name: statistics.median(r[i] for r in found) for name, found in results.items()}
        best = {name: min(r[i] for r in found) for name, found in results.items()}
        print(
            f"{unit:4}: median {middle['ours']:.2f} s / {middle['keras']:.2f} s = "
            f"{middle['ours'] / middle['keras']:.2f}, best {best['ours']:.2f} s / "
            f"{best['keras']:.2f} s = {best['ours'] / best['keras']:.2f}"
        )


if __name__ == "__main__":
    main()
