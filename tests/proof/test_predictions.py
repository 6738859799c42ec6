"""The proof is one: saturated heads are compared by what is before them, constant ones are told."""

import numpy as np
import pytest

import converter
from converter.backend.tensorflow import keras
from converter.cli.convert_report import Written, print_report, print_summary
from converter.errors import ParityError
from converter.lower.weighted import Weighted
from converter.proof.update import verify
from tests.converting import convert

L = keras.layers
Constant = keras.initializers.Constant


def head(units, activation, bias, loss):
    keras.utils.set_random_seed(3)
    first = [float(bias)] + [0.5] * (units - 1)
    model = keras.Sequential([keras.Input((5,)), L.Dense(units, activation, name="head")])
    model.layers[-1].bias.assign(first)
    model.compile("sgd", loss)
    return model


HEADS = {
    "sigmoid": (1, "sigmoid", "binary_crossentropy"),
    "logit": (1, None, keras.losses.BinaryCrossentropy(from_logits=True)),
    "softmax": (3, "softmax", "categorical_crossentropy"),
    "logits": (3, None, keras.losses.CategoricalCrossentropy(from_logits=True)),
    "sigmoid by squares": (1, "sigmoid", "mse"),
    "sigmoids by squares": (3, "sigmoid", "mse"),
    "tanh by squares": (1, "tanh", "mse"),
    "tanhs by squares": (3, "tanh", "mse"),
}
BIASES = (20, -100, 200)


@pytest.mark.slow
@pytest.mark.parametrize("name", HEADS)
def test_a_sure_head_is_no_false_alarm(name, tmp_path):
    units, activation, loss = HEADS[name]
    for bias in BIASES:
        model = head(units, activation, bias, loss)
        spec, report = convert(model, tmp_path)
        assert report.parity <= 1e-5
        assert not any("little" in note for note in report.notes)
        if bias == 20:
            assert verify(spec, model).predictions <= 1e-5


@pytest.mark.parametrize(
    "options", [{}, {"scale": 1 / 255}, {"bias": (-127.5,)}, {"scale": 1 / 255, "bias": (-0.5,)}]
)
def test_pixels_are_scaled_by_the_model_or_by_options(options, tmp_path):
    """With none it is the model itself: what it does goes into the image input."""
    first = [] if options else [L.Rescaling(1 / 127.5, -1)]
    model = keras.Sequential([
        keras.Input((4, 5, 1)), *first, L.Flatten(), L.Dense(2, "softmax", name="head")
    ])  # fmt: skip
    _, report = convert(model, tmp_path, image="gray", loss="categorical_crossentropy", **options)
    assert report.parity <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", HEADS)
def test_a_wrong_bias_of_a_sure_head_is_found(name, tmp_path, monkeypatch):
    units, activation, loss = HEADS[name]
    bind = Weighted.bind

    def bind_wrongly(self):
        size = len(self.bias)
        self.shift_outputs(np.eye(size)[size - units].astype(np.float32), None)
        return bind(self)

    monkeypatch.setattr(Weighted, "bind", bind_wrongly)
    for bias in BIASES:
        with pytest.raises(ParityError, match="differs from Keras"):
            convert(head(units, activation, bias, loss), tmp_path)


def test_a_sure_head_from_a_file(tmp_path):
    model = head(1, "sigmoid", 20, "binary_crossentropy")
    for name in ("sure.keras", "sure.h5"):
        model.save(tmp_path / name)
        converted = converter.convert(tmp_path / name, verify_update=True)
        assert converted.report.parity <= 1e-5


def below(activation, bias, units=3, last="softmax", loss="categorical_crossentropy"):
    """A network whose first layer saturates or dies where its inputs are small."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential([
        keras.Input((5,)), L.Dense(8, activation, bias_initializer=Constant(bias), name="below"),
        L.Dense(units, last, bias_initializer="normal", name="head"),
    ])  # fmt: skip
    model.compile("sgd", loss)
    return model


ASLEEP = {
    "dead ReLU": lambda: below("relu", -50),
    "dead ReLU, regression": lambda: below("relu", -50, last=None, loss="mse"),
    "dead ReLU, one sigmoid": lambda: below("relu", -50, 1, "sigmoid", "binary_crossentropy"),
    "saturated in the middle": lambda: below("sigmoid", 60),
    "saturated tanh": lambda: below("tanh", -40),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ASLEEP)
def test_inputs_are_chosen_that_make_the_output_vary(name, tmp_path, monkeypatch):
    model = ASLEEP[name]()
    spec, report = convert(model, tmp_path)
    assert report.parity <= 1e-5
    assert not any("little" in note for note in report.notes)
    assert verify(spec, model).remark == ""
    bind = Weighted.bind

    def bind_wrongly(self):
        if self.name == "below":
            self.weights = self.weights * np.float32(1.1)
        return bind(self)

    monkeypatch.setattr(Weighted, "bind", bind_wrongly)
    with pytest.raises(ParityError):
        convert(ASLEEP[name](), tmp_path)


def test_tiny_logits_are_compared_by_themselves(tmp_path, monkeypatch):
    """As in deep networks that were never trained, whose probabilities are all the same."""
    model = below("relu", 0)
    model.layers[-1].bias.assign(np.zeros(3))
    model.layers[0].kernel.assign(1e-12 * model.layers[0].kernel)
    _, report = convert(model, tmp_path)
    assert not any("little" in note for note in report.notes)
    bind = Weighted.bind

    def bind_wrongly(self):
        self.weights = self.weights * np.float32(1.01)
        return bind(self)

    monkeypatch.setattr(Weighted, "bind", bind_wrongly)
    with pytest.raises(ParityError):
        convert(model, tmp_path)


@pytest.mark.parametrize("last", ["softmax", None])
def test_a_model_that_ignores_its_input_is_told(last, tmp_path, capsys):
    loss = "categorical_crossentropy" if last else "mse"
    model = below("relu", 0, last=last, loss=loss)
    model.layers[-1].kernel.assign(np.zeros((8, 3)))
    spec, report = convert(model, tmp_path)
    assert any("the parity proves little" in note for note in report.notes)
    print_summary(report, Written(tmp_path))
    print_report(report, Written(tmp_path))
    assert capsys.readouterr().out.count("(proves little: the output hardly varies)") == 2
    assert "proves little" in verify(spec, model).remark


def test_a_healthy_model_is_asked_once(tmp_path, monkeypatch):
    from converter.proof import predictions

    calls, once = [], predictions._expectation

    def counted(*given):
        calls.append(given[-1])
        return once(*given)

    monkeypatch.setattr(predictions, "_expectation", counted)
    convert(below("relu", 0), tmp_path)
    assert len(calls) == 1
