"""Exports of Teachable Machine and models of TensorFlow.js, converted as they are."""

import pytest
import yaml

from converter.api import convert
from converter.cli import run
from converter.conversion.inspection import inspect
from converter.conversion.metadata import recipe_of
from converter.conversion.source import load_source
from converter.conversion.story import convert_file
from converter.coreml import mlmodel
from converter.coreml.features import labels as labels_of
from converter.errors import UsageError
from converter.recipe import Recipe
from converter.recipe.reading import read
from tests import exports
from tests.keras_file.browser import PLACE, QUANTIZED

pytestmark = pytest.mark.slow

SAID = {
    "image": "rgb",
    "scale": 1 / 127.5,
    "bias": (-1.0,),
    "classes": exports.CLASSES,
    "layers": exports.HEAD,
}
"""What each export states, by the settings of a recipe."""


def settings(recipe):
    return {key: getattr(recipe, key) for key in SAID}


@pytest.mark.parametrize("form", ["keras zip", "saved model zip", "tensorflow.js zip"])
def test_an_export_becomes_a_classifier_of_pictures_that_learns_its_head(form, tmp_path):
    target = tmp_path / "m.mlmodel"
    export = exports.EVERY[form](tmp_path)
    report = convert_file(Recipe(model=export, output_path=target, verify_update=True))
    assert report.parity <= 1e-5
    assert report.labels == exports.CLASSES
    assert report.learning == ", ".join(exports.HEAD)
    assert str(report.pixels) == "0.00784314 × pixel - 1"
    (told,) = [note for note in report.notes if note.startswith("stated by the export")]
    assert told.endswith(
        "image rgb; scale 0.00784313725; bias -1; classes Kätzchen, Class 2; layers dense_1, "
        "dense_2"
    )
    assert any("2 update steps equal Keras's" in note for note in report.notes)
    spec = mlmodel.read(target)
    (picture,) = spec.description.input
    assert (picture.type.imageType.width, picture.type.imageType.height) == (16, 16)
    assert settings(recipe_of(spec)) == SAID
    assert tuple(labels_of(spec)) == exports.CLASSES


@pytest.mark.parametrize("name", [*QUANTIZED, "float32"])
def test_a_model_of_tensorflow_js_predicts_and_learns_as_keras_does(name, tmp_path):
    source = PLACE / f"{name}.zip"
    target = tmp_path / "m.mlmodel"
    report = convert_file(Recipe(model=source, output_path=target, verify_update=True))
    assert report.parity <= 1e-5
    assert any("2 update steps equal Keras's" in note for note in report.notes)
    assert not report.labels


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({}, SAID),
        ({"image": "bgr"}, SAID | {"image": "bgr"}),
        ({"scale": 1 / 255}, SAID | {"scale": 1 / 255, "bias": None}),
        ({"bias": (0.5,)}, SAID | {"scale": None, "bias": (0.5,)}),
        ({"classes": ("a", "b")}, SAID | {"classes": ("a", "b")}),
        ({"layers": ("dense_2",)}, SAID | {"layers": ("dense_2",)}),
        ({"classes": ("a", "b", "c"), "new_head": "zeros"},
         SAID | {"classes": ("a", "b", "c"), "layers": ()}),
        ({"knn": True}, SAID | {"classes": None, "layers": ()}),
    ],
)  # fmt: skip
def test_what_is_given_wins(given, taken):
    source = load_source(Recipe(model=exports.TENSORFLOW_JS, **given))
    assert settings(source.recipe) == settings(source.left) == taken


def test_a_recipe_that_says_all_leaves_nothing_to_state():
    source = load_source(Recipe(model=exports.TENSORFLOW_JS, **SAID))
    assert source.recipe == Recipe(model=exports.TENSORFLOW_JS, **SAID)
    assert source.notes == ()


WRONG = {
    "too few": ("0 a\n", "names 1 classes, but the model gives 2"),
    "too many": ("0 a\n1 b\n2 c", "names 3 classes, but the model gives 2"),
    "one twice": ("0 a\n1 a", "names the class 'a' twice, which no app can tell apart"),
    "none": ("", "is empty"),
}


