"""What was learned goes back into the model of an export."""

import numpy as np
import pytest

from converter.conversion.story import convert_file
from converter.coreml import mlmodel
from converter.loading import load
from converter.recipe import Recipe
from converter.weights.extraction import extract
from tests import exports


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "target", "notes"),
    [
        ("keras zip", "learned.h5", ()),
        ("keras folder", "learned.keras", ("Keras wrote the model anew",)),
        ("tensorflow.js zip", "learned.keras", ("Keras wrote the model anew",)),
    ],
)
def test_an_export_takes_what_was_learned(form, target, notes, tmp_path):
    export = exports.EVERY[form](tmp_path)
    convert_file(Recipe(model=export, output_path=tmp_path / "m.mlmodel", verify=False))
    spec = mlmodel.read(tmp_path / "m.mlmodel")
    head = next(
        layer for layer in spec.neuralNetworkClassifier.layers if layer.name == exports.HEAD[1]
    )
    kernel = np.array(head.innerProduct.weights.floatValue, np.float32)
    head.innerProduct.weights.floatValue[:] = (2 * kernel).tolist()
    found = extract(spec, export, tmp_path / target)
    assert tuple(note for note in found.notes if "anew" in note) == notes
    before, after = load(export).model, load(tmp_path / target).model
    first, learned = (model.layers[-1].get_layer(exports.HEAD[1]) for model in (before, after))
    np.testing.assert_array_equal(learned.kernel, 2 * np.asarray(first.kernel))
