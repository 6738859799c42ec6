"""LeNet trained at settings at which Core ML is known to have trained it: does ours end alike?

    python tests/benchmarks/mnist_evidence.py --data mnist.npz

https://github.com/JacopoMangiavacchi/MNIST-CoreML-Training shows on a screenshot what a phone has
reached: 10 epochs over MNIST's 60,000 digits, mini-batches of 128, Adam with rate 1e-4 (β 0.9 and
0.999, ε 1e-8), all four layers updatable, weights and biases drawn from U(±√(6/(in + out))). The
share of the test digits whose class got more than half of the probability was 0.9833, the last
`lossValue` 0.016693.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from converter import runtime
from converter.arithmetic import arithmetic_of
from converter.backend.tensorflow import keras
from converter.conversion.story import convert_file
from converter.coreml import mlmodel
from converter.recipe import Recipe

RECORDED = 0.9833, 0.016693

L = keras.layers


def lenet(seed):
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(),
        L.Conv2D(32, 2, activation="relu"), L.MaxPooling2D(), L.Flatten(),
        L.Dense(500, activation="relu"), L.Dense(10, activation="softmax"),
    ])  # fmt: skip
    random = np.random.default_rng(seed)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.weights
            *window, inputs, outputs = kernel.shape
            limit = np.sqrt(6 / ((inputs + outputs) * np.prod(window, dtype=int)))
            kernel.assign(random.uniform(-limit, limit, kernel.shape))
            bias.assign(random.uniform(-limit, limit, bias.shape))
    model.compile(keras.optimizers.Adam(1e-4, epsilon=1e-8), "sparse_categorical_crossentropy")
    return model


def converted(seed):
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "lenet.h5", Path(folder) / "lenet.mlmodel"
        lenet(seed).save(source)
        convert_file(Recipe(model=source, output_path=target, layers=("*",), batch_size=128))
        return mlmodel.read(target)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="mnist.npz of keras.datasets")
    parser.add_argument("--arithmetic", default="coreml", help="as of make-updatable train")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    runtime.prepare_threads()
    with np.load(args.data) as stored:
        x, tests = ((stored[f"x_{p}"][:, None] / 255).astype(np.float32) for p in ("train", "test"))
        y, answers = stored["y_train"].astype(np.int32), stored["y_test"].astype(int)
    model = converted(args.seed)
    counting = replace(
        runtime.settings(model, epochs=args.epochs, seed=args.seed),
        arithmetic=arithmetic_of(args.arithmetic),
    )
    data = runtime.Labelled(runtime.ArraySamples({"image": x}), y)
    for epoch in runtime.train(model, data, counting).epochs:
        print(f"epoch {epoch.epoch}: loss {epoch.loss:.6f}, {epoch.seconds:.1f} s", flush=True)
    shares = runtime.predict(model, {"image": tests}, 500)["output"]
    of_truth = shares[np.arange(len(answers)), answers]
    print(f"more than half for the true class {(of_truth > 0.5).mean():.4f}, ", end="")
    print(f"recorded {RECORDED[0]:.4f}; last loss {epoch.loss:.6f}, recorded {RECORDED[1]:.6f}")
    print(f"the true class on top {(shares.argmax(1) == answers).mean():.4f}")


if __name__ == "__main__":
    main()
