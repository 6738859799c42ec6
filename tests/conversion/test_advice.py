"""No message advises what cannot work: every one that names a flag is provoked and followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converter.backend.tensorflow import keras, tf
from converter.conversion.inspection import inspect
from converter.conversion.story import convert_file
from converter.errors import MakeUpdatableError
from converter.lower.weighted import Weighted
from converter.recipe import Recipe
from tests.advice import messages
from tests.converting import convert, small_cnn
from tests.lower.oracle import randomized, sequential
from tests.paths import ZOO

L = keras.layers


def dense(optimizer="adam", shape=(5,)):
    model = sequential(shape, L.Dense(4, activation="relu"), L.Dense(3), L.Softmax())
    model.compile(optimizer, "categorical_crossentropy")
    return model


def picture(channels=3):
    shape = (6, 5, channels)
    model = sequential(shape, L.Conv2D(2, 3), L.Flatten(), L.Dense(3), L.Softmax())
    model.compile("adam", "categorical_crossentropy")
    return model


def scaling():
    layers = L.Rescaling(1 / 255), L.Conv2D(2, 3), L.Flatten(), L.Dense(3), L.Softmax()
    model = sequential((6, 5, 3), *layers)
    model.compile("adam", "categorical_crossentropy")
    return model


def open_size():
    pooled = L.GlobalAveragePooling2D(), L.Dense(3), L.Softmax()
    model = sequential((None, None, 3), L.Conv2D(2, 3), *pooled)
    model.compile("adam", "categorical_crossentropy")
    return model


def two_outputs():
    x = keras.Input((5,))
    heads = [L.Dense(3, activation="softmax", name=name)(x) for name in "ab"]
    model = randomized(keras.Model(x, heads))
    model.compile("adam", ["categorical_crossentropy"] * 2)
    return model


def two_inputs():
    inputs = [keras.Input((5,), name=name) for name in "ab"]
    model = randomized(keras.Model(inputs, L.Dense(3, activation="softmax")(L.Add()(inputs))))
    model.compile("adam", "categorical_crossentropy")
    return model


class Eager(L.Layer):
    """Fails where a graph is not traced, such as in a comparison."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def call(self, x):
        if tf.executing_eagerly():
            raise self.error
        return x


def failing(error):
    model = sequential((5,), Eager(error), L.Dense(3), L.Softmax())
    model.compile("adam", "categorical_crossentropy")
    return model


def behind_leaky():
    model = sequential(
        (5,), L.Dense(4, name="far"), L.LeakyReLU(), L.Dense(4, activation="relu", name="near"),
        L.Dense(3, name="last"), L.Softmax(),
    )  # fmt: skip
    model.compile("adam", "categorical_crossentropy")
    return model


def behind_head():
    model = sequential(
        (5,), L.Dense(4, activation="relu", name="below"), L.Dense(3, name="head"), L.Softmax()
    )  # fmt: skip
    model.compile("adam", "categorical_crossentropy")
    return model


def below(factor):
    """The weights of the layer below the head are so large, or nothing at all."""
    model = behind_head()
    layer = model.get_layer("below")
    layer.set_weights([factor * values for values in layer.get_weights()])
    return model


def normalized():
    model = sequential((5,), L.BatchNormalization(), L.Dense(3, name="head"), L.Softmax())
    model.compile("adam", "categorical_crossentropy")
    return model


def pooled():
    layers = L.Conv2D(2, 3, name="conv"), L.GlobalAveragePooling2D(name="pool"), L.Softmax()
    return sequential((6, 5, 3), *layers)


def features():
    layers = L.Conv2D(2, 3, name="conv"), L.Flatten(name="flat"), L.Dense(4, name="below")
    return sequential((6, 5, 3), *layers, L.Dense(3, name="head"), L.Softmax())


def one_layer():
    return sequential((5,), L.Dense(3, name="head"), L.Softmax())


def linear():
    return sequential((5,), L.Dense(4, activation="relu"), L.Dense(3))


def values():
    model = linear()
    model.compile("adam", "mean_squared_error")
    return model


SGD = keras.optimizers.SGD
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """A message, how to provoke it, and what following it means.

    Attributes:
        source: the file that says it, and the flags in it.
        words: a part of the message.
        model: makes a live model, or a file of `ZOO`.
        given: the options with which it is said.
        advised: the options of each way to follow it; those in `given` that it does not name stay.
    """

    source: tuple[str, str]
    words: str
    model: Callable[[], Any] | str
    given: Options
    advised: Sequence[Options]


