"""Train LeNet on MNIST and write lenet.h5, with its test accuracy in lenet.json.

python models/lenet.py                     # downloads MNIST
python models/lenet.py --data mnist.npz    # without a network
python models/lenet.py --untrained         # lenet_untrained.h5: the same layers, fresh weights
"""

import argparse
import json
from pathlib import Path

import keras
import numpy as np
from keras import layers

HERE = Path(__file__).parent
EPOCHS = 4


def build():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            layers.Conv2D(32, 3, activation="relu", name="conv2d_1"),
            layers.MaxPooling2D(name="max_pooling2d_1"),
            layers.Conv2D(32, 2, activation="relu", name="conv2d_2"),
            layers.MaxPooling2D(name="max_pooling2d_2"),
            layers.Flatten(name="flatten"),
            layers.Dense(500, activation="relu", name="dense_5"),
            layers.Dense(10, activation="softmax", name="dense_6"),
        ],
        name="lenet",
    )


def compile_model(model):
    model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])


def mnist(path):
    """Return ((images, labels), (images, labels)): float32 [n, 28, 28, 1] in 0..1, and one-hot."""
    if path is None:
        parts = keras.datasets.mnist.load_data()
    else:
        with np.load(path) as data:
            parts = [(data[f"x_{part}"], data[f"y_{part}"]) for part in ("train", "test")]
    return [(x[..., None].astype("float32") / 255, keras.utils.to_categorical(y)) for x, y in parts]


def save(model, path):
    """Save with compile settings, but without optimizer state: a fresh optimizer has none."""
    compile_model(model)
    model.save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="mnist.npz (default: download it)")
    parser.add_argument("--untrained", action="store_true", help="write fresh weights only")
    options = parser.parse_args()
    keras.utils.set_random_seed(1)
    model = build()
    if options.untrained:
        save(model, HERE / "lenet_untrained.h5")
        return
    compile_model(model)
    train, test = mnist(options.data)
    model.fit(*train, batch_size=128, epochs=EPOCHS, verbose=2)
    _, accuracy = model.evaluate(*test, verbose=0)
    save(model, HERE / "lenet.h5")
    record = {
        "model": "lenet.h5",
        "data": "MNIST, pixels scaled to 0..1; 60,000 pictures to train, 10,000 to test",
        "epochs": EPOCHS,
        "test_accuracy": round(accuracy, 4),
    }
    (HERE / "lenet.json").write_text(json.dumps(record, indent=2) + "\n")
    print(record)


if __name__ == "__main__":
    main()
