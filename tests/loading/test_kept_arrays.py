"""Layers whose arrays in a file are not simply their weights: LoRA, wrappers, quantization."""

import keras
import numpy as np
import pytest

import converter
from converter.errors import KerasFileError
from converter.loading import load
from tests.loading.test_today import lively

L = keras.layers

LORA = {
    "Dense": ((4,), lambda: L.Dense(6, lora_rank=2, name="low")),
    "Dense without bias": ((4,), lambda: L.Dense(6, use_bias=False, lora_rank=2, name="low")),
    "Conv1D": ((8, 3), lambda: L.Conv1D(6, 3, lora_rank=2, name="low")),
    "Conv2D": ((8, 8, 3), lambda: L.Conv2D(6, 3, lora_rank=3, name="low")),
    "EinsumDense": (
        (4,), lambda: L.EinsumDense("ab,bc->ac", 6, bias_axes="c", lora_rank=2, name="low")
    ),
    "a wrapped layer": (
        (5, 4), lambda: L.TimeDistributed(L.Dense(6, lora_rank=2, name="low"), name="steps")
    ),
    "a nested model": (
        (4,),
        lambda: keras.Sequential(
            [keras.Input((4,)), L.Dense(5), L.Dense(6, lora_rank=2, name="low")], name="inner"
        ),
    ),
}  # fmt: skip


def with_lora(kind, alpha=None):
    shape, made = LORA[kind]
    model = keras.Sequential([keras.Input(shape), made(), L.Flatten(), L.Dense(3, name="last")])
    for layer in model._flatten_layers():
        if alpha and getattr(layer, "lora_enabled", False):
            layer.lora_alpha = alpha
    return lively(model)


def inputs(model):
    return np.random.default_rng(3).normal(size=(2, *model.input_shape[1:])).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("kind", LORA)
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("alpha", [None, 5])
def test_lora_is_merged_into_the_kernel(kind, suffix, alpha, tmp_path):
    model = with_lora(kind, alpha)
    model.save(tmp_path / f"model{suffix}")
    loaded = load(tmp_path / f"model{suffix}")
    x = inputs(model)
    np.testing.assert_allclose(loaded.model(x), model(x), rtol=1e-4, atol=1e-5)
    assert any("LoRA of layer 'low'" in note for note in loaded.notes)
    assert not any("lora" in variable.path for variable in loaded.model.variables)
    assert all(variable.trainable for variable in loaded.model.variables)


@pytest.mark.parametrize("kind", ["Dense", "Conv2D", "EinsumDense"])
def test_a_live_model_with_lora_is_converted_as_it_computes(kind):
    model = with_lora(kind, alpha=5)
    before = [np.array(weight) for weight in model.get_weights()]
    found = converter.convert(model, layers=["last"], loss="categorical_crossentropy")
    assert found.report.parity < 1e-5
    assert "low" in [layer.name for layer in found.spec.neuralNetwork.layers]
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_an_update_of_lora_is_verified_from_the_file(tmp_path):
    model = with_lora("Dense", alpha=5)
    options = {"layers": ["low"], "loss": "categorical_crossentropy", "verify_update": True}
    live = converter.convert(model, **options).report
    assert any("no update step was compared: 'low' learns with what" in n for n in live.notes)
    model.save(tmp_path / "model.keras")
    report = converter.convert(tmp_path / "model.keras", **options).report
    assert report.parity < 1e-5
    assert any("update steps equal Keras's" in note for note in report.notes)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize(
    ("shape", "inner"), [((8, 8, 3), lambda: L.Conv2D(4, 3)), ((8,), lambda: L.Dense(4))]
)
def test_a_wrapper_that_keeps_the_kernel_inside(suffix, shape, inner, tmp_path):
    model = lively(keras.Sequential([
        keras.Input(shape), L.SpectralNormalization(inner()), L.Flatten(), L.Dense(3),
    ]))  # fmt: skip
    model.save(tmp_path / f"model{suffix}")
    x = inputs(model)
    np.testing.assert_array_equal(load(tmp_path / f"model{suffix}").model(x), model(x))


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_quantized_layers_are_refused_by_name(mode, tmp_path):
    model = keras.Sequential([keras.Input((4,)), L.Dense(6, name="small")])
    try:
        model.quantize(mode)
    except ValueError:
        pytest.skip(f"Keras {keras.__version__} does not know {mode}")
    model.save(tmp_path / "model.keras")
    with pytest.raises(KerasFileError, match=rf"layer 'small' \(Dense\) is quantized to {mode}"):
        load(tmp_path / "model.keras")


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_wrapper_around_a_model(suffix, tmp_path):
    inner = keras.Sequential([keras.Input((4,)), L.Dense(3), L.Dropout(0.5), L.Dense(3)])
    model = lively(keras.Sequential([keras.Input((5, 4)), L.TimeDistributed(inner)]))
    model.save(tmp_path / f"model{suffix}")
    loaded = load(tmp_path / f"model{suffix}").model
    assert len(loaded.weights) == 4
    for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@keras.saving.register_keras_serializable("tests")
class Unnamed(L.Layer):
    """A class of one's own that stores neither its name nor anything else."""

    def build(self, shape):
        self.factor = self.add_weight(shape=(shape[-1],), name="factor")

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {}


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_layers_that_are_stored_without_their_names(suffix, tmp_path):
    layers = [Unnamed(name="one"), L.Dense(3), Unnamed(name="two")]
    model = lively(keras.Sequential([keras.Input((3,)), *layers]))
    model.save(tmp_path / f"model{suffix}")
    loaded = load(tmp_path / f"model{suffix}").model
    for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
