"""LeNet, trained on the digits 0 to 7, learns 8 and 9 from 50 samples each: here and in Keras.

    python tests/benchmarks/new_classes.py --data mnist.npz
    python tests/benchmarks/new_classes.py --data mnist.npz --bounds  # how low spare classes start

It gets spare classes, or a new head, and learns ten epochs in batches of 32, by the Adam it was
compiled with. Keras does the same from the same weights, made here by hand. What it learns from are
the samples of the new digits alone, or as many of each old digit beside them; it is tested on 2,000
pictures that it has never seen, old and new digits apart. ``--bounds`` lets the last layer learn
alone, in Keras, from spare classes of other probabilities, and tests on the new digits after some
epochs.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from converter import runtime
from converter.backend.tensorflow import keras
from converter.conversion.story import prepare, write
from converter.coreml import mlmodel
from converter.loading import compile_settings_of
from converter.recipe import Recipe
from converter.runtime import ArraySamples, Labelled

L = keras.layers

OLD, NEW = 8, 2
LABELS = tuple(map(str, range(OLD + NEW)))
TAILS = {"last layer": ("dense_6",), "both dense layers": ("dense_5", "dense_6")}
EPOCHS, BATCH = 10, 32
BOUNDS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
SHOWN_EPOCHS = (1, 2, 3, 5, 10)


def lenet(classes):
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        L.Conv2D(32, 3, activation="relu", name="conv2d_1"), L.MaxPooling2D(),
        L.Conv2D(32, 2, activation="relu", name="conv2d_2"), L.MaxPooling2D(), L.Flatten(),
        L.Dense(500, activation="relu", name="dense_5"),
        L.Dense(classes, activation="softmax", name="dense_6"),
    ])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def trained(x, y, epochs):
    """Return LeNet after `epochs` on the old digits."""
    keras.utils.set_random_seed(0)
    model = lenet(OLD)
    old = y < OLD
    model.fit(x[old], y[old], 128, epochs, verbose=0)
    return model


def last_layer(model, bound):
    """Return the weights of the last layer with spare classes, made unlikely by `bound`."""
    kernel, bias = model.get_layer("dense_6").get_weights()
    spare, low = kernel.mean(axis=1, keepdims=True), bias.mean() - np.log(NEW / OLD / bound)
    return [np.hstack([kernel, *[spare] * NEW]), np.append(bias, [low] * NEW)]


def picked(x, y, digits, count):
    """Return the first `count` samples of each of `digits`, mixed."""
    rows = np.concatenate([np.flatnonzero(y == digit)[:count] for digit in digits])
    rows = np.random.default_rng(0).permutation(rows)
    return x[rows], y[rows]


class Ours:
    """The converted model in the reference runtime."""

    def __init__(self, model, layers, head):
        options = {"new_head": "glorot"} if head == "new head" else {"spare_classes": NEW}
        recipe = Recipe(model=Path("lenet.keras"), layers=layers, classes=LABELS, **options)
        with TemporaryDirectory() as folder:
            target = Path(folder) / "lenet.mlmodel"
            prepared = prepare(model, compile_settings_of(model), recipe)
            write(prepared, target, recipe)
            self.spec = mlmodel.read(target)

    def learn(self, x, y):
        settings = runtime.settings(self.spec, epochs=EPOCHS, batch_size=BATCH)
        runtime.train(self.spec, self._labelled(x, y), settings)

    def accuracy(self, x, y):
        return runtime.evaluate(self.spec, self._labelled(x, y)).accuracy

    def _labelled(self, x, y):
        return Labelled(ArraySamples({"image": x.transpose(0, 3, 1, 2)}), y)


class Theirs:
    """The same network in Keras, its last layer made by hand."""

    def __init__(self, model, layers, head):
        self.model = lenet(OLD + NEW)
        for ours, theirs in zip(model.layers[:-1], self.model.layers, strict=False):
            theirs.set_weights(ours.get_weights())
        last = self.model.get_layer("dense_6")
        if head != "new head":  # a new one has Glorot's weights already
            last.set_weights(last_layer(model, 1e-5))
        for layer in self.model.layers:
            layer.trainable = layer.name in layers
        self.model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def learn(self, x, y):
        self.model.fit(x, y, BATCH, EPOCHS, verbose=0)

    def accuracy(self, x, y):
        return self.model.evaluate(x, y, verbose=0)[1]


def compare_bounds(model, learning, testing):
    """Print how soon spare classes of several bounds are learned."""
    below = keras.Model(model.inputs[0], model.get_layer("dense_5").output)
    (x, y), (test, answers) = ((below.predict(x, verbose=0), y) for x, y in (learning, testing))
    print(f"| bound | {' | '.join(map(str, SHOWN_EPOCHS))} |")
    print(f"|---{'|---' * len(SHOWN_EPOCHS)}|")
    for bound in BOUNDS:
        keras.utils.set_random_seed(1)
        dense = L.Dense(OLD + NEW, activation="softmax")
        tail = keras.Sequential([keras.Input(x.shape[1:]), dense])
        dense.set_weights(last_layer(model, bound))
        tail.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        row, done = [], 0
        for epochs in SHOWN_EPOCHS:
            tail.fit(x, y, BATCH, epochs - done, verbose=0)
            done = epochs
            row.append(f"{tail.evaluate(test, answers, verbose=0)[1]:.2f}")
        print(f"| {bound:g} | {' | '.join(row)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="mnist.npz of keras.datasets")
    parser.add_argument("--samples", type=int, default=50, help="of each digit")
    parser.add_argument("--epochs", type=int, default=3, help="of the training before")
    parser.add_argument("--bounds", action="store_true", help="how low spare classes start")
    args = parser.parse_args()
    with np.load(args.data) as stored:
        x = (stored["x_train"][..., None] / 255).astype(np.float32)
        test = (stored["x_test"][:2000, ..., None] / 255).astype(np.float32)
        y, answers = stored["y_train"].astype(int), stored["y_test"][:2000].astype(int)
    model, old = trained(x, y, args.epochs), answers < OLD
    new_only = picked(x, y, range(OLD, OLD + NEW), args.samples)
    with_old = picked(x, y, range(OLD + NEW), args.samples)
    if args.bounds:
        compare_bounds(model, with_old, (test[~old], answers[~old]))
        return
    print("| what learns | from | in | old before | new before | old after | new after |")
    print("|---|---|---|---|---|---|---|")
    for head in ("spare classes", "new head"):
        for tail, layers in TAILS.items():
            for what, data in {"new digits": new_only, "all digits": with_old}.items():
                for side, kind in {"the runtime": Ours, "Keras": Theirs}.items():
                    keras.utils.set_random_seed(1)
                    learner = kind(model, layers, head)
                    scores = []
                    for _ in ("before", "after"):
                        scores += [learner.accuracy(test[old == is_old], answers[old == is_old])
                                   for is_old in (True, False)]  # fmt: skip
                        if len(scores) == 2:
                            learner.learn(*data)
                    cells = " | ".join(f"{score:.3f}" for score in scores)
                    print(f"| {head}, {tail} | {what} | {side} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
