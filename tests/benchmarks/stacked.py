"""Users trained per second: stacked, against a loop of `train`, against a loop of Keras ``fit``.

    python tests/benchmarks/stacked.py                 # a dense head, 576 to 10
    python tests/benchmarks/stacked.py --network tail  # the dense layers of LeNet
    python tests/benchmarks/stacked.py --growth        # stacked alone, more and more users

Every user has 100 samples of their own and learns from them for 10 epochs in mini-batches of 10,
from the same weights on. Each side has a process of its own, with TensorFlow's threads as suits it;
only one of them works at a time, in turns. Times are of everything: what frozen layers make of the
samples, and TensorFlow's tracing where it happens anew (Keras keeps its graph from user to user,
stacked training from round to round, `train` keeps none). CPU time says what it cost where other
processes share the machine.
"""

import argparse
import multiprocessing
import os
import platform
import time
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

SAMPLES, EPOCHS, BATCH = 100, 10, 10


def head(keras):
    return keras.Sequential([
        keras.Input((576,)), keras.layers.Dense(10, activation="softmax", name="head"),
    ])  # fmt: skip


def lenet(keras):
    layers = keras.layers
    return keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(32, 2, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
        layers.Dense(500, activation="relu", name="dense_5"),
        layers.Dense(10, activation="softmax", name="dense_6"),
    ])  # fmt: skip


NETWORKS = {"head": (head, ("head",), (576,)), "tail": (lenet, ("dense_5", "dense_6"), (28, 28, 1))}


def compiled(args):
    from converter.backend.tensorflow import keras

    keras.utils.set_random_seed(1)
    make, learning, _ = NETWORKS[args.network]
    model = make(keras)
    for layer in model.layers:
        layer.trainable = layer.name in learning
    optimizer = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[args.optimizer](0.01)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def converted(args):
    from converter.conversion.story import convert_file
    from converter.coreml import mlmodel
    from converter.recipe import Recipe

    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "model.keras", Path(folder) / "model.mlmodel"
        compiled(args).save(source)
        layers = NETWORKS[args.network][1]
        convert_file(Recipe(model=source, output_path=target, layers=layers, batch_size=BATCH))
        return mlmodel.read(target)


def people(args, users):
    rng = np.random.default_rng(0)
    shape = NETWORKS[args.network][2]
    x = rng.random((users, SAMPLES, *shape)).astype(np.float32)
    return x, rng.integers(0, 10, (users, SAMPLES)).astype(np.int32)


def labelled(runtime, model, x, y):
    x = x if x.ndim == 2 else x.transpose(0, 3, 1, 2)
    name = model.description.input[0].name
    return runtime.Labelled(runtime.ArraySamples({name: x}), y)


def stacked(args):
    from converter import runtime
    from converter.runtime import stacked as engines

    engines.limit_threads(args.threads)
    model = converted(args)
    plan = runtime.plan(model)
    engine = engines.Engine(plan, threads=args.threads)

    def work(users):
        x, y = people(args, users)
        data = labelled(runtime, model, x.reshape(-1, *x.shape[2:]), y.reshape(-1))
        pool = engines.pool(model, plan, data)
        rows = np.arange(users * SAMPLES).reshape(users, SAMPLES)
        settings = [runtime.settings(model, epochs=EPOCHS, seed=user) for user in range(users)]
        engine.train(engines.Rows(pool, rows), settings, [EPOCHS])

    return work


def train(args):
    from converter import runtime

    runtime.prepare_threads()
    model = converted(args)

    def work(users):
        for x, y in zip(*people(args, users), strict=True):
            own = type(model)()
            own.CopyFrom(model)
            settings = runtime.settings(own, epochs=EPOCHS)
            runtime.train(own, labelled(runtime, own, x, y), settings)

    return work


def fit(args):
    model = compiled(args)
    start = model.get_weights()
    state = [np.zeros_like(v) for v in model.optimizer.variables]

    def work(users):
        for x, y in zip(*people(args, users), strict=True):
            model.set_weights(start)
            for variable, value in zip(model.optimizer.variables, state, strict=False):
                if variable is not model.optimizer.learning_rate:
                    variable.assign(value)
            model.fit(x, y, BATCH, EPOCHS, verbose=0)

    return work


SIDES = {"stacked": stacked, "train": train, "fit": fit}


def serve(name, args, connection):
    """Train as many users as asked for, and answer with seconds of wall and CPU time."""
    work = SIDES[name](args)
    while users := connection.recv():
        wall, cpu = time.perf_counter(), time.process_time()
        work(users)
        connection.send((time.perf_counter() - wall, time.process_time() - cpu))


@contextmanager
def started(name, args):
    """Give a connection to a process of one side; it ends with the block."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(name, args, there), daemon=True)
    process.start()
    there.close()
    yield here
    here.send(0)
    process.join()


def measured(name, side, users):
    side.send(users)
    wall, cpu = side.recv()
    print(
        f"{name:8} {users:5} users: {users / wall:7.1f} users/s, {users / cpu:7.1f} in a second "
        f"of CPU time; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return wall / users, cpu / users


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", choices=NETWORKS, default="head")
    parser.add_argument("--growth", action="store_true", help="stacked alone, more and more users")
    parser.add_argument("--optimizer", choices=["sgd", "adam"], default="sgd")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--users", type=int, default=512, help="stacked; the loops train a few")
    parser.add_argument("--few", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3, help="the first is not counted")
    args = parser.parse_args()
    multiprocessing.set_start_method("spawn")
    print(f"{date.today()} {platform.machine()}, {os.cpu_count()} cores: {args.network}, "
          f"{args.optimizer}, {args.threads} threads")  # fmt: skip
    names = ["stacked"] if args.growth else list(SIDES)
    with ExitStack() as stack:
        sides = {name: stack.enter_context(started(name, args)) for name in names}
        if args.growth:
            for users in (args.users, *(args.users * 2**n for n in range(4))):
                measured("stacked", sides["stacked"], users)
            return
        found = {name: [] for name in sides}
        for _ in range(args.rounds):
            for name, side in sides.items():
                found[name].append(
                    measured(name, side, args.users if name == "stacked" else args.few)
                )
    best = {name: np.min(times[1:], axis=0) for name, times in found.items()}
    for other in ("train", "fit"):
        wall, cpu = best[other] / best["stacked"]
        print(f"stacked is {wall:.0f} times as fast as a loop of {other} (by CPU time {cpu:.0f})")


if __name__ == "__main__":
    main()