NUMBER, LAMBDA = 0.00392156863, "keras315_lambda.keras"
OPEN = {"input_shape": (18, 20, 3)}
ARCHITECTURE = "forms/keras315_apart.json"
WEIGHTS = ZOO / "forms" / "keras315_apart.weights.h5"
INTERFACE, SETTINGS = "conversion/interface.py", "learning/settings.py"
NEW_CLASSES = "conversion/new_classes.py"
QUANTIZED, CUT, KNN = "coreml/quantization.py", "learning/cut.py", "neighbors/cut.py"
CASES = [
    Case((INTERFACE, "--scale --bias"), "add --image rgb or bgr", picture,
         {"scale": 0.5}, [{"image": "rgb"}, {"image": "bgr"}]),
    Case((INTERFACE, "--scale --bias"), "add --image gray", lambda: picture(1),
         {"bias": (1.0,)}, [{"image": "gray"}]),
    Case((INTERFACE, "--scale --bias"), "inputs; leave them out", dense,
         {"scale": 0.5, "bias": (1.0,)}, [{"scale": None, "bias": None}]),
    Case((INTERFACE, "--scale --bias"), "inputs; leave them out", two_inputs,
         {"scale": 0.5}, [{"scale": None}]),
    Case((INTERFACE, "--image"), "needs one input of 1 channel(s), but", picture,
         {"image": "gray"}, [{"image": "rgb"}, {"image": "bgr"}, {"image": None}]),
    Case((INTERFACE, "--image"), "is for models with one input, and this one has 2", two_inputs,
         {"image": "rgb"}, [{"image": None}]),
    Case((INTERFACE, "--bias"), "has 2 numbers for 3 channel(s)", picture,
         {"image": "rgb", "bias": (1.0, 2.0)}, [{"bias": (1.0, 2.0, 3.0)}]),
    Case((INTERFACE, "--input-name"), "is for models with one input", two_inputs,
         {"input_name": "x"}, [{"input_name": None}]),
    Case((INTERFACE, ""), "2 class labels for 3 outputs", dense,
         {"classes": ("a", "b")}, [{"classes": ("a", "b", "c")}]),
    Case(("conversion/scaling.py", "--image"), "leave --scale and --bias out", scaling,
         {"image": "rgb", "scale": 1 / 255, "bias": (0.1,)}, [
             {"scale": None, "bias": None}, {"image": None, "scale": None, "bias": None},
         ]),
    Case(("conversion/traced.py", "--output"), "(a, b); choose one with --output", two_outputs,
         {}, [{"output": "a"}, {"output": "b"}]),
    Case((SETTINGS, "--"), "choose another with --learning-rate", lambda: dense(SGD(0.0)),
         {}, [{"learning_rate": 0.1}]),
    Case((SETTINGS, "--"), "choose another with --momentum",
         lambda: dense(SGD(0.1, momentum=1.0)), {}, [{"momentum": 0.5}]),
    Case((SETTINGS, ""), "momentum is not a parameter of the optimizer adam", dense,
         {"momentum": 0.5}, [{"momentum": None}, {"optimizer": "sgd"}]),
    Case(("trace/tracing.py", "--input-shape"), "open (?,?,3); give them: --input-shape 224,224,3",
         open_size, {}, [{"input_shape": (224, 224, 3)}, {"input_shape": (9, 8, 3)}]),
    Case(("trace/tracing.py", "--input-shape"), "does not fit the model's (?,?,3)", open_size,
         {"input_shape": (9, 8, 1)}, [{"input_shape": (9, 8, 3)}]),
    Case(("proof/keras_model.py", "--no-verify"), "only supports NHWC", lambda: failing(
         tf.errors.UnimplementedError(None, None, "{{node n}} The op only supports NHWC")),
         {}, [{"verify": False}]),
    Case(("proof/keras_model.py", "--no-verify"), "convert with --no-verify", lambda: failing(
         TypeError("no")), {}, [{"verify": False}]),
    Case(("learning/choice.py", ""), "layers that can be chosen: near, last", behind_leaky,
         {"layers": ("far",)}, [{"layers": ("near",)}, {"layers": ("last",)},
                                {"layers": ("near", "last")}]),
    Case(("learning/choice.py", ""), "did you mean near?", behind_leaky,
         {"layers": ("neer",)}, [{"layers": ("near",)}]),
    Case((NEW_CLASSES, "--new-head"), "one class leaves nothing to tell apart; name two", dense,
         {"new_head": "glorot", "classes": ("a",)}, [{"classes": ("a", "b")}]),
    Case((NEW_CLASSES, "--spare-classes"), "give 3, or 5 to name the spare ones, too", dense,
         {"spare_classes": 2, "classes": ("a", "b")}, [
             {"classes": ("a", "b", "c")}, {"classes": ("a", "b", "c", "d", "e")},
         ]),
    Case((NEW_CLASSES, "--classes"), "is taken; name the 1 spare ones in --classes, too", dense,
         {"spare_classes": 1, "classes": ("a", "b", "spare-1")}, [
             {"classes": ("a", "b", "spare-1", "c")},
         ]),
    Case((NEW_CLASSES, "--layers"), "in 'head', which is not among", behind_head,
         {"new_head": "glorot", "classes": ("a", "b"), "layers": ("below",)}, [
             {"layers": ("below", "head")}, {"layers": ("head",)},
         ]),
    Case(("learning/new_classes.py", "--loss"), "all the same, add --loss categorical", values,
         {"new_head": "glorot", "classes": ("a", "b")}, [{"loss": "categorical_crossentropy"}]),
    Case(("learning/new_classes.py", "--loss"), "if it tells classes, say so: --loss categ", linear,
         {"new_head": "glorot", "classes": ("a", "b")}, [{"loss": "categorical_crossentropy"}]),
    Case(("learning/new_classes.py", "--loss"), "if they are, say so: --loss categorical", linear,
         {"spare_classes": 1, "classes": ("a", "b", "c")}, [{"loss": "categorical_crossentropy"}]),
    Case((QUANTIZED, "--frozen-weights"), "use --frozen-weights float32", lambda: below(1e7),
         {"frozen_weights": "float16", "layers": ("head",)}, [{"frozen_weights": "float32"}]),
    Case((QUANTIZED, "--frozen-weights"), "or use --frozen-weights float16", lambda: below(0),
         {"frozen_weights": "int8", "layers": ("head",)}, [{"frozen_weights": "float16"}]),
    Case((CUT, "--layout --frozen-weights --layers"), "nothing to cut off", behind_head,
         {"layout": "pipeline"}, [{"layout": "auto"}, {"layers": ("head",)}]),
    Case((CUT, "--layout --frozen-weights --layers"), "nothing to cut off", behind_head,
         {"frozen_weights": "int8"}, [{"frozen_weights": "float32"}, {"layers": ("head",)}]),
    Case((CUT, "--frozen-weights"), "can be stored in int8; leave out", normalized,
         {"frozen_weights": "int8"}, [{"frozen_weights": "float32"}]),
    Case((KNN, "--knn"), "by vectors; name a layer that gives one", features,
         {"knn": "conv"}, [{"knn": "flat"}, {"knn": "below"}]),
    Case((KNN, "--knn"), "no layer is called 'flt' (did you mean flat?)", features,
         {"knn": "flt"}, [{"knn": "flat"}]),
    Case((KNN, "--knn"), "does not end in a dense layer", pooled, {"knn": True}, [{"knn": "pool"}]),
    Case((KNN, "--knn"), "would be the input itself", one_layer, {"knn": True}, [{"knn": "head"}]),
    Case(("keras_file/storage.py", "--weights"), "name the file that has them with --weights",
         ARCHITECTURE, {}, [{"weights": WEIGHTS}]),
    Case(("keras_file/storage.py", "--weights"), "give it as the model, and with --weights the",
         ARCHITECTURE, {"weights": ZOO / ARCHITECTURE}, [{"weights": WEIGHTS}]),
    Case(("keras_file/storage.py", "--weights"), "is the model itself", "tf215_hdf5.h5",
         {"weights": ZOO / "tf215_hdf5.h5"}, [{"weights": None}]),
    Case(("keras_file/inputs.py", "--input-shape"), "open (?,?,3); give them: --input-shape 224",
         "tf24_any_size.h5", {}, [{"input_shape": (224, 224, 3)}, OPEN]),
    Case(("keras_file/inputs.py", "--input-shape"), "shape 12,12,1, which --input-shape 8,8,1",
         "tf215_hdf5.h5", {"input_shape": (8, 8, 1)}, [{"input_shape": None}]),
    Case(("keras_file/stored_code.py", "--scale --bias --allow-unsafe"), "say how with --scale and",
         LAMBDA, {}, [{"scale": NUMBER, "bias": (-0.5,)}, {"scale": NUMBER}, {"bias": (-0.5,)}]),
]  # fmt: skip
"""Every advice about a conversion; more than one case for a message that depends on the model."""

