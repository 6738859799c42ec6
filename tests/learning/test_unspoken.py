"""All that can be said to Keras about training has a row: taken over, named, or no matter."""

import inspect
import json
from pathlib import Path

import pytest

from converter.backend.tensorflow import keras
from converter.conversion.story import prepare
from converter.keras_file.compiled import DULL, CompileSettings, compile_settings
from converter.learning import unspoken
from converter.learning.settings import training
from converter.loading import compile_settings_of
from converter.recipe import Recipe
from tests.converting import convert, small_cnn
from tests.lower.oracle import sequential

L, K, S = keras.layers, keras.optimizers, keras.optimizers.schedules
RECORDED = json.loads((Path(__file__).parent / "arguments.json").read_text())
TABLES = {
    "optimizers": {*unspoken.OPTIMIZER_ARGUMENTS, *unspoken.OWN_ARGUMENTS},
    "losses": {*unspoken.LOSS_ARGUMENTS, *unspoken.OWN_LOSS_ARGUMENTS},
}


def public_classes(module):
    return {n: v for n, v in vars(module).items() if inspect.isclass(v) and not n.startswith("_")}


def arguments(made_by):
    """Return all arguments of a class of Keras, those that it passes on to its bases too."""
    found = set()
    for base in made_by.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
            found |= {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    return found - {"self"}


@pytest.mark.parametrize("kind", TABLES)
def test_every_argument_of_the_installed_keras_has_a_row(kind):
    classes = public_classes(getattr(keras, kind))
    assert len(classes) > 15
    missing = {(n, a) for n, c in classes.items() for a in arguments(c) - TABLES[kind]}
    assert not missing


@pytest.mark.parametrize("version", RECORDED)
@pytest.mark.parametrize("kind", TABLES)
def test_every_argument_of_earlier_versions_has_a_row(version, kind):
    classes = RECORDED[version][kind]
    assert classes or (kind == "losses" and version < "2.3")  # losses were functions then
    missing = {(n, a) for n, names in classes.items() for a in set(names.split()) - TABLES[kind]}
    assert not missing


def test_every_argument_of_compile_has_a_row():
    known = {*DULL, *unspoken.COMPILE_ARGUMENTS}
    assert not set(inspect.signature(keras.Model.compile).parameters) - known - {"self"}


def test_every_optimizer_without_a_word_says_nothing_but_its_name():
    """What an optimizer is by default is no setting: only the optimizer itself is named."""
    for name, made_by in public_classes(K).items():
        if name in ("Optimizer", "OptimizerMap", "MultiOptimizer", "LossScaleOptimizer"):
            continue
        config = keras.saving.serialize_keras_object(made_by())["config"]
        config.pop("learning_rate")
        assert unspoken.own_arguments(config) == "" or name in ("SGD", "Adam", "AdamW"), name
        known = name in ("SGD", "Adam", "AdamW")
        said = list(unspoken.of_optimizer(config, known))
        decays = ["Core ML has no weight decay; the device learns without it"]
        assert said == (decays if name in ("AdamW", "Muon") else []), name


def compiled(
    *layers, optimizer="sgd", loss="categorical_crossentropy", weights=None, asked=None, **options
):
    """Return a model, how it was compiled, and a recipe with the `options`."""
    model = sequential((5,), *layers or (L.Dense(3, name="dense"), L.Softmax()))
    model.compile(optimizer, loss, loss_weights=weights)
    options |= {"model": "m.h5", "verify": False, **(asked or {})}
    return model, compile_settings_of(model), Recipe(**options)


def notes(*layers, **options):
    return tuple(dict.fromkeys(prepare(*compiled(*layers, **options)).notes))


C = keras.losses.CategoricalCrossentropy
SETTINGS = {
    "sum": ({"loss": C(reduction="sum")}, "no reduction of the loss to a sum"),
    "no reduction": ({"loss": C(reduction=None)}, "no reduction of the loss to a sum"),
    "ignored class": (
        {"loss": keras.losses.SparseCategoricalCrossentropy(ignore_class=0)},
        "no class that the loss ignores",
    ),
    "smoothing": ({"loss": C(label_smoothing=0.2)}, "no label smoothing"),
    "loss weights": ({"weights": [0.5]}, "no loss weights"),
    "amsgrad": ({"optimizer": K.Adam(amsgrad=True)}, "no AMSGrad"),
    "decay of SGD": ({"optimizer": K.SGD(weight_decay=0.1)}, "no weight decay"),
    "adamw by name": ({"optimizer": "adamw"}, "no weight decay"),
    "by value": ({"optimizer": K.SGD(clipvalue=1.0)}, "no gradient clipping by value"),
    "by norm": ({"optimizer": K.RMSprop(clipnorm=1.0)}, "no gradient clipping by norm"),
    "globally": ({"optimizer": K.Adam(global_clipnorm=1.0)}, "no gradient clipping by global"),
    "averages": ({"optimizer": K.Adam(use_ema=True)}, "no averaging of weights"),
    "accumulation": (
        {"optimizer": K.Adam(gradient_accumulation_steps=4)}, "no gradient accumulation",
    ),
    "nesterov": ({"optimizer": K.SGD(momentum=0.9, nesterov=True)}, "no Nesterov momentum"),
    "loss scaling": ({"optimizer": K.LossScaleOptimizer(K.Adam())}, "no loss scaling"),
    "several": (
        {"optimizer": K.MultiOptimizer(K.OptimizerMap(K.SGD(0.3), {"a.*": K.Adam(0.2)}))},
        "no several optimizers",
    ),
    "own numbers": (
        {"optimizer": K.RMSprop(0.01, rho=0.8, centered=True)},
        "no RMSprop (rho 0.8, centered True)",
    ),
    "another loss": (
        {"loss": keras.losses.CategoricalFocalCrossentropy(gamma=3),
         "asked": {"loss": "categorical_crossentropy"}},
        "compiled with the loss categorical_focal_crossentropy",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_what_differs_is_said_once(name):
    options, words = SETTINGS[name]
    found = notes(**options)
    assert sum(words in note for note in found) == 1, found


def test_what_does_not_differ_is_not_said():
    quiet = (
        {},
        {"optimizer": "adam", "loss": "sparse_categorical_crossentropy"},
        {"optimizer": K.SGD(nesterov=True)},  # without momentum
        {"optimizer": K.Adam(ema_momentum=0.5, loss_scale_factor=8.0)},
        {"loss": C(axis=-1, reduction="mean"), "weights": [1.0]},
        {"loss": C(axis=1)},
    )
    for settings in quiet:
        assert notes(**settings) == ()


def dropped(*layers):
    return (*layers, L.Dense(3, activation="softmax"))


LAYERS = {
    "noise": (dropped(L.GaussianNoise(0.1, name="drop")), "dropout and noise (drop)"),
    "alpha": (dropped(L.AlphaDropout(0.1, name="drop")), "without dropout (drop)"),
    "gaussian": (dropped(L.GaussianDropout(0.1, name="drop")), "without dropout (drop)"),
    "activity of its own layer": (
        dropped(L.Dense(4), L.ActivityRegularization(l2=0.1, name="penalty")),
        "no activity regularizer; 'penalty'",
    ),
    "bias": ((L.Dense(3, bias_regularizer="l1", name="d"), L.Softmax()), "no bias regularizer"),
    "constraint": ((L.Dense(3, kernel_constraint="max_norm"), L.Softmax()), "kernel constraint"),
    "depthwise": (
        (L.Reshape((1, 5, 1)),
         L.DepthwiseConv2D(1, depth_multiplier=2, depthwise_regularizer="l2", name="d"),
         L.Flatten(), L.Dense(3, activation="softmax")),
        "no depthwise regularizer; 'd'",
    ),
    "statistics": (
        dropped(L.Dense(4), L.ReLU(), L.BatchNormalization(name="norm")),
        "keeps the statistics of batch normalization (norm)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_what_layers_do_only_in_training_is_said_once(name):
    layers, words = LAYERS[name]
    found = notes(*layers, layers=("*",))
    assert sum(words in note for note in found) == 1, found


def test_layers_that_do_nothing_in_training_say_nothing():
    layers = dropped(
        L.Dropout(0.0),
        L.GaussianNoise(0.0),
        L.Dense(4, kernel_regularizer=keras.regularizers.L2(0.0)),
    )
    assert notes(*layers, layers=("*",)) == ()


def test_penalties_on_layers_that_do_not_learn_say_nothing():
    below = L.Dense(4, kernel_regularizer="l2", kernel_constraint="non_neg", name="below")
    assert notes(below, L.Dense(3, activation="softmax", name="top"), layers=("top",)) == ()


def test_an_output_of_several_is_trained_alone():
    settings = compile_settings({"loss": {"a": "mse", "b": "mae"}, "optimizer": "sgd"}, ["a", "b"])
    assert list(unspoken.of_loss(settings, "a", "mean_squared_error")) == [
        "Core ML has one loss: the device learns by 'a' alone, not 'b'"
    ]


def test_of_an_output_without_a_loss_only_the_others_are_told():
    settings = compile_settings({"loss": {"b": "mse"}, "optimizer": "sgd"}, ["a", "b"])
    assert list(unspoken.of_loss(settings, "a", "mean_squared_error")) == [
        "Core ML has one loss: the device learns by 'a' alone, not 'b'"
    ]
    assert not list(unspoken.of_loss(CompileSettings(), "a", "mean_squared_error"))
    assert not list(unspoken.of_loss(settings, "b", "mean_squared_error"))


@pytest.mark.parametrize(
    ("weights", "is_told"),
    [(1, False), (1.0, False), (0.5, True), (2, True), ({"a": 1}, False), ({"a": 0.5}, True),
     ({"b": 0.5}, False), ({"a": 1, "b": 2}, False)],
)  # fmt: skip
def test_a_weight_of_one_changes_nothing(weights, is_told):
    settings = CompileSettings(others={"loss_weights": weights})
    assert list(unspoken.of_compile(settings, "a")) == [unspoken.lacking("loss weights")] * is_told


def test_wrappers_of_others_are_named():
    inner = {"class_name": "SGD", "config": {"lr": 0.1}}
    stored = {"class_name": "Addons>Lookahead", "config": {"optimizer": inner, "sync_period": 6}}
    settings = compile_settings({"loss": "mse", "optimizer_config": stored}, ["y"])
    assert (settings.optimizer, settings.optimizer_config) == ("SGD", {"learning_rate": 0.1})
    assert any("Addons>Lookahead" in note for note in unspoken.of_compile(settings, "y"))


def test_arguments_that_nobody_knows_are_named():
    """A later Keras may take more than today's."""
    idle = {"hindsight": None, "blindfold": False, "crutch": 0, "glasses": [], "map": {}}
    for value in (3.0, True, 1, "far", [0]):
        known = list(unspoken.of_optimizer({"foresight": value, **idle}, True))
        assert known == [unspoken.lacking("'foresight' of the optimizer")]
    settings = CompileSettings(loss="mean_squared_error", loss_config={"foresight": 3.0})
    assert any("'foresight'" in n for n in unspoken.of_loss(settings, "y", "mean_squared_error"))


OLD = {
    "1.2.2 decay": ("SGD", {"lr": 0.1, "momentum": 0.0, "decay": 1e-6, "nesterov": False},
                    ["learning-rate decay"]),
    "2.2.4 Adam": ("Adam", {"lr": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": None,
                            "decay": 0.0, "amsgrad": True}, ["AMSGrad"]),
    "2.6 clip": ("SGD", {"learning_rate": 0.1, "momentum": 0.0, "decay": 0.0, "nesterov": False,
                         "clipvalue": 0.5}, ["gradient clipping by value"]),
    "2.11 jit": ("Adam", {"learning_rate": 0.1, "jit_compile": True, "is_legacy_optimizer": False,
                          "use_ema": False, "ema_momentum": 0.99}, []),
    "off": ("Adam", {"lr": 0.1, "clipnorm": 0.0, "decay": 0.0}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", OLD)
def test_settings_of_earlier_versions(name):
    _, config, lacks = OLD[name]
    assert list(unspoken.of_optimizer(config, True)) == [unspoken.lacking(what) for what in lacks]


RATES = {
    "RMSprop": (lambda: K.RMSprop(1e-5), 1e-5, "at the same rate, 1e-05"),
    "Adagrad": (lambda: K.Adagrad(0.02), 0.02, "at the same rate, 0.02"),
    "Adadelta": (lambda: K.Adadelta(1.0), 1.0, "Adadelta is a factor on steps of its own size"),
    "Adamax": (lambda: K.Adamax(0.003), 0.003, "no Adamax; the device learns with Adam"),
    "Nadam": (lambda: K.Nadam(0.003), 0.003, "no Nadam; the device learns with Adam"),
    "Ftrl": (lambda: K.Ftrl(0.003), 0.003, "Ftrl is one that falls"),
    "Lion": (lambda: K.Lion(1e-4), 1e-4, "Lion is usually 3 to 10 times smaller"),
    "Lamb": (lambda: K.Lamb(0.01), 0.01, "Lamb is relative to the size of the weights"),
    "Adafactor": (lambda: K.Adafactor(0.01), 0.01, "Adafactor is relative to the size"),
    "Muon": (lambda: K.Muon(0.02), 0.02, "Muon is the size of a step of a whole matrix"),
    "AdamW": (lambda: K.AdamW(1e-4), 1e-4, "no weight decay"),
    "scaled": (lambda: K.LossScaleOptimizer(K.RMSprop(1e-5)), 1e-5, "at the same rate, 1e-05"),
    "exponential": (
        lambda: K.RMSprop(S.ExponentialDecay(0.3, 10, 0.9)), 0.3, "its first value, 0.3, is kept",
    ),
    "cosine": (lambda: K.Adam(S.CosineDecay(0.02, 10)), 0.02, "its first value, 0.02, is kept"),
    "restarts": (lambda: K.Adam(S.CosineDecayRestarts(0.02, 9)), 0.02, "first value, 0.02, is"),
    "inverse time": (lambda: K.SGD(S.InverseTimeDecay(0.2, 9, 1)), 0.2, "first value, 0.2, is"),
    "pieces": (
        lambda: K.SGD(S.PiecewiseConstantDecay([5], [0.2, 0.1])), 0.2, "its first value, 0.2, is",
    ),
    "polynomial": (lambda: K.SGD(S.PolynomialDecay(0.2, 9)), 0.2, "its first value, 0.2, is kept"),
    "warm-up": (
        lambda: K.SGD(S.CosineDecay(0.0, 100, warmup_target=0.3, warmup_steps=10)), 0.3,
        "the rate that its warm-up reaches, 0.3, is kept",
    ),
    "warm-up by pieces": (
        lambda: K.SGD(S.PiecewiseConstantDecay([5, 9], [0.0, 0.1, 0.01])), 0.1,
        "its first value above 0, 0.1, is kept",
    ),
    "warm-up by a line": (
        lambda: K.SGD(S.PolynomialDecay(0.0, 10, end_learning_rate=0.1)), 0.1,
        "the rate that it rises to, 0.1, is kept",
    ),
    "a function": (lambda: K.SGD(lambda: 0.1), 0.01, "how this one starts is not known"),
}  # fmt: skip


def rate(spec):
    optimizer = spec.neuralNetwork.updateParams.optimizer
    return getattr(optimizer, optimizer.WhichOneof("OptimizerType")).learningRate.defaultValue


@pytest.mark.parametrize("name", RATES)
def test_the_rate_of_any_optimizer_is_kept_and_said(name):
    made_by, expected, words = RATES[name]
    _, settings, recipe = compiled(optimizer=made_by())
    plan = training(recipe, settings)
    assert plan.numbers["learning_rate"].default == pytest.approx(expected)
    assert any(words in note for note in plan.notes), plan.notes


def test_a_rate_asked_for_is_the_one_that_is_named(tmp_path):
    for optimizer in (K.RMSprop(1e-5), K.SGD(S.ExponentialDecay(0.3, 10, 0.9))):
        spec, report = convert(small_cnn(optimizer=optimizer), tmp_path, learning_rate=0.02)
        assert rate(spec) == 0.02
        assert any("the chosen rate, 0.02" in note for note in report.notes)
        assert not any("kept" in note or "same" in note for note in report.notes)


def test_another_optimizer_asked_for_keeps_the_rate(tmp_path):
    spec, report = convert(small_cnn(optimizer=K.Adam(0.002)), tmp_path, optimizer="sgd")
    assert rate(spec) == pytest.approx(0.002)
    expected = "the model was compiled with Adam; the device learns with SGD, at the same rate"
    assert any(expected in note for note in report.notes)


class Rising(S.LearningRateSchedule):
    """A warm-up of one's own."""

    def __init__(self, peak_lr):
        self.peak_lr = peak_lr

    def __call__(self, step):
        return self.peak_lr * keras.ops.minimum(1.0, keras.ops.cast(step, "float32") / 10)

    def get_config(self):
        return {"peak_lr": self.peak_lr, "warmup_steps": 10}


class Silent(Rising):
    def get_config(self):
        raise NotImplementedError


def test_schedules_of_ones_own(tmp_path):
    spec, report = convert(small_cnn(optimizer=K.SGD(Rising(0.4))), tmp_path)
    assert rate(spec) == pytest.approx(0.4)
    assert any("(Rising); the rate that its warm-up reaches, 0.4" in n for n in report.notes)
    spec, report = convert(small_cnn(optimizer=K.SGD(Silent(0.4))), tmp_path)
    assert rate(spec) == pytest.approx(0.01)
    assert any("(Silent), and how this one starts is not known" in n for n in report.notes)
