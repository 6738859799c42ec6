"""A model of a hundred weights, data that it half knows, and studies of both."""

import numpy as np
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.coreml import mlmodel
from converter.studies.reading import as_flags, from_flags
from converter.studies.running import prepare, run
from converter.studies.work import Worker
from tests.runtime.updatable import finish, sgd

CLASSES = 3


def prototypes():
    return np.random.default_rng(7).uniform(0, 255, (CLASSES, 6, 6))


def tiny(optimizer=None):
    """Flatten, dense 3, softmax: for images of 6 × 6 from 0 to 1, rather good at the data."""
    builder = NeuralNetworkBuilder(
        [("image", datatypes.Array(1, 6, 6))], [("y", datatypes.Array(CLASSES))]
    )
    weights = (prototypes() / 255 - 0.5).reshape(CLASSES, 36)
    builder.add_flatten("flat", 0, "image", "f")
    builder.add_inner_product("head", weights, np.zeros(CLASSES), 36, CLASSES, True, "f", "z")
    builder.add_softmax("softmax", "z", "y")
    return finish(builder, ["head"], optimizer or sgd(0.1, batch=4))


def samples(count, seed):
    """Return pictures of 8 bits and their classes: a prototype and noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, CLASSES, count)
    x = prototypes()[y] + rng.normal(0, 90, (count, 6, 6))
    return np.clip(x, 0, 255).astype(np.uint8), y


def write_all(folder):
    """Write the model, a common data set and an archive of users into `folder`."""
    mlmodel.write(tiny(), folder / "tiny.mlmodel")
    x, y = samples(300, 1)
    x_test, y_test = samples(60, 2)
    np.savez(folder / "common.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    user = np.repeat(["ann", "ben", "cleo", "dan"], [20, 24, 30, 9])
    np.savez(folder / "users.npz", x=x[: len(user)], y=y[: len(user)], user=user)


SETTINGS = {"learning_rate": [0.05, 0.5], "epochs": [1, 3]}


def told(folder, **changes):
    """Return a small study: eight simulated users, two rates, two numbers of epochs."""
    return {
        "models": [str(folder / "tiny.mlmodel")],
        "users": {"simulated": {"data": str(folder / "common.npz"), "count": 8,
                                "shifts": {"inversion": 0.5, "rotation": 30.0}}},
        "scale": "1/255", "settings": SETTINGS, "samples": [4, 8], "test_samples": 10,
        "seeds": [0, 1], **changes,
    }  # fmt: skip


def study(folder, **changes):
    """Return the small study, with `changes`."""
    return from_flags(as_flags(told(folder, **changes)))


def here(task, blocks):
    """Compute blocks in this process."""
    worker = Worker(task)
    return (worker.run(users) for users in blocks)


def everything(store, prepared):
    """Return all results of a study: model, setting, seed and user -> scores."""
    return {
        (*key, seed, user): scores
        for key in prepared.keys
        for seed in prepared.study.seeds
        for user, scores in store.scores(*key, seed)
    }


__all__ = ["here", "prepare", "run", "study", "tiny", "told", "write_all"]
