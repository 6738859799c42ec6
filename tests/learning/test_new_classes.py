"""A new head and spare classes in Keras: their weights, by hand, and who cannot have them."""

import numpy as np
import pytest

from converter.backend.tensorflow import keras
from converter.errors import UnsupportedError, UsageError
from converter.keras_file.compiled import Loss
from converter.learning.new_classes import (
    SPARE_SHARE,
    end_of,
    known_classes,
    spare_margin,
    with_new_head,
    with_spare_classes,
)
from tests.lower.oracle import batch_for, randomized, sequential

L = keras.layers
CLASSES, SQUARED = Loss("categorical_crossentropy"), Loss("mean_squared_error")
LOGITS = Loss("sparse_categorical_crossentropy", {"from_logits": True})
LOGIT = Loss("binary_crossentropy", {"from_logits": True})


def ending(*layers, shape=(5,)):
    return sequential(shape, L.Dense(4, activation="relu", name="below"), *layers)


def head(units, activation="softmax", **options):
    return L.Dense(units, activation=activation, name="head", **options)


def nested():
    """The last dense layer inside a model that stands in another one, called for inference."""
    base = keras.Sequential([keras.Input((5,)), L.Dense(4, activation="relu", name="a")])
    top = keras.Sequential([keras.Input((4,)), L.Dropout(0.5), head(3, None), L.Softmax()])
    x = keras.Input((5,))
    return randomized(keras.Model(x, top(base(x, training=False))))


def probabilities(model, batch):
    return np.asarray(model(batch if len(batch) > 1 else batch[0], training=False))


def test_a_new_head_is_drawn_as_keras_does():
    model = ending(head(2))
    made, other = (
        with_new_head(model, 0, 200, "glorot", seed, CLASSES).model.get_layer("head")
        for seed in (1, 2)
    )
    kernel, bias = made.get_weights()
    limit = np.sqrt(6 / (4 + 200))
    assert kernel.shape == (4, 200)
    assert np.abs(kernel).max() == pytest.approx(limit, rel=0.01)
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)  # of a uniform distribution
    np.testing.assert_array_equal(bias, np.zeros(200))
    assert np.abs(kernel - other.get_weights()[0]).max() > limit
    again = with_new_head(model, 0, 200, "glorot", 1, CLASSES).model
    np.testing.assert_array_equal(again.get_layer("head").get_weights()[0], kernel)