ELSEWHERE = {
    ("cli/advice_table.py", "--layers"): "what inspect --advise advises: test_costs.py",
    ("cli/advice_table.py", "--layout --frozen-weights"): "names the forms: test_costs.py",
    ("cli/batch.py", "--jobs"): "memory that ran out is not provoked here",
    ("cli/convert.py", "--new-head"): "reads a flag",
    ("cli/convert_recipes.py", "--report"): "of convert: tests/cli/test_report.py",
    ("cli/convert_recipes.py", "--on-device --dry-run"): "of a dry run: tests/cli/test_dry_run.py",
    ("cli/convert_options.py", "--"): "reads a flag",
    ("cli/convert_report.py", "--no-verify"): "says what was asked for",
    ("cli/data_options.py", "--batch-size"): "of predict and evaluate: tests/cli/test_train.py",
    ("cli/data_options.py", "--layout"): "is the option itself",
    ("cli/evaluate.py", "--data"): "names an input",
    ("cli/extract.py", "--into"): "names an input",
    ("cli/extract.py", "--weights"): "names an input",
    ("cli/failure.py", "--on-device"): "says when a code is the exit code",
    ("cli/parameters.py", "--quiet"): "is the option itself",
    ("cli/parameters.py", "--verbose"): "is the option itself",
    ("cli/failure.py", "--help"): "every command has it",
    ("cli/inspect.py", "--"): "names flags without effect",
    ("cli/inspect.py", "--weights"): "names an input",
    ("cli/inspect.py", "--layers"): "any layer that inspect calls updatable",
    ("cli/predict.py", "--data"): "names an input",
    ("cli/report.py", "--report"): "names an output",
    ("cli/groups.py", "--help"): "every command has it",
    ("cli/study_run.py", "--"): "names flags, inputs and outputs",
    ("cli/study_run.py", "--plot"): "names what asks for matplotlib",
    ("cli/study_run.py", "--scheduler-file"): "names an input",
    ("cli/study_run.py", "--shift"): "names a flag",
    ("cli/study_run.py", "--users --simulate"): "of study: tests/cli/test_study.py",
    ("cli/train_files.py", "--"): "names inputs and outputs",
    ("cli/train_options.py", "--"): "reads a flag",
    ("cli/train_files.py", "--plot"): "names what asks for matplotlib",
    ("cli/train_files.py", "--arithmetic"): "names an input",
    ("cli/train.py", "--hold-out"): "of train: tests/cli",
    ("cli/validate.py", "--list-rules"): "of validate: tests/validation",
    ("cli/verify.py", "--against --on-device"): "of verify: tests/cli",
    ("cli/verify.py", "--against"): "names an input",
    ("cli/verify.py", "--calibrate"): "of verify: tests/device/test_measuring.py",
    ("cli/verify.py", "--data"): "names an input",
    ("cli/verify.py", "--weights"): "names an input",
    ("cli/weights.py", "--into"): "names an input",
    ("cli/weights_average.py", "--history"): "of weights: tests/weights",
    ("cli/weights_average.py", "--samples-from"): "of weights: tests/weights",
    ("conversion/inspection.py", "--output"): "test_inspect_follows_its_own_advice",
    ("conversion/scaling.py", "--"): "the flags that the other message there begins with",
    ("conversion/stated.py", "--classes"): "of an export: test_stated.py",
    ("coreml/subject.py", "--input-shape"): "of a .mlmodel that another tool wrote",
    ("data/layout.py", "--layout"): "of data: tests/data",
    ("data/layout.py", "--scale"): "of data: tests/conversion/test_scaling.py",
    ("data/notes.py", "--scale"): "of data: tests/data",
    ("data/reading.py", "--hold-out"): "of train: tests/data",
    ("device/record.py", "--on-device --calibrate"): "of a Mac",
    ("keras_file/hdf5.py", "--weights"): "of two files: tests/conversion/test_weights_apart.py",
    ("keras_file/stored_code.py", "--allow-unsafe"): "test_code_that_is_trusted_runs",
    ("keras_file/teachable.py", "--classes"): "of an export: test_stated.py",
    ("learning/cut.py", "--input-shape"): "the trace asks for open sizes before",
    ("learning/head.py", "--loss"): "tests/learning/test_advice.py, for every end of a model",
    ("loading/__init__.py", "--weights"): "tests/loading/test_saved_graph_damaged.py",
    ("loading/__init__.py", "--signature"): "tests/loading/test_saved_graph_damaged.py",
    ("loading/saved_graph/message.py", "--signature"): "tests/loading/test_saved_graph_damaged.py",
    ("loading/saved_graph/__init__.py", "--signature"): "tests/loading/test_saved_graph.py",
    ("neighbors/filling.py", "--knn-scale"): "names a flag",
    ("neighbors/filling.py", "--layout"): "names what another command has",
    ("neighbors/filling.py", "--scale"): "names a flag",
    ("neighbors/proof.py", "--no-verify"): "of a layer that takes one sample only",
    ("page/keras_graph.py", "--layers"): "any layer that inspect calls updatable",
    ("files/paths.py", "--force"): "tests/cli/test_overwriting.py",
    ("proof/predictions.py", "--frozen-weights"): "tests/conversion/test_pipelines.py",
    ("proof/predictions.py", "--tolerance"): "test_a_higher_tolerance_accepts_a_difference",
    ("recipe/reading.py", "--"): "names a flag with a wrong value",
    ("runtime/targets.py", "--classes"): "of labels: tests/runtime/test_targets.py",
    ("studies/answer.py", "--write-recipe"): "of study: tests/studies",
    ("studies/cluster.py", "--memory-limit"): "of study: tests/studies/test_cluster.py",
    ("studies/cluster.py", "--scheduler-file"): "of study: tests/studies/test_cluster.py",
    ("studies/plots.py", "--plot"): "names what asks for matplotlib",
    ("studies/writing.py", "--write-recipe"): "of study: tests/studies",
    ("swift/package.py", "--app"): "of swift: tests/swift/test_swift_package.py",
    ("swift/package.py", "--resource"): "of swift: tests/swift/test_swift_package.py",
    ("weights/average.py", "--weights"): "of weights: tests/weights",
    ("weights/extraction.py", "--into"): "names an input",
    ("weights/extraction.py", "--weights"): "tests/conversion/test_weights_apart.py",
}
"""Messages that are tried otherwise, or advise nothing."""


