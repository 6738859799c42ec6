"""Training LeNet on MNIST: the reference runtime against Keras ``fit``, in turns.

    python tests/benchmarks/train_lenet.py --data mnist.npz                     # all layers
    python tests/benchmarks/train_lenet.py --data mnist.npz --tail --epochs 10  # dense layers

Both train the same network from the same weights on the same samples: batch 128, Adam, accuracy as
a metric. Each has a process of its own, with TensorFlow's threads as ``make-updatable train`` sets
them or as Keras finds them; only one of the two works at a time. Times are of the whole call, the
frozen layers' features and TensorFlow's tracing included (of Keras, in the first round only). CPU
time says what a round cost where other processes share the machine.
"""

import argparse
import multiprocessing
import os
import platform
import statistics
import time
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from converter import runtime
from converter.backend.tensorflow import keras
from converter.conversion.story import convert_file
from converter.coreml import mlmodel
from converter.recipe import Recipe

L = keras.layers

TAIL = ("dense_5", "dense_6")


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


def samples_of(args):
    with np.load(args.data) as stored:
        x = (stored["x_train"][: args.samples, ..., None] / 255).astype(np.float32)
        return x, stored["y_train"][: args.samples].astype(np.int32)


def ours(args):
    runtime.prepare_threads()
    x, y = samples_of(args)
    spec = converted(lenet(), TAIL if args.tail else ("*",))
    samples = runtime.ArraySamples({"image": x.transpose(0, 3, 1, 2)})
    settings = runtime.settings(spec, epochs=args.epochs)
    return lambda: runtime.train(spec, runtime.Labelled(samples, y), settings)


def theirs(args):
    x, y = samples_of(args)
    model = lenet()
    if args.tail:
        for layer in model.layers:
            layer.trainable = layer.name in TAIL
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return lambda: model.fit(x, y, 128, args.epochs, verbose=0)


SIDES = {"keras": theirs, "ours": ours}


def serve(name, args, connection):
    """Train whenever asked to, and answer with seconds of wall and CPU time; end when told so."""
    work = SIDES[name](args)
    while connection.recv():
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        connection.send((time.perf_counter() - wall, time.process_time() - cpu))


@contextmanager
def started(name, args):
    """Give a connection to a process of one of the two; it ends with the block."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(name, args, there), daemon=True)
    process.start()
    there.close()  # the process has its own: without it, reading here would wait for ever
    yield here
    here.send(False)
    process.join()


def measured(sides, rounds):
    """Let both train in turns; return each one's seconds of wall and CPU time, round by round."""
    results = {name: [] for name in sides}
    for number in range(rounds):
        for name, side in sides.items():
            side.send(True)
            wall, cpu = side.recv()
            results[name].append((wall, cpu))
            load = os.getloadavg()[0]
            print(
                f"round {number} {name:5} {wall:6.2f} s, CPU {cpu:6.2f} s, load {load:.1f}",
                flush=True,
            )
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="mnist.npz of keras.datasets")
    parser.add_argument("--tail", action="store_true", help="train the dense layers only")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=60_000)
    args = parser.parse_args()
    multiprocessing.set_start_method("spawn")
    with ExitStack() as stack:
        sides = {name: stack.enter_context(started(name, args)) for name in SIDES}
        results = measured(sides, args.rounds)
    what = "dense tail" if args.tail else "all layers"
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{date.today()} {machine}: {what}, {args.epochs} epoch(s)")
    for i, unit in enumerate(("wall", "CPU")):
        for how, of in (("median", statistics.median), ("mean", statistics.mean), ("best", min)):
            mine, their = (of([r[i] for r in results[name]]) for name in ("ours", "keras"))
            print(f"{unit:4} {how:6} {mine:.2f} s / {their:.2f} s = {mine / their:.2f}")


if __name__ == "__main__":
    main()
