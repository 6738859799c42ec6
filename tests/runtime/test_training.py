"""Whole updates: what changes, what does not, and in which order."""

import numpy as np
import pytest

from converter.coreml import mlmodel
from converter.errors import DataError, TrainingError, UsageError
from converter.runtime import ArraySamples, Labelled, Progress, evaluate, settings, train
from converter.runtime.batches import order
from tests.runtime.helpers import random
from tests.runtime.updatable import adam, digits, floats_of, line, mnist, sgd


def trained(data=None, **chosen):
    model = digits(optimizer=adam())
    train(model, data or mnist(count=64), settings(model, **chosen))
    return model


def same(a, b):
    return a.SerializeToString(deterministic=True) == b.SerializeToString(deterministic=True)


@pytest.mark.slow
def test_it_learns_real_digits():
    model = digits(optimizer=adam())
    history = train(model, mnist(), settings(model, epochs=10), mnist("test"))
    assert history.before.accuracy < 0.3
    assert history.epochs[-1].held_out_loss < 0.3 * history.before.loss
    assert history.epochs[-1].held_out_accuracy > 0.85
    after = evaluate(model, mnist("test"))
    assert after.accuracy == pytest.approx(history.epochs[-1].held_out_accuracy)
    assert after.loss == pytest.approx(history.epochs[-1].held_out_loss, rel=1e-4)


def test_frozen_weights_stay_bit_for_bit_and_the_rest_of_the_file_too():
    model = digits(["dense", "head"])
    model.description.metadata.author = "somebody"
    before = type(model)()
    before.CopyFrom(model)
    train(model, mnist(count=64), settings(model))
    for layer, field in (("dense", "weights"), ("head", "bias")):
        assert not np.array_equal(floats_of(model, layer, field), floats_of(before, layer, field))
    for which in (model, before):
        for layer in mlmodel.updatable_layers(which):
            for field in ("weights", "bias"):
                layer.innerProduct.ClearField(field)
    assert same(model, before)


def test_equal_settings_give_equal_files():
    assert same(trained(seed=4), trained(seed=4))


def test_another_seed_gives_another_order():
    assert not same(trained(seed=4), trained(seed=5))


def test_orders():
    chosen = settings(digits(), seed=-7)
    first, second = order(chosen, 1, 100), order(chosen, 2, 100)
    assert sorted(first) == list(range(100))
    assert not np.array_equal(first, np.arange(100))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(order(settings(digits(), shuffle=False), 2, 5), np.arange(5))


def test_kept_features_change_nothing(monkeypatch):
    kept = digits(["dense", "head"])
    train(kept, mnist(count=64), settings(kept, epochs=3))
    monkeypatch.setattr("converter.runtime.training.kept", lambda blobs, *rest: blobs)
    anew = digits(["dense", "head"])
    train(anew, mnist(count=64), settings(anew, epochs=3))
    for layer in ("dense", "head"):
        np.testing.assert_allclose(floats_of(kept, layer), floats_of(anew, layer), atol=1e-5)


def gradient_descent(model, x, y, epochs, size, rate):
    """Linear regression by hand: mean over each mini-batch, the last one smaller."""
    w = floats_of(model, "dense").reshape(2, 3).astype(np.float64)
    b = floats_of(model, "dense", "bias").astype(np.float64)
    for _ in range(epochs):
        for start in range(0, len(x), size):
            part, answer = x[start : start + size], y[start : start + size]
            error = 2 * (part @ w.T + b - answer) / (2 * len(part))
            w, b = w - rate * error.T @ part, b - rate * error.sum(0)
    return w, b


@pytest.mark.parametrize("count", [8, 10, 3], ids=["whole", "last smaller", "fewer than a batch"])
def test_mini_batches_by_hand(count):
    model = line(optimizer=sgd(0.1, batch=4))
    x, y = random(count, 3, seed=5), random(count, 2, seed=6)
    w, b = gradient_descent(model, x, y, 3, 4, 0.1)
    data = Labelled(ArraySamples({"x": x}), y)
    train(model, data, settings(model, epochs=3, shuffle=False))
    np.testing.assert_allclose(floats_of(model, "dense").reshape(2, 3), w, atol=1e-5)
    np.testing.assert_allclose(floats_of(model, "dense", "bias"), b, atol=1e-5)