def test_no_message_that_names_a_flag_is_forgotten():
    assert messages() == {case.source for case in CASES if case.source[1]} | set(ELSEWHERE)


def converted(model, folder, **options):
    """Convert a live model, or a file of `ZOO`, to a file in `folder`; return the file."""
    target = folder / "converted.mlmodel"
    target.unlink(missing_ok=True)
    if isinstance(model, str):
        convert_file(Recipe(model=ZOO / model, output_path=target, **options))
    else:
        convert(model, folder, **options)
    return target


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)
def test_what_a_message_advises_works(case, tmp_path):
    model = case.model if isinstance(case.model, str) else case.model()
    with pytest.raises(MakeUpdatableError) as caught:
        converted(model, tmp_path, **case.given)
    assert case.words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    for advised in case.advised:
        assert converted(model, tmp_path, **{**case.given, **advised}).stat().st_size


def test_a_higher_tolerance_accepts_a_difference(tmp_path, monkeypatch):
    bind = Weighted.bind

    def bind_wrongly(self):
        self.weights = self.weights * np.float32(1.01)
        return bind(self)

    monkeypatch.setattr(Weighted, "bind", bind_wrongly)
    with pytest.raises(MakeUpdatableError, match="or raise --tolerance"):
        converted(small_cnn(), tmp_path)
    assert converted(small_cnn(), tmp_path, tolerance=0.5).exists()


def test_code_that_is_trusted_runs(tmp_path):
    model = keras.Sequential([
        keras.Input((5,)), L.Dense(4, name="below"), L.Lambda(lambda x: 2 * x, name="double"),
        L.Dense(3), L.Softmax(),
    ])  # fmt: skip
    model.compile("adam", "categorical_crossentropy")
    source = tmp_path / "lambda.keras"
    model.save(source)
    recipe = Recipe(model=source, output_path=tmp_path / "m.mlmodel")
    with pytest.raises(
        MakeUpdatableError, match=r"'double' .* trust the file, pass --allow-unsafe"
    ):
        convert_file(recipe)
    assert convert_file(recipe.model_copy(update={"allow_unsafe": True})).parity <= 1e-5


def test_inspect_follows_its_own_advice(tmp_path):
    source: Path = tmp_path / "two.keras"
    two_outputs().save(source)
    recipe = Recipe(model=source)
    assert any("--output names another" in note for note in inspect(recipe).notes)
    other = inspect(recipe.model_copy(update={"output": "b"}))
    assert other.chosen == ("b",)
    assert not other.problem
