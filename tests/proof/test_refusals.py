"""What a proof does not let pass, by its words: steps, predictions, answers that prove nothing."""

from dataclasses import replace

import numpy as np
import pytest

import converter
from converter.backend.tensorflow import keras
from converter.errors import InvalidModelError, ParityError
from converter.learning.answers import Answer
from converter.proof import gradients, parity, update
from converter.proof.correspondence import READINGS, readings
from converter.proof.predictions import SATURATED, Expectation, doubted, validated
from converter.proof.update import update_checked, verify
from tests.lower.oracle import sequential

L = keras.layers


@pytest.fixture
def model():
    made = sequential((4,), L.Dense(5, "tanh", name="below"), L.Dense(3, "softmax", name="head"))
    made.compile("sgd", "categorical_crossentropy")
    return made


@pytest.fixture
def written(model):
    return converter.convert(model, layers=("below", "head"), verify=False).spec


def test_steps_that_agree_are_told_with_how_far(written, model):
    said = update_checked(written, model, ())
    assert said.startswith("2 update steps equal Keras's to ")
    assert said.endswith(" of their length")


@pytest.mark.parametrize(("few", "count"), [(4, 16), (3, 4)])
def test_a_mini_batch_is_smaller_where_samples_are_large(few, count, written, model, monkeypatch):
    monkeypatch.setattr(update, "FEW_VALUES", few)
    assert verify(written, model).samples == count


def test_a_step_that_differs_is_refused_by_the_tensor_that_differs_most(
    written, model, monkeypatch
):
    whole, other = gradients.keras_optimizer, {"learning_rate": 1.0}
    monkeypatch.setattr(
        gradients, "keras_optimizer",
        lambda settings: whole(replace(settings, numbers=settings.numbers | other)),
    )  # fmt: skip
    with pytest.raises(ParityError, match=r"an update step of '\w+\.\w+' differs from Keras's"):
        update_checked(written, model, ())


def test_weights_that_keras_lacks_are_only_excused_of_layers_that_were_changed(written, model):
    model.get_layer("below").kernel.assign(2 * model.get_layer("below").kernel)
    written.neuralNetwork.layers[0].innerProduct.weights.floatValue[0] += 1e-3
    for changed in ((), ("head",)):
        with pytest.raises(ParityError):
            update_checked(written, model, changed)


@pytest.mark.parametrize(
    ("shape", "colours", "expected"),
    [((3, 4, 1), "gray", READINGS[:2]), ((3, 4, 3), "rgb", READINGS), ((4,), None, ("arrays",))],
)
def test_colours_have_an_order_if_there_are_several(shape, colours, expected):
    made = sequential(shape, L.Flatten(), L.Dense(2, "softmax"))
    made.compile("sgd", "categorical_crossentropy")
    assert readings(converter.convert(made, image=colours, verify=False).spec) == expected


def test_images_of_another_size_are_refused():
    def made(size):
        found = sequential((*size, 1), L.Flatten(), L.Dense(2, "softmax"))
        found.compile("sgd", "categorical_crossentropy")
        return found

    written = converter.convert(made((3, 4)), image="gray", verify=False).spec
    with pytest.raises(ParityError, match=r"takes \[3, 4, 1\], but the Keras model \[4, 4, 1\]"):
        verify(written, made((4, 4)))


def test_a_model_that_core_ml_would_refuse_is_not_written(written):
    assert validated(written) == ()
    written.neuralNetwork.layers[0].innerProduct.inputChannels = 3
    with pytest.raises(InvalidModelError, match=r"the converted model would not work: .*'below'"):
        validated(written)


def expectation(values, before=None, variation=1.0):
    answer = Answer(np.float32(values), None if before is None else np.float32(before))
    return Expectation({}, "y", answer, True, variation, None)


SURE = [[1.0, 0.0], [1.0, 0.0]]
DOUBTS = {
    "it varies": (expectation([[0.9, 0.1], [0.2, 0.8]]), "float32", ""),
    "it does not": (
        expectation([[0.5, 0.5]] * 2, variation=1e-9), "float32", "the output hardly varies"
    ),
    "sure, but known before the end": (expectation(SURE, [[9, 0], [5, 1]]), "float32", ""),
    "sure of the same class": (expectation(SURE, [[9, 0], [5, 1]]), "int8",
                               "the output hardly varies"),
    "nearly as sure of it, in bits that do not count": (
        expectation([[1 - 1e-6, 1e-6], [1 - 3e-6, 3e-6]]), "int8", "the output hardly varies"
    ),
    "nearly as sure of it": (expectation([[1 - 1e-6, 1e-6], [1 - 3e-6, 3e-6]]), "float32", ""),
    "sure, now of one and now of the other": (
        expectation([[1, 0], [0, 1]]), "float32", "all probabilities are 0 or 1"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DOUBTS)
def test_when_a_comparison_proves_little(case):
    expected, precision, short = DOUBTS[case]
    found, note = doubted(expected, precision)
    assert found == short
    assert bool(note) == bool(short)
    assert (note == SATURATED) == ("0 or 1" in short)


@pytest.mark.parametrize(
    ("values", "share"),
    [([[-10], [-9]], 0.1), ([[9], [10]], 0.1), ([[-1], [1]], 1.0), ([[0], [0]], 0.0)],
)
def test_a_variation_is_a_share_of_the_range_with_zero(values, share):
    answer = Answer(np.float32(values))
    assert parity.variation(answer, is_class=False) == pytest.approx(share)


def test_gradients_of_a_model_of_one_sample_are_the_mean_of_those_of_each():
    given = keras.Input(batch_shape=(1, 4))
    joined = keras.ops.concatenate([given, np.ones((1, 2), np.float32)], axis=-1)
    made = keras.Model(given, L.Dense(3, "softmax", name="head")(joined))
    made.compile("sgd", "categorical_crossentropy")
    result = verify(converter.convert(made, verify=False).spec, made)
    assert result.passed()
    assert result.update < 1e-5