def test_the_score_of_an_epoch_is_the_mean_over_samples():
    model = line(optimizer=sgd(0.0, batch=4))
    x, y = random(10, 3, seed=5), random(10, 2, seed=6)
    w, b = floats_of(model, "dense").reshape(2, 3), floats_of(model, "dense", "bias")
    expected = ((x @ w.T + b - y) ** 2).mean()
    data = Labelled(ArraySamples({"x": x}), y)
    history = train(model, data, settings(model, epochs=1), data)
    assert history.before.loss == pytest.approx(expected, rel=1e-5)
    assert history.epochs[0].loss == pytest.approx(expected, rel=1e-5)
    assert history.epochs[0].accuracy is None


def test_images_are_preprocessed_for_training_as_for_prediction():
    model = digits()
    image = model.description.input[0].type.imageType
    image.width = image.height = 28
    image.colorSpace = image.ColorSpace.Value("GRAYSCALE")
    model.neuralNetwork.preprocessing.add(featureName="image").scaler.channelScale = 1 / 255
    data = mnist(count=32)
    pixels = (data.samples.arrays["image"] * 255).round().astype(np.uint8).transpose(0, 2, 3, 1)
    train(model, Labelled(ArraySamples({"image": pixels}), data.y), settings(model, epochs=1))
    plain = digits()
    train(plain, data, settings(plain, epochs=1))
    np.testing.assert_allclose(floats_of(model, "dense"), floats_of(plain, "dense"), atol=1e-5)


def test_progress_is_reported():
    heard = []

    class Listener(Progress):
        def features(self, done, total):
            heard.append(("features", done, total))

        def before(self, score):
            heard.append(("before", score))

        def samples(self, epoch, done, total):
            heard.append(("samples", epoch, done, total))

        def epoch(self, result):
            heard.append(("epoch", result.epoch))

    model = digits(["head"])
    train(model, mnist(count=40), settings(model, epochs=2), progress=Listener())
    assert ("features", 40, 40) in heard
    assert heard.index(("features", 40, 40)) < heard.index(("before", None))
    assert ("samples", 1, 40, 40) in heard
    assert heard[-1] == ("epoch", 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Labelled(ArraySamples({"image": np.zeros((0, 1, 28, 28))}), []), "no samples"),
        (Labelled(ArraySamples({"image": np.zeros((3, 1, 28, 28))}), [1, 2]), "3 samples, but 2"),
        (Labelled(ArraySamples({"image": np.zeros((3, 1, 27, 28))}), [1, 2, 3]), "model takes"),
        (Labelled(ArraySamples({"image": np.zeros((1, 1, 28, 28))}), [11]), "label 11"),
        (Labelled(ArraySamples({"other": np.zeros((1, 1, 28, 28))}), [1]), "'image' is missing"),
    ],
    ids=["empty", "counts", "shape", "label", "name"],
)
def test_data_that_do_not_fit(data, message):
    model = digits()
    with pytest.raises(DataError, match=message):
        train(model, data, settings(model))


def test_a_loss_that_is_no_number_ends_training_and_leaves_the_model_alone():
    model, untouched = line(optimizer=sgd(1.0, batch=4)), line(optimizer=sgd(1.0, batch=4))
    data = Labelled(ArraySamples({"x": 1e15 * random(8, 3)}), random(8, 2))
    with pytest.raises(TrainingError, match="no longer a number"):
        train(model, data, settings(model, epochs=20))
    assert same(model, untouched)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers(value):
    data = mnist(count=32)
    data.samples.arrays["image"][5, 0, 3, 4] = value
    model = digits()
    with pytest.raises(DataError, match="'image' holds NaN or infinity"):
        train(model, data, settings(model))