def test_what_is_below_a_new_head_is_shared_and_the_model_stays():
    model = ending(head(1, "sigmoid"))
    batch, nodes = batch_for(model), list(model.get_layer("below")._outbound_nodes)
    kept = [w.copy() for w in model.get_weights()], probabilities(model, batch)
    made = with_new_head(model, 0, 3, "zeros", 0, Loss("binary_crossentropy"))
    assert made.model.get_layer("below") is model.get_layer("below")
    np.testing.assert_allclose(probabilities(made.model, batch), np.full((3, 3), 1 / 3))
    below = keras.Model(model.inputs[0], model.get_layer("below").output)
    np.testing.assert_array_equal(
        probabilities(made.features(()), batch), probabilities(below, batch)
    )
    for now, then in zip(model.get_weights(), kept[0], strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(probabilities(model, batch), kept[1])
    assert model.get_layer("below")._outbound_nodes == nodes


@pytest.mark.parametrize(
    ("folded", "last"), [((), "norm"), (("norm",), "below"), (("top/norm", "a"), "below")]
)
def test_features_are_taken_before_what_is_idle_or_folded(folded, last):
    model = ending(L.BatchNormalization(name="norm"), L.Dropout(0.5), L.Identity(), head(3))
    made = with_new_head(model, 0, 2, "zeros", 0, CLASSES)
    until = keras.Model(model.inputs[0], model.get_layer(last).output)
    batch = batch_for(model)
    expected = probabilities(until, batch)
    assert np.ptp(expected) > 0
    np.testing.assert_array_equal(probabilities(made.features(folded), batch), expected)


def test_what_bends_is_part_of_the_features_although_it_may_stand_behind_a_head():
    model = ending(L.ReLU(max_value=0.25, name="bend"), head(3))
    made = with_new_head(model, 0, 2, "zeros", 0, CLASSES)
    found = probabilities(made.features(()), batch_for(model))
    assert found.max() == 0.25


@pytest.mark.parametrize(("units", "activation", "known"), [
    (1, "sigmoid", 2), (2, "softmax", 2), (3, "softmax", 3),
])  # fmt: skip
def test_a_single_unit_knows_two_classes(units, activation, known):
    assert known_classes(end_of(ending(head(units, activation)), 0)) == known


def same(p):
    return p


def softmax(z):
    return np.exp(z) / np.exp(z).sum(1, keepdims=True)


def two(p):
    return np.hstack([1 - p, p])


def two_of_logit(z):
    return two(1 / (1 + np.exp(-z)))


KNOWN = {
    "softmax": (lambda: ending(head(3)), CLASSES, same),
    "without a bias": (lambda: ending(head(3, use_bias=False)), CLASSES, same),
    "an activation of its own": (
        lambda: ending(head(3, None), L.Activation("softmax")),
        CLASSES,
        same,
    ),
    "dropout behind": (lambda: ending(head(3, None), L.Dropout(0.5), L.Softmax()), CLASSES, same),
    "logits": (lambda: ending(head(3, None)), LOGITS, softmax),
    "one sigmoid": (lambda: ending(head(1, "sigmoid")), Loss("binary_crossentropy"), two),
    "one logit": (lambda: ending(head(1, None)), LOGIT, two_of_logit),
    "inside another model": (nested, CLASSES, same),
}


@pytest.mark.parametrize("name", KNOWN)
def test_spare_classes_leave_the_others_as_they_are(name):
    make, loss, known = KNOWN[name]
    model = make()
    batch = [100 * x for x in batch_for(model)]  # far from what it was made for, too
    made = with_spare_classes(model, 0, 2, loss)
    found = probabilities(made.model, batch)
    old = known(probabilities(model, batch).astype(np.float64))
    count = old.shape[1]
    assert found.shape == (3, count + 2)
    np.testing.assert_allclose(found[:, :count], old, atol=1.1 * SPARE_SHARE)
    assert found[:, count:].sum(1).max() <= SPARE_SHARE
    assert found.argmax(1).max() < count


def test_the_logits_of_spare_classes_by_hand():
    model = ending(head(3))
    kernel, bias = model.get_layer("head").get_weights()
    made = with_spare_classes(model, 0, 2, CLASSES).model.get_layer("head")
    margin = np.log(2 / 3 * 1e5)  # two outputs beside three, 1e-5 together
    assert spare_margin(3, 2) == pytest.approx(margin)
    new_kernel, new_bias = made.get_weights()
    np.testing.assert_array_equal(new_kernel[:, :3], kernel)
    np.testing.assert_array_equal(new_bias[:3], bias)
    for column in (3, 4):
        np.testing.assert_allclose(new_kernel[:, column], kernel.mean(1), rtol=1e-5, atol=1e-7)
        assert new_bias[column] == pytest.approx(bias.mean() - margin, rel=1e-6)
    assert spare_margin(1_000_000, 1) == 1.0


def test_even_equal_logits_stay_above_spare_ones():
    """The bound is reached where all logits are equal, and that is its worst case."""
    model = ending(head(4))
    model.get_layer("head").set_weights([np.zeros((4, 4)), np.full(4, -50.0)])
    found = probabilities(with_spare_classes(model, 0, 3, CLASSES).model, batch_for(model))
    np.testing.assert_allclose(found[:, 4:].sum(1), SPARE_SHARE, rtol=1e-3)


def joined():
    x = keras.Input((5,))
    sides = [L.Dense(3, name=name)(x) for name in "ab"]
    return keras.Model(x, L.Softmax()(L.Add(name="both")(sides)))


def shared():
    x, twice = keras.Input((4,)), L.Dense(4, activation="softmax", name="twice")
    return keras.Model(x, twice(twice(x)))


class Own(L.Dense):
    """A dense layer that may compute anything."""


CONVOLUTION = (L.Conv2D(3, 3), L.GlobalAveragePooling2D(name="pool"), L.Softmax())
REFUSED = {
    "a normalization behind": (
        lambda: ending(head(3), L.BatchNormalization(name="bn")), CLASSES, r"'bn' \(BatchNorm"),
    "a temperature": (
        lambda: ending(head(3, None), L.Rescaling(0.5, name="t"), L.Softmax()), CLASSES,
        r"'t' \(Rescaling\) stands at the end .* nothing behind it but an activation"),
    "a convolution": (lambda: sequential((6, 6, 1), *CONVOLUTION), CLASSES, r"'pool' \(Global"),
    "two dense layers": (joined, CLASSES, r"'both' \(Add\)"),
    "a class of one's own": (lambda: ending(Own(3, name="own")), CLASSES, r"'own' \(Own\)"),
    "used twice": (shared, CLASSES, "'twice' .* used in several places"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_get_new_classes(name):
    make, loss, words = REFUSED[name]
    model = make()
    with pytest.raises(UnsupportedError, match=words):
        with_new_head(model, 0, 3, "glorot", 0, loss)
    with pytest.raises(UnsupportedError, match=words):
        with_spare_classes(model, 0, 1, loss)


NO_CLASSES = {
    "values": (1, None, SQUARED, "the loss 'mean_squared_error', not classes, so no class can"),
    "values behind a sigmoid": (1, "sigmoid", SQUARED, "tells values"),
    "nothing is said": (3, None, None, "nothing says to be logits"),
    "numbers that are no logits": (3, None, Loss("hinge"), "nothing says to be logits"),
    "several sigmoids": (3, "sigmoid", Loss("binary_crossentropy"), "behind sigmoid; spare"),
    "softmax over one": (1, "softmax", CLASSES, "behind softmax"),
}


@pytest.mark.parametrize("name", NO_CLASSES)
def test_no_class_is_added_where_there_are_none(name):
    units, activation, loss, words = NO_CLASSES[name]
    with pytest.raises(UsageError, match=words):
        with_spare_classes(ending(head(units, activation)), 0, 1, loss)


@pytest.mark.parametrize(
    ("loss", "words"),
    [(SQUARED, "the loss 'mean_squared_error', not classes; to use"), (None, "does not say what")],
)
def test_a_new_head_is_for_what_tells_classes(loss, words):
    with pytest.raises(UsageError, match=words):
        with_new_head(ending(head(1, None)), 0, 3, "glorot", 0, loss)


def test_any_activation_behind_makes_way():
    made = with_new_head(ending(head(3, None), L.ReLU(name="r")), 0, 5, "glorot", 0, Loss("hinge"))
    assert [layer.name for layer in made.model.layers][-2:] == ["below", "head"]


@pytest.mark.parametrize("name", ["numbers that are no logits", "several sigmoids"])
def test_a_new_head_takes_the_place_of_other_classes(name):
    units, activation, loss, _ = NO_CLASSES[name]
    made = with_new_head(ending(head(units, activation)), 0, 5, "glorot", 0, loss)
    assert made.model.output_shape == (None, 5)
