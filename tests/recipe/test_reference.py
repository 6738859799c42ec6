"""The table of settings tells what the recipe itself takes and refuses."""

import pytest

from converter.recipe.contradictions import KNN_ONLY
from converter.recipe.model import RecipeFile
from converter.recipe.reference import nested, reference
from converter.recipe.together import exclusions, needs


def cells(table, setting):
    (row,) = (line for line in table.splitlines() if line.startswith(f"| `{setting}` |"))
    return row[2:-2].split(" | ")


def test_every_setting_has_a_row():
    shown = [line.split("`")[1] for line in reference().splitlines()[2:]]
    assert shown == list(RecipeFile.model_fields)


@pytest.mark.parametrize(
    ("setting", "expected"),
    {
        "momentum": ["Not beside `optimizer: adam` or `knn`."],
        "epochs": ["Not beside `knn`."],
        "spare_classes": [
            "Not beside `loss: binary_crossentropy`, `loss: mean_squared_error`, `new_head` or "
            "`knn`."
        ],
        "layout": [
            "As `network` not beside `frozen_weights: float16`, `frozen_weights: int8` or `knn`."
        ],
        "optimizer": [
            "As `sgd` not beside `beta_1`, `beta_2` or `epsilon`.",
            "Not beside `knn`.",
            "As `adam` not beside `momentum`.",
        ],
        "verify": ["As `false` not beside `calibration`, `tolerance` or `verify_update`."],
        "tolerance": ["Not beside `verify: false`."],
    }.items(),
)
def test_what_a_setting_excludes(setting, expected):
    assert exclusions()[setting] == expected


def test_what_goes_with_everything_excludes_nothing():
    assert not {"output", "input_shape", "image", "metadata", "on_device"} & set(exclusions())


def test_what_a_setting_needs():
    found = needs()
    assert found["calibration"] == ["`frozen_weights: float16`"]
    assert found["label_name"] == found["new_head"] == ["`classes`"]
    assert found["knn_leaf_size"] == ["`knn`", "`knn_index: kd_tree`"]
    assert found["knn_scale"] == ["`knn`", "`knn_samples`"]
    assert set(KNN_ONLY) <= set(found)


@pytest.mark.parametrize(
    ("setting", "kind", "default"),
    [
        ("model", "path", "required"),
        ("layers", "list of texts", "all dense that can"),
        ("optimizer", "`sgd` or `adam`", "as compiled, else Adam"),
        ("epochs", "whole number from 1 or mapping", "10, any from 1 to 100"),
        ("classes", "path, list of texts or list of whole numbers", ""),
        ("spare_classes", "whole number from 1 to 1000", ""),
        ("bias", "list of numbers or quotients", ""),
        ("allow_unsafe", "true or false", "no"),
        ("tolerance", "number above 0",
         "0.0001; with frozen_weights float16 0.01, int8 0.1"),
    ],
)  # fmt: skip
def test_the_type_and_the_default_of_a_setting(setting, kind, default):
    assert cells(reference(), setting)[1:3] == [kind, default]


def test_what_stands_inside_of_settings():
    assert cells(nested(), "epochs.max")[1:4] == ["whole number from 1 to 10000", "", "`50`"]
    assert cells(nested(), "learning_rate.max")[2] == "`1.0`"
