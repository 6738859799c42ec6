"""The whole story on live models: what is written, and what never is."""

import gc
import importlib
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from converter.backend.tensorflow import keras
from converter.conversion import story
from converter.conversion.story import convert_file, prepare, write
from converter.conversion.traced import loss_of
from converter.coreml import mlmodel
from converter.errors import ParityError, UnsupportedError
from converter.keras_file.compiled import CompileSettings, Loss
from converter.learning.head import asked
from converter.loading import compile_settings_of
from converter.recipe import Recipe
from tests.converting import IMAGE, binary, convert, small_cnn, updatable_names
from tests.lower.oracle import IOS12_KINDS, sequential

L = keras.layers


def test_the_target_form(tmp_path):
    spec, report = convert(small_cnn(), tmp_path, layers=("dense_5", "dense_6"))
    net = spec.neuralNetwork
    assert spec.specificationVersion == 4
    assert spec.isUpdatable
    assert net.arrayInputShapeMapping == 0
    assert {layer.WhichOneof("layer") for layer in net.layers} <= IOS12_KINDS
    assert [layer.name for layer in net.layers] == [
        "conv", "conv__activation", "pool", "flat", "dense_5", "dense_5__activation",
        "dense_6", "dense_6__softmax",
    ]  # fmt: skip
    assert updatable_names(spec) == ["dense_5", "dense_6"]
    for layer in mlmodel.updatable_layers(spec):
        assert layer.innerProduct.weights.isUpdatable
        assert layer.innerProduct.bias.isUpdatable
    assert len(net.updateParams.lossLayers) == 1
    assert net.updateParams.optimizer.WhichOneof("OptimizerType") == "adamOptimizer"
    assert [f.name for f in spec.description.trainingInput] == ["image", "output_true"]
    assert report.parity <= 1e-5
    assert report.learning == "dense_5, dense_6"
    assert report.caution == ""
    assert replace(report, doubt="all the same").caution == " (proves little: all the same)"


UNIT = "the single sigmoid unit of 'dense_6' became a softmax over two classes, [1 - p, p]"


@pytest.mark.parametrize(
    ("make", "options", "notes", "rate"),
    [
        (small_cnn, {}, (), 0.001),
        (binary, {"layers": ("dense_5",)}, (UNIT,), 0.001),
        (binary, {"layers": ("dense_6",)}, (
            f"{UNIT}, which doubles its step; half the learning rate, 0.0005, undoes that exactly",
        ), 0.0005),
        (binary, {}, (
            f"{UNIT}; its step is doubled, half the learning rate would undo that",
        ), 0.001),
    ],
    ids=["softmax", "sigmoid, frozen", "sigmoid alone", "sigmoid among others"],
)  # fmt: skip
def test_what_is_said_of_the_head(make, options, notes, rate, tmp_path):
    _, report = convert(make(), tmp_path, **options)
    assert report.notes == notes
    assert report.update.parameters["learning_rate"].default == rate


def test_weights_are_the_keras_weights(tmp_path):
    model = small_cnn()
    spec, _ = convert(model, tmp_path, layers=("*",))
    layers = {layer.name: mlmodel.layer_params(layer) for layer in spec.neuralNetwork.layers}
    kernel, bias = model.get_layer("conv").get_weights()
    np.testing.assert_array_equal(
        mlmodel.floats(layers["conv"].weights), kernel.transpose(3, 2, 0, 1).ravel()
    )
    np.testing.assert_array_equal(mlmodel.floats(layers["conv"].bias), bias)
    kernel, bias = model.get_layer("dense_5").get_weights()
    np.testing.assert_array_equal(mlmodel.floats(layers["dense_5"].weights), kernel.T.ravel())


def test_equal_models_give_equal_bytes(tmp_path):
    model = small_cnn()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder in ("a", "b"):
        convert(model, tmp_path / folder)
    first, second = ((tmp_path / f / "converted.mlmodel").read_bytes() for f in ("a", "b"))
    assert first == second


def test_a_dense_layer_without_bias_is_updatable_without_one(tmp_path):
    model = sequential(IMAGE, L.Flatten(), L.Dense(3, use_bias=False, name="bare"), L.Softmax())
    spec, _ = convert(model, tmp_path, layers=("bare",))
    (layer,) = mlmodel.updatable_layers(spec)
    assert not layer.innerProduct.hasBias
    assert not layer.innerProduct.bias.floatValue


def test_a_rescaling_below_a_learning_layer_is_not_folded_into_it(tmp_path):
    model = sequential(
        IMAGE, L.Rescaling(1 / 255, -0.5, name="scaled"), L.Conv2D(4, 3, name="conv"), L.Flatten(),
        L.Dense(2), L.Softmax(),
    )  # fmt: skip
    spec, _ = convert(model, tmp_path, layers=("conv",))
    layers = {layer.name: layer for layer in spec.neuralNetwork.layers}
    kernel = model.get_layer("conv").get_weights()[0]
    np.testing.assert_array_equal(
        mlmodel.floats(layers["conv"].convolution.weights), kernel.transpose(3, 2, 0, 1).ravel()
    )
    assert layers["scaled"].HasField("scale")


def test_a_model_too_large_for_a_file_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(mlmodel, "LARGEST_MESSAGE", 1000)
    with pytest.raises(UnsupportedError, match="at most"):
        convert(small_cnn(), tmp_path)
    small_cnn().save(tmp_path / "large.keras")
    filling = importlib.import_module("converter.loading.weights")
    monkeypatch.setattr(filling, "fill", lambda *_: pytest.fail("weights were read"))
    with pytest.raises(UnsupportedError, match="at most"):
        convert_file(Recipe(model=tmp_path / "large.keras"))


