"""Train a CNN of the classic cats-and-dogs shape on cartoon faces that this script draws.

    python models/cats_dogs.py

It writes cats_dogs.keras, with its accuracy on freshly drawn pictures in cats_dogs.json. The model
has never seen a photograph: it tells pointed ears from hanging ones, and shows the shape of a
two-class RGB model, not what such a model can learn.
"""

import json
from pathlib import Path

import keras
import numpy as np
from keras import layers

HERE = Path(__file__).parent
SIZE = 150
EPOCHS = 4
CLASSES = ("cat", "dog")


def build():
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3), name="image"),
            layers.Rescaling(1 / 255, name="rescaling"),
            layers.Conv2D(16, 3, activation="relu", name="conv2d_1"),
            layers.MaxPooling2D(name="max_pooling2d_1"),
            layers.Conv2D(32, 3, activation="relu", name="conv2d_2"),
            layers.MaxPooling2D(name="max_pooling2d_2"),
            layers.Conv2D(64, 3, activation="relu", name="conv2d_3"),
            layers.MaxPooling2D(name="max_pooling2d_3"),
            layers.Conv2D(64, 3, activation="relu", name="conv2d_4"),
            layers.MaxPooling2D(name="max_pooling2d_4"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(256, activation="relu", name="dense_5"),
            layers.Dense(len(CLASSES), activation="softmax", name="dense_6"),
        ],
        name="cats_dogs",
    )


def compile_model(model):
    model.compile(keras.optimizers.Adam(5e-4), "categorical_crossentropy", metrics=["accuracy"])


def ellipse(x, y, centre_x, centre_y, width, height):
    return ((x - centre_x) / width) ** 2 + ((y - centre_y) / height) ** 2 < 1


def pointed_ear(x, y, side):
    """A triangle standing on the head, its tip at (0.6 side, -1.5)."""
    return (y > -1.5) & (y < -0.4) & (np.abs(x - 0.6 * side) < 0.4 * (y + 1.5))


def hanging_ear(x, y, side):
    return ellipse(x, y, 1.0 * side, 0.0, 0.28, 0.75)


def draw(kind, random):
    """Return one face, [150, 150, 3] in 0..255: random place, size, tilt, colours and noise."""
    size, tilt = random.uniform(28, 42), random.uniform(-0.4, 0.4)
    centre = random.uniform(0.42 * SIZE, 0.58 * SIZE, 2)
    rows, columns = (np.indices((SIZE, SIZE)) - centre[:, None, None]) / size
    x = columns * np.cos(tilt) + rows * np.sin(tilt)
    y = rows * np.cos(tilt) - columns * np.sin(tilt)
    ear = {"cat": pointed_ear, "dog": hanging_ear}[kind]
    background, fur, features = random.uniform(0, 255, (3, 3))
    picture = np.broadcast_to(background, (SIZE, SIZE, 3)).copy()
    picture[ellipse(x, y, 0, 0, 1, 0.9)] = fur
    for side in (-1, 1):
        picture[ear(x, y, side)] = 0.8 * fur
        picture[ellipse(x, y, 0.4 * side, -0.25, 0.13, 0.16)] = features
    picture[ellipse(x, y, 0, 0.25, 0.18, 0.12)] = features
    return np.clip(picture + random.normal(0, 12, picture.shape), 0, 255)


def pictures(count, seed):
    """Return `count` faces, float32 [count, 150, 150, 3], and their one-hot classes."""
    random = np.random.default_rng(seed)
    labels = random.integers(len(CLASSES), size=count)
    faces = np.stack([draw(CLASSES[label], random).astype("float32") for label in labels])
    return faces, keras.utils.to_categorical(labels, len(CLASSES))


def main():
    keras.utils.set_random_seed(1)
    model = build()
    compile_model(model)
    model.fit(*pictures(3000, seed=1), batch_size=32, epochs=EPOCHS, verbose=2)
    _, accuracy = model.evaluate(*pictures(1000, seed=2), verbose=0)
    compile_model(model)  # a fresh optimizer has no state: the file holds settings only
    model.save(HERE / "cats_dogs.keras")
    record = {
        "model": "cats_dogs.keras",
        "data": "cartoon faces drawn by cats_dogs.py; 3,000 to train, 1,000 others to test",
        "classes": CLASSES,
        "epochs": EPOCHS,
        "test_accuracy": round(accuracy, 4),
    }
    (HERE / "cats_dogs.json").write_text(json.dumps(record, indent=2) + "\n")
    print(record)


if __name__ == "__main__":
    main()