@pytest.mark.parametrize("name", WRONG)
def test_labels_that_do_not_fit_are_refused_unless_others_are_given(name, tmp_path):
    labels, message = WRONG[name]
    export = exports.keras_zip(tmp_path, labels)
    with pytest.raises(UsageError, match="name the classes: --classes a,b") as caught:
        load_source(Recipe(model=export))
    assert str(caught.value).startswith(f"{export}: its labels.txt {message}")
    given = Recipe(model=export, classes=("x", "y"))
    assert settings(load_source(given).recipe) == SAID | {"classes": ("x", "y")}


def test_a_hint_is_given_only_to_who_names_no_classes(tmp_path):
    file = exports.keras_folder(tmp_path) / "keras_model.h5"
    (hint,) = load_source(Recipe(model=file)).notes
    assert hint.startswith("labels.txt lies beside the model, and is not read")
    source = load_source(Recipe(model=file, classes=("x", "y")))
    assert source.notes == ()
    assert settings(source.recipe) == dict.fromkeys(SAID) | {"classes": ("x", "y"), "layers": ()}


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """An empty folder that is the working one, beside the one that `tmp_path` is."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("form", ["keras zip", "saved model zip", "tensorflow.js folder"])
def test_recipe_init_says_all_that_an_export_states(form, tmp_path, empty):
    export = exports.EVERY[form](tmp_path)
    assert run(["recipe", "init", str(export), "-o", "recipe.yaml"]) == 0
    written = yaml.safe_load((empty / "recipe.yaml").read_text(encoding="utf-8"))
    assert {key: written[key] for key in SAID} == {
        "image": "rgb",
        "scale": 1 / 127.5,
        "bias": [-1.0],
        "classes": ["Kätzchen", "Class 2"],
        "layers": ["dense_1", "dense_2"],
    }
    source = load_source(read(empty / "recipe.yaml"))
    assert settings(source.recipe) == SAID
    assert source.notes == ()


def test_the_command_takes_an_export_as_it_is(tmp_path, empty, capfd):
    export = exports.keras_zip(tmp_path)
    assert run([str(export)]) == 0
    assert "classes Kätzchen, Class 2" in " ".join(capfd.readouterr().out.split())
    made = "converted_kerasUpdatable.mlmodel"
    assert [path.name for path in empty.iterdir()] == [made]
    assert run(["verify", made, "--against", str(export), "--steps", "1"]) == 0


def test_bad_input_is_one_line_and_writes_nothing(tmp_path, empty, capfd):
    damaged = exports.with_metadata(tmp_path / "js")
    (damaged / "weights.bin").unlink()
    few = exports.keras_zip(tmp_path, "0 a")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    for export, code in ((damaged, 1), (few, 2)):
        assert run([str(export)]) == code
        out, err = capfd.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert str(export) in err
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_nothing_is_written_into_a_folder_that_is_read(tmp_path, monkeypatch, capfd):
    folder = exports.with_metadata(tmp_path / "js")
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    assert run(["."]) == 1
    assert "lies inside the input model" in capfd.readouterr().err
    assert sorted(folder.iterdir()) == before


def test_inspect_tells_of_labels_that_do_not_fit(tmp_path):
    found = inspect(Recipe(model=exports.keras_zip(tmp_path, "0 a")))
    assert {key: found.stated.get(key) for key in SAID} == SAID | {"classes": None}
    assert "names 1 classes, but the model gives 2" in found.notes[-1]


def test_python_takes_exports():
    model = convert(str(exports.TENSORFLOW_JS))
    assert model.report.labels == exports.CLASSES
    assert recipe_of(model.spec).classes == exports.CLASSES
    assert model.verify(steps=1).passed()


def test_a_pose_is_read_as_a_plain_model_with_labels(tmp_path):
    folder = exports.with_metadata(tmp_path / "js", packageName="@teachablemachine/pose")
    report = convert_file(Recipe(model=folder, output_path=tmp_path / "m.mlmodel"))
    assert report.labels == exports.CLASSES
    assert "image" not in report.inputs[0].type
    assert "which the app has to make" in " ".join(report.notes)