def test_an_interrupted_training_goes_on_as_if_it_had_not_been(tmp_path):
    class Interrupt(Progress):
        def epoch(self, result):
            if result.epoch == 2:
                raise KeyboardInterrupt

    whole = trained(epochs=5)
    model, state = digits(optimizer=adam()), tmp_path / "state"
    chosen = settings(model, epochs=5)
    with pytest.raises(KeyboardInterrupt):
        train(model, mnist(count=64), chosen, checkpoint=state, progress=Interrupt())
    assert same(model, digits(optimizer=adam()))
    history = train(model, mnist(count=64), chosen, checkpoint=state)
    # The interrupt came before the second epoch was saved.
    assert [epoch.epoch for epoch in history.epochs] == [1, 2, 3, 4, 5]
    assert same(model, whole)


@pytest.mark.parametrize("change", ["model", "settings", "data"])
def test_a_checkpoint_of_another_training_is_refused(tmp_path, change):
    model, state = digits(optimizer=adam()), tmp_path / "state"
    train(model, mnist(count=64), settings(model, epochs=1), checkpoint=state)
    other = model if change == "model" else digits(optimizer=adam())
    chosen = settings(other, epochs=2, batch_size=4 if change == "settings" else None)
    data = mnist(count=32 if change == "data" else 64)
    with pytest.raises(TrainingError, match="belongs to another"):
        train(other, data, chosen, checkpoint=state)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04broken"])
def test_a_damaged_checkpoint_is_refused(tmp_path, content):
    state = tmp_path / "state"
    state.write_bytes(content)
    model = digits()
    with pytest.raises(TrainingError, match="is not a checkpoint; give another name"):
        train(model, mnist(count=16), settings(model), checkpoint=state)


class Heard(Progress):
    """Notes from which epoch on a training resumes."""

    def __init__(self):
        self.resumes = []

    def resumed(self, done, checkpoint):
        self.resumes.append((done, checkpoint.name))


@pytest.mark.slow
def test_a_resumed_training_tells_the_score_before_its_first_epoch(tmp_path):
    state, data, test = tmp_path / "state", mnist(count=64), mnist("test", count=50)
    first, heard = digits(optimizer=adam()), Heard()
    history = train(first, data, settings(first, epochs=2), test, state, heard)
    assert heard.resumes == []
    model = digits(optimizer=adam())
    resumed = train(model, data, settings(model, epochs=3), test, state, heard)
    assert heard.resumes == [(2, "state")]
    assert resumed.before.loss == pytest.approx(history.before.loss, rel=1e-6)
    assert resumed.before.accuracy == history.before.accuracy
    assert resumed.before.loss > resumed.epochs[-1].held_out_loss
    assert resumed.epochs[:2] == history.epochs
    whole = digits(optimizer=adam())
    before = train(whole, data, settings(whole, epochs=3), test).before
    assert before.loss == pytest.approx(resumed.before.loss, rel=1e-6)
    assert same(model, whole)


def test_fewer_epochs_than_a_checkpoint_holds_are_refused(tmp_path):
    model, state = digits(optimizer=adam()), tmp_path / "state"
    train(model, mnist(count=64), settings(model, epochs=4), checkpoint=state)
    stored, again = state.read_bytes(), digits(optimizer=adam())
    with pytest.raises(UsageError, match="state: holds 4 epochs already, so epochs cannot be 1"):
        train(again, mnist(count=64), settings(again, epochs=1), checkpoint=state)
    assert state.read_bytes() == stored
    assert same(again, digits(optimizer=adam()))
    done = train(again, mnist(count=64), settings(again, epochs=4), checkpoint=state)
    assert len(done.epochs) == 4
    assert same(again, model)


def test_a_checkpoint_with_arrays_of_other_shapes_is_refused(tmp_path):
    """Such as one of a version that held the weights in another order."""
    model, state = digits(), tmp_path / "state"
    untrained = type(model)()
    untrained.CopyFrom(model)
    train(model, mnist(count=64), settings(model), checkpoint=state)
    with np.load(state) as stored:
        arrays = {name: stored[name].ravel() if name == "0" else stored[name] for name in stored}
    with state.open("wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(TrainingError, match="belongs to another"):
        train(untrained, mnist(count=64), settings(untrained), checkpoint=state)