def written_without_its_model(folder):
    """Write a network whose Keras model nobody holds any more; return a weak reference to that."""
    model, recipe = small_cnn(), Recipe(model=folder / "model.h5")
    prepared = prepare(model, compile_settings_of(model), recipe)
    gone = weakref.ref(model)
    del model
    write(prepared, folder / "converted.mlmodel", recipe)
    return gone


def test_weights_that_are_large_together_make_room(tmp_path, monkeypatch):
    monkeypatch.setattr(story, "_garbage", 0)
    monkeypatch.setattr(story, "LARGE", 1.5 * story.SMALL)
    written_without_its_model(tmp_path)
    assert story._garbage > story.SMALL
    assert written_without_its_model(tmp_path)() is None
    assert story._garbage == 0


@pytest.mark.parametrize("options", [{}, {"layout": "pipeline", "frozen_weights": "float16"}])
def test_weights_are_let_go_once_they_are_written(options, tmp_path):
    """Those of the comparison are read from the file: a large model is in memory once."""
    model = small_cnn()
    recipe = Recipe(model=tmp_path / "model.h5", layers=("dense_6",), **options)
    prepared = prepare(model, compile_settings_of(model), recipe)
    held = [prepared.weights, *(prepared.plain or ())[1:]]
    assert all(held)
    write(prepared, tmp_path / "m.mlmodel", recipe)
    assert held == [[]] * len(held)


def test_the_garbage_of_a_small_network_waits(tmp_path, monkeypatch):
    """A collection takes several times as long as its whole conversion."""
    monkeypatch.setattr(story, "_garbage", 0)
    model, recipe = small_cnn(), Recipe(model=tmp_path / "model.h5")
    prepared = prepare(model, compile_settings_of(model), recipe)
    monkeypatch.setattr(gc, "collect", lambda: pytest.fail("collected"))
    write(prepared, tmp_path / "converted.mlmodel", recipe)


def test_mixed_precision_is_refused_with_the_way_out(tmp_path):
    model = sequential((5,), L.Dense(3, dtype="mixed_float16", name="half"), L.Softmax())
    with pytest.raises(UnsupportedError, match=r"'half' \(Dense\): computes in float16"):
        convert(model, tmp_path)


def test_a_wrong_model_is_never_left_behind(tmp_path, monkeypatch):
    from converter.lower.weighted import Weighted

    bind = Weighted.bind

    def bind_wrongly(self):
        if self.name == "dense_5":
            self.scale_outputs(np.full(6, 1.01), None)
        return bind(self)

    monkeypatch.setattr(Weighted, "bind", bind_wrongly)
    (tmp_path / "converted.mlmodel").write_bytes(b"old")
    with pytest.raises(ParityError, match="differs from Keras"):
        convert(small_cnn(), tmp_path)
    assert (tmp_path / "converted.mlmodel").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_saturated_outputs_are_still_compared(tmp_path, monkeypatch):
    """All probabilities are 0 or 1 here; only the logits tell the two models apart."""
    from converter.lower.weighted import Weighted

    bind = Weighted.bind

    def bind_wrongly(self):
        self.scale_outputs(np.full(3, 1.01), None)
        return bind(self)

    monkeypatch.setattr(Weighted, "bind", bind_wrongly)
    model = sequential((5,), L.Rescaling(20.0), L.Dense(3, activation="softmax"))
    with pytest.raises(ParityError):
        convert(model, tmp_path)


def test_nothing_is_printed(tmp_path, capfd):
    import tqdm  # noqa: F401 (coremltools draws bars with it, in a program that has it already)

    convert(small_cnn(), tmp_path)
    assert capfd.readouterr() == ("", "")


def test_verification_can_be_skipped(tmp_path):
    assert convert(small_cnn(), tmp_path, verify=False)[1].parity is None


@pytest.mark.parametrize("wanted", [False, True])
def test_update_steps_are_compared_if_asked(wanted, tmp_path):
    small_cnn().save(tmp_path / "m.keras")
    report = convert_file(Recipe(model=tmp_path / "m.keras", verify_update=wanted))
    assert any("update steps equal Keras's" in note for note in report.notes) == wanted


LOGITS = {"from_logits": True}


@pytest.mark.parametrize(
    ("compiled", "loss", "expected"),
    [
        (Loss("categorical_crossentropy", LOGITS), None, "compiled"),
        (Loss("categorical_crossentropy", LOGITS), "categorical_crossentropy", "compiled"),
        (Loss("sparse_categorical_crossentropy", LOGITS), "categorical_crossentropy", "compiled"),
        (Loss("binary_crossentropy", LOGITS), "binary_crossentropy", "compiled"),
        (Loss("binary_crossentropy", LOGITS), "categorical_crossentropy", "asked"),
        (Loss("categorical_crossentropy", LOGITS), "binary_crossentropy", "asked"),
        (Loss("categorical_crossentropy", {}), "categorical_crossentropy", "asked"),
        (Loss("mean_squared_error", {}), "categorical_crossentropy", "asked"),
    ],
)
def test_the_compiled_loss_counts_if_it_says_more_than_the_asked_one(compiled, loss, expected):
    settings = CompileSettings(loss=compiled.name, loss_config=compiled.config)
    found = loss_of(SimpleNamespace(output="y"), settings, Recipe(model="m.h5", loss=loss))
    assert found == (compiled if expected == "compiled" else asked(loss))
