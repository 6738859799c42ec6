import numpy as np
import pytest

from converter.errors import DataError
from converter.runtime import plan
from converter.runtime.targets import targets
from tests.runtime.updatable import digits, line

TEN = (1, 1, 10)


def classes(y, model=None):
    model = model or digits()
    return targets(model, plan(model), y, TEN)


def classifier(labels):
    model = digits()
    net = model.neuralNetwork
    found = type(model)()
    found.CopyFrom(model)
    for field in ("layers", "updateParams"):
        part = getattr(found.neuralNetworkClassifier, field)
        (part.extend if field == "layers" else part.CopyFrom)(getattr(net, field))
    kind = "stringClassLabels" if isinstance(labels[0], str) else "int64ClassLabels"
    getattr(found.neuralNetworkClassifier, kind).vector.extend(labels)
    return found


NAMES = [f"class {i}" for i in range(10)]


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, 0, 9]),
        np.array([3, 0, 9], np.uint8),
        np.array([3.0, 0.0, 9.0]),
        np.array([[3], [0], [9]]),
        np.eye(10)[[3, 0, 9]],
        [3, 0, 9],
    ],
    ids=["integers", "bytes", "whole floats", "column", "one-hot", "list"],
)
def test_classes(y):
    found = classes(y)
    assert found.dtype == np.int32
    assert found.tolist() == [3, 0, 9]


def test_names_of_a_classifier():
    assert classes(np.array(["class 3", "class 0"]), classifier(NAMES)).tolist() == [3, 0]


def test_indices_for_a_classifier_with_names():
    assert classes(np.array([3, 0]), classifier(NAMES)).tolist() == [3, 0]


def test_numbers_of_a_classifier_are_its_labels():
    assert classes(np.array([107, 100]), classifier(list(range(100, 110)))).tolist() == [7, 0]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([1, 10]), "label 10 of sample 1 is not a class: they go from 0 to 9"),
        (np.array([-1]), "label -1 of sample 0"),
        (np.array([2**31 - 1]), "label 2147483647 of sample 0 is not a class"),
        (np.array([-(2**31)]), "label -2147483648 of sample 0 is not a class"),
        (np.array([2**31]), r"label 2.14748e\+09 of sample 0 is not the index of a class"),
        (np.array([-(2**31) - 1]), r"label -2.14748e\+09 of sample 0 is not the index of a class"),
        (np.array([0.5]), "fractions"),
        (np.array([np.nan]), "fractions"),
        (np.array(["3"]), "the model has no class names"),
        (np.zeros((2, 9)), "one-hot rows of 10"),
        (np.ones((2, 10)), "one-hot rows of 10"),
        (np.zeros((2, 3, 4)), "one for each sample"),
    ],
    ids=[
        "too large",
        "negative",
        "largest",
        "smallest",
        "larger",
        "smaller",
        "fraction",
        "nan",
        "name",
        "width",
        "two hot",
        "rank",
    ],
)
def test_labels_that_do_not_fit(y, message):
    with pytest.raises(DataError, match=message):
        classes(y)


def test_a_name_that_the_classifier_does_not_know():
    with pytest.raises(DataError, match="label 'dog' is not one of the model's 10: class 0, "):
        classes(np.array(["class 1", "dog"]), classifier(NAMES))
    with pytest.raises(DataError, match=r"labels 'cat', 'dog' are not .* \(--classes\)"):
        classes(np.array(["dog", "cat", "class 1"]), classifier(NAMES))


@pytest.mark.parametrize("count", [2, 8, 9, 40])
def test_of_many_names_the_first_eight_are_told(count):
    """Of the names that the model knows, and of those that it does not know."""
    names, odd = [[f"{kind}{i:02}" for i in range(count)] for kind in ("n", "odd")]
    with pytest.raises(DataError) as caught:
        classes(np.array(odd), classifier(names))
    more = ", …" if count > 8 else ""
    assert str(caught.value) == (
        f"labels {', '.join(map(repr, odd[:8]))}{more} are not one of the model's {count}: "
        f"{', '.join(names[:8])}{more}; rename or remove them, or convert the Keras model with a "
        "class for each (--classes)"
    )


def values(y, shape):
    model = line()
    return targets(model, plan(model), y, shape)


def test_values_of_a_vector():
    y = np.arange(6).reshape(3, 2)
    assert values(y, (1, 1, 2)).tolist() == y.reshape(3, 1, 1, 2).tolist()


def test_one_value_for_each_sample():
    assert values(np.array([1.0, 2.0]), (1, 1, 1)).shape == (2, 1, 1, 1)


def test_values_of_an_image_are_channel_first():
    y = np.arange(24).reshape(1, 2, 3, 4)
    np.testing.assert_array_equal(values(y, (3, 4, 2))[0, :, :, 1], y[0, 1])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((3, 3)), r"shape \[3, 3\], but the model's output is \[N, 2\]"),
        (np.zeros(3), "the model's output is"),
        (np.full((3, 2), np.nan), "NaN"),
        (np.array([["a", "b"]]), "the model's output is"),
    ],
    ids=["width", "rank", "nan", "names"],
)
def test_values_that_do_not_fit(y, message):
    with pytest.raises(DataError, match=message):
        values(y, (1, 1, 2))
