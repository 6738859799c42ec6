"""What a converted model says about itself."""

import json

import pytest

from converter.backend.tensorflow import keras
from converter.conversion.metadata import RECIPE, SHAPES_KEY, VERSIONS, recipe_of, recipe_text
from converter.coreml import mlmodel
from converter.coreml.interface import KERNELS_KEY
from converter.errors import ModelFileError, UsageError
from converter.recipe import Metadata
from tests.converting import convert
from tests.lower.oracle import sequential

L = keras.layers


def model():
    return sequential((4,), L.Dense(3, activation="softmax", name="dense"))


def test_everything_that_was_told_stands_in_the_file(tmp_path):
    metadata = Metadata(
        author="A", license="B", version="1", description="D", user_defined={"key": "text"},
        features={"input": "four numbers", "output": "three", "output_true": "one"},
    )  # fmt: skip
    spec, _ = convert(model(), tmp_path, metadata=metadata)
    written = spec.description.metadata
    assert (written.author, written.license, written.versionString) == ("A", "B", "1")
    assert written.shortDescription == "D"
    assert set(written.userDefined) == {"key", RECIPE, VERSIONS}
    assert spec.description.input[0].shortDescription == "four numbers"
    assert spec.description.trainingInput[0].shortDescription == "four numbers"
    assert spec.description.trainingInput[1].shortDescription == "one"
    assert str(tmp_path) not in recipe_text(spec, "it")
    assert recipe_of(spec).metadata == metadata


def test_a_feature_that_does_not_exist_is_refused_with_a_suggestion(tmp_path):
    with pytest.raises(UsageError, match="no feature 'ouput'; did you mean output"):
        convert(model(), tmp_path, metadata=Metadata(features={"ouput": "x"}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("carried", ["[" * 1000, "a: &a [*a]", "model: [", "no recipe", "x: 1"])
def test_what_is_no_recipe_is_taken_for_none(carried):
    spec = mlmodel.Model_pb2.Model()
    spec.description.metadata.userDefined[RECIPE] = carried
    assert recipe_of(spec) is None


def test_a_model_of_another_tool_carries_no_recipe():
    assert recipe_of(mlmodel.Model_pb2.Model()) is None
    with pytest.raises(ModelFileError, match=r"other\.mlmodel: carries no recipe"):
        recipe_text(mlmodel.Model_pb2.Model(), "other.mlmodel")


@pytest.mark.parametrize(
    ("shape", "carried"),
    [
        ((4,), None), ((5, 3), None), ((7, 1), None), ((4, 4, 3), None), ((1, 1, 3), None),
        ((1, 7), [1, 7]), ((1, 4, 3), [1, 4, 3]),
    ],
)  # fmt: skip
def test_the_shape_in_keras_is_carried_where_the_file_does_not_tell(shape, carried, tmp_path):
    """[7, 1, 1] may be a vector of 7 numbers, or one step of a signal."""
    layers = L.Flatten(), L.Dense(2, activation="softmax")
    spec, _ = convert(sequential(shape, *layers), tmp_path)
    (name,) = [feature.name for feature in spec.description.input]
    written = spec.description.metadata.userDefined.get(SHAPES_KEY)
    assert (written and json.loads(written)) == (carried and {name: carried})


@pytest.mark.parametrize(
    ("shape", "layer", "carried"),
    [
        ((8, 8, 2), L.Conv2D(4, 3), {}),
        ((8, 8, 2), L.DepthwiseConv2D(3, depth_multiplier=2), {"": [3, 3, 2, 2]}),
        ((8, 2), L.Conv1D(3, 3), {"": [3, 2, 3]}),
        ((8, 8, 2), L.SeparableConv2D(9, 3), {"__depthwise": [3, 3, 2, 1]}),
        ((8, 2), L.SeparableConv1D(3, 3), {"__depthwise": [3, 2, 1], "__pointwise": [1, 2, 3]}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, L.Layer) else "",
)
def test_kernels_in_keras_are_carried_where_the_kind_does_not_tell(shape, layer, carried, tmp_path):
    """Both kernels of these separable layers have as many numbers: their names tell them apart."""
    model = sequential(shape, layer, L.Flatten(), L.Dense(3, activation="softmax", name="dense"))
    spec, _ = convert(model, tmp_path, layers=[layer.name, "dense"])
    written = spec.description.metadata.userDefined.get(KERNELS_KEY, "{}")
    assert json.loads(written) == {f"{layer.name}{part}": s for part, s in carried.items()}
