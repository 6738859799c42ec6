"""What the file settles of a recipe, and what is left of it."""

from pathlib import Path

from converter.conversion.source import load_source
from converter.recipe import Recipe

MODELS = Path(__file__).parents[2] / "models"
ZOO = Path(__file__).parents[2] / "fixtures" / "keras_files"


def test_a_scaling_that_became_a_layer_is_no_longer_in_the_recipe():
    file = ZOO / "keras315_lambda.keras"
    recipe = Recipe(model=file, image="rgb", scale=1 / 255, bias=(-0.5,), layers=("*",))
    source = load_source(recipe)
    loaded, left = source.loaded, source.left
    scaling = loaded.model.layers[0].get_config()
    assert (scaling["scale"], scaling["offset"]) == (1 / 255, -0.5)
    assert left == Recipe(model=file, image="rgb", layers=("*",))


def test_any_other_scaling_is_left_to_the_image():
    recipe = Recipe(model=MODELS / "lenet.h5", image="gray", scale=1 / 255)
    left = load_source(recipe).left
    assert left == recipe
