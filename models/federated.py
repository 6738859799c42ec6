"""Federated rounds on one machine: ten users train, and the mean of them is the next model.

    python models/federated.py --data mnist.npz

The shipped model is LeNet, whose dense layers learn. It has seen white digits on black only; these
users write black on white, and each of them writes a few digits far more often than the others. In
every round each user trains the same model on own samples, in the reference runtime. Then their
weights are averaged, each counting by its number of samples (McMahan et al., 2017, "FedAvg",
https://arxiv.org/abs/1602.05629). No samples leave a user.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import converter

LENET = Path(__file__).with_name("lenet.h5")
USERS = 10
OFTEN = 0.7
"""The share of a user's samples that are of the digits which that user writes often."""


def inverted(digits):
    """Return pictures as black on white, from 0 to 1."""
    return 1 - digits[..., None].astype(np.float32) / 255


def shares(labels, users=USERS, seed=0):
    """Return the samples of each user, by index: of three digits many, of the others few."""
    rng = np.random.default_rng(seed)
    often = [rng.choice(10, 3, replace=False) for _ in range(users)]
    left, found = rng.permutation(len(labels)), []
    for user in range(users):
        size = len(left) // (users - user)
        first = np.isin(labels[left], often[user])
        count = min(int(size * OFTEN), int(first.sum()))
        chosen = np.concatenate([left[first][:count], left[~first][: size - count]])
        found.append(chosen)
        left = np.setdiff1d(left, chosen)
    return found


def one_round(shipped, users, folder, **numbers):
    """Let each of `users` train the model in the file `shipped`; return the mean of them all."""
    paths = [folder / f"user{number}.mlmodel" for number in range(len(users))]
    for path, (x, y) in zip(paths, users, strict=True):
        converter.load(shipped).train(x, y, **numbers).save(path)
    return converter.average(paths, weights=[len(y) for _, y in users])


def rounds(shipped, users, test, count, folder, **numbers):
    """Yield the score on `test` of the model in the file `shipped`, and that after each round."""
    yield converter.load(shipped).evaluate(*test)
    for number in range(1, count + 1):
        mean = one_round(shipped, users, folder, **numbers)
        shipped = mean.save(folder / f"round{number}.mlmodel")
        yield mean.evaluate(*test)


def main():
    """Read the digits, and print the accuracy after each round."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="an .npz like mnist.npz")
    parser.add_argument("--samples", type=int, default=300, help="of each user")
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with np.load(args.data) as stored:
        x, y = stored["x_train"], stored["y_train"]
        test = inverted(stored["x_test"]), stored["y_test"]
    chosen = np.random.default_rng(0).permutation(len(y))[: args.users * args.samples]
    x, y = inverted(x[chosen]), y[chosen]
    users = [(x[own], y[own]) for own in shares(y, args.users)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shipped = converter.convert(LENET, layers=["dense_5", "dense_6"])
        path = shipped.save(folder / "shipped.mlmodel")
        scores = rounds(path, users, test, args.rounds, folder, epochs=2, batch_size=16)
        for number, score in enumerate(scores):
            name = f"after round {number}" if number else "as shipped"
            print(f"{name:<14} accuracy {score.accuracy:.4f}, loss {score.loss:.4f}")


if __name__ == "__main__":
    main()
