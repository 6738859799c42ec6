"""Numbers that no file can hold: wrong usage, or a mistake in a recipe; never a bug."""

import numpy as np
import pytest

from converter import cli
from converter.errors import UsageError
from converter.runtime import evaluate, predict, settings
from converter.runtime.history import Labelled
from converter.runtime.sources import ArraySamples
from tests.validation.specs import lenet

WHOLE = ["1000000000000000000000", "9223372036854775808", "nan", "1e400", "9" * 5000]
REAL = ["nan", "inf", "-inf", "1e400", "1e999999999", "-1e400"]

CONVERT, TRAIN = ["convert", "m.h5"], ["train", "m.mlmodel", "--data", "mnist"]
PREDICT, EVALUATE = ["predict", *TRAIN[1:]], ["evaluate", *TRAIN[1:]]
VERIFY = ["verify", "m.mlmodel", "--against", "m.h5"]
STUDY = ["study", "m.mlmodel", "--users", "d"]

OPTIONS = {
    "--epochs": (WHOLE, CONVERT, TRAIN, STUDY),
    "--batch-size": (WHOLE, CONVERT, TRAIN, PREDICT, EVALUATE, STUDY),
    "--seed": (WHOLE, CONVERT, TRAIN, VERIFY),
    "--jobs": (WHOLE, CONVERT),
    "--count": (WHOLE, STUDY),
    "--seeds": (WHOLE, STUDY),
    "--steps": (WHOLE, VERIFY),
    "--samples": (WHOLE, VERIFY, STUDY),
    "--input-shape": (WHOLE, CONVERT, VERIFY, ["inspect", "m.h5"]),
    "--learning-rate": (REAL, CONVERT, TRAIN, STUDY),
    "--momentum": (REAL, CONVERT, TRAIN, STUDY),
    "--beta-1": (REAL, CONVERT, TRAIN),
    "--beta-2": (REAL, CONVERT, TRAIN),
    "--epsilon": (REAL, CONVERT, TRAIN),
    "--scale": (REAL, CONVERT, TRAIN, PREDICT, EVALUATE, STUDY),
    "--bias": (REAL, CONVERT),
    "--tolerance": (REAL, CONVERT, VERIFY),
    "--hold-out": (REAL, TRAIN),
    "--timeout": (REAL, ["verify", "m.mlmodel", "--on-device"]),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_absurd_numbers_are_wrong_usage(option, capsys):
    numbers, *commands = OPTIONS[option]
    for command in commands:
        for number in numbers:
            assert cli.run([*command, option, number]) == 2
            assert option in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("epochs", "1000000000000000000000", "must be 9.22337e+18 or less"),
        ("batch_size", "{allowed: [9223372036854775808]}", "must be 9.22337e+18 or less"),
        ("seed", "-9223372036854775809", "must be -9.22337e+18 or more"),
        ("learning_rate", "1e400", "must be a finite number"),
        ("learning_rate", "{max: 1e400}", "must be a finite number"),
        ("scale", "-1e400", "must be a finite number"),
        ("tolerance", "1e400", "must be a finite number"),
        ("classes", "[9223372036854775808, 1]", "a label has more than 64 bits"),
        ("input_shape", "[1000000000, 1000000000, 3]", "has more values than any memory holds"),
        ("epochs", "9" * 5000, "must be a whole number"),
    ],
)
def test_absurd_numbers_are_mistakes_in_a_recipe(tmp_path, capsys, key, value, words):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"model: m.h5\nimage: gray\n{key}: {value}\n")
    assert cli.run(["recipe", "check", str(recipe)]) == 1
    said = capsys.readouterr().err
    assert f"recipe.yaml:3: {key}" in said
    assert words in said


@pytest.mark.parametrize("number", [10**21, 2**63, -1, float("nan"), float("inf"), 1.5])
@pytest.mark.parametrize("name", ["epochs", "batch_size"])
def test_absurd_counts_are_refused_in_python(name, number):
    with pytest.raises(UsageError, match=name):
        settings(lenet(), **{name: number})


@pytest.mark.parametrize("number", [10**21, -(10**21), float("nan"), 1.5])
def test_absurd_seeds_are_refused_in_python(number):
    with pytest.raises(UsageError, match=r"seed .* must be a whole number of 64 bits"):
        settings(lenet(), seed=number)


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_holds_samples(size):
    x = np.ones((2, 1, 12, 12), np.float32)
    with pytest.raises(UsageError, match="must be 1 or more"):
        predict(lenet(), {"image": x}, size)
    with pytest.raises(UsageError, match="must be 1 or more"):
        evaluate(lenet(), Labelled(ArraySamples({"image": x}), [0, 1]), size)


@pytest.mark.parametrize("label", [1e300, -1e300, 2.0**63])
def test_labels_that_no_integer_holds_are_named(tmp_path, capsys, label):
    model, data = tmp_path / "m.mlmodel", tmp_path / "d.npz"
    model.write_bytes(lenet().SerializeToString())
    np.savez(data, x=np.ones((2, 12, 12, 1), np.float32), y=np.array([0.0, label]))
    assert cli.run(["evaluate", str(model), "--data", str(data)]) == 1
    assert f"label {label:g} of sample 1 is not the index of a class" in capsys.readouterr().err
