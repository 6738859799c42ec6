"""Recipes from files and flags: merging, located mistakes, and text that reads back the same."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.errors import RecipeError, UsageError
from converter.recipe import Choice, Metadata, Range, Recipe
from converter.recipe.numbers import number
from converter.recipe.reading import from_flags, read
from converter.recipe.template import json_schema
from converter.recipe.writing import text


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def mistakes(path):
    with pytest.raises(RecipeError) as error:
        read(path)
    return str(error.value).splitlines()


def test_five_mistakes_make_five_located_messages_in_one_run(tmp_path):
    path = write(
        tmp_path / "bad.yaml",
        "model: lenet.h5\n"
        "layrs: [dense_5]\n"
        "optimizer: sdg\n"
        "learning_rate:\n  default: 0.5\n  max: 0.2\n"
        "epochs: ten\n"
        "metadata:\n  version: 1.0\n",
    )
    assert mistakes(path) == [
        f"{path}:2: layrs: is no setting; did you mean layers?",
        f"{path}:3: optimizer: must be 'sgd' or 'adam', not \"sdg\"; did you mean sgd?",
        f"{path}:5: learning_rate.default: 0.5 is not in 0 … 0.2",
        f'{path}:7: epochs: must be a whole number, not "ten"',
        f"{path}:9: metadata.version: must be text, not 1.0; put it in quotes",
    ]


WRONG = {
    "empty": ("", ":1: model: is missing"),
    "no mapping": ("- a\n- b\n", ":1: must hold keys and values"),
    "broken YAML": ("model: [a\nlayers: b\n", ":2: is not YAML"),
    "two documents": ("model: a\n---\nmodel: b\n", ":2: is not YAML"),
    "a tab": ("model: a\nmetadata:\n\tauthor: b\n", ":3: is not YAML"),
    "a Python object": ("model: !!python/name:os.system ls\n", ":1: model: has the tag"),
    "a key twice": ("model: a\nseed: 1\nseed: 2\n", ":3: seed: is given twice, first in line 2"),
    "yes is a text": ("model: a\nshuffle: yes\n", ":2: shuffle: must be true or false"),
    "a date is a text": ("model: a\nseed: 2024-01-01\n", ":2: seed: must be a whole number"),
    "infinite": ("model: a\nscale: 1e999\nimage: rgb\n", ":2: scale: must be a finite number"),
    "an unquoted label": ("model: a\nclasses: [cat, true]\n", ":2: classes: true is not a label"),
    "mixed labels": ("model: a\nclasses: [cat, 1]\n", ":2: classes: some labels are texts"),
    "no labels": ("model: a\nclasses: []\n", ":2: classes: holds no label"),
    "a short form": ("model: a\nlr: 1\n", ":2: lr: is no setting; did you mean learning_rate?"),
    "nested unknown": (
        "model: a\nepochs:\n  default: 1\n  alowed: [1]\n",
        ":4: epochs.alowed: is no setting; did you mean allowed?",
    ),
    "not in the set": (
        "model: a\nepochs: {default: 7, allowed: [1, 2]}\n",
        ":2: epochs.default: 7 is not in 1, 2",
    ),
    "not in the range": (
        "model: a\nbatch_size: {default: 7, max: 5}\n",
        ":2: batch_size.default: 7 is not in 1 … 5",
    ),
    "range turned around": (
        "model: a\nmomentum: {min: 0.9, max: 0.1}\n",
        ":2: momentum.min: 0.9 is not less than max, 0.1",
    ),
    "item of a list": ("model: a\nlayers:\n- a\n- 5\n", ":4: layers.1: must be text, not 5"),
    "own key": (
        "model: a\nmetadata:\n  user_defined: {make-updatable.recipe: x}\n",
        ":3: metadata.user_defined: 'make-updatable.recipe' is a key that this tool writes",
    ),
    "the other optimizer": (
        "model: a\noptimizer: adam\nmomentum: 0.9\n",
        ":3: momentum: is not a number of the optimizer adam",
    ),
    "no factor": ("model: a\nscale: 0\n", ":2: scale: 0 makes all values the same"),
    "no quotient": ("model: a\nscale: 1/0\n", ":2: scale: '1/0' is no number like 0.5 or 1/255"),
    "a number in quotes": ('model: a\nscale: "0.5"\n', ':2: scale: must be a number, not "0.5"'),
    "no quotient of a colour": ("model: a\nbias: [1, 1/x, 1]\n", ":2: bias.1: '1/x' is no number"),
    "an empty model": ("model: ''\n", ":1: model: is empty; give a path"),
    "an empty path": ("model: a\noutput_path: ' '\n", ":2: output_path: is empty; give a path"),
    "an empty label file": ("model: a\nclasses: ''\n", ":2: classes: is empty; give a path"),
    "an empty label": ("model: a\nclasses: [cat, '']\n", ":2: classes: holds an empty label"),
    "an empty name": ("model: a\nlayers: [a, ' ']\n", ":2: layers.1: is empty; give a name"),
    "no names": ("model: a\nlayers: []\n", ":2: layers: is empty; name at least one"),
    "no shape": ("model: a\ninput_shape: []\n", ":2: input_shape: is empty; name at least one"),
    "no values": (
        "model: a\nepochs: {allowed: []}\n",
        ":2: epochs.allowed: is empty; name at least one",
    ),
    "an empty input": ("model: a\ninput_name: ''\n", ":2: input_name: is empty; give a name"),
    "an empty output": ("model: a\noutput: ''\n", ":2: output: is empty; give a name"),
    "an empty base": ("model: a\nextends: ''\n", ":2: extends: must be the path of a recipe"),
    "no base": ("model: a\nextends: []\n", ":2: extends: must be the path of a recipe"),
    "a name of no label": (
        "model: a\nlabel_name: x\n",
        ":2: label_name: has no effect without classes",
    ),
    "neighbors of nothing": (
        "model: a\nneighbors: 3\n",
        ":2: neighbors: has no effect without knn",
    ),
    "neighbors switched off": (
        "model: a\nknn: false\ndefault_label: x\n",
        ":3: default_label: has no effect without knn",
    ),
    "neighbors and a loss": (
        "model: a\nknn: true\nlayers: [b]\n",
        ":3: layers: has no effect with knn, which learns by keeping samples",
    ),
    "a network of neighbors": (
        "model: a\nknn: true\nlayout: network\n",
        ":3: layout: has to be a pipeline with knn",
    ),
    "leaves without a tree": (
        "model: a\nknn: true\nknn_leaf_size: 3\n",
        ":3: knn_leaf_size: has no effect without the k-d tree",
    ),
    "a scale of nothing": (
        "model: a\nknn: true\nknn_scale: 2\n",
        ":3: knn_scale: has no effect without knn_samples",
    ),
    "a number of a layer": (
        "model: a\nknn: 5\n",
        ":2: knn: must be true, or the name of a layer",
    ),
    "a name of no layer": (
        "model: a\nknn: ''\n",
        ":2: knn: must be true, or the name of a layer",
    ),
    "a label that is none": (
        "model: a\nknn: true\ndefault_label: true\n",
        ":3: default_label: must be a text or a whole number of 64 bits",
    ),
    "no neighbors": ("model: a\nknn: true\nneighbors: 0\n", ":3: neighbors: must be 1 or more"),
    "neighbors upside down": (
        "model: a\nknn: true\nneighbors: {min: 5, max: 2}\n",
        "neighbors.min: 5 is more than max, 2",
    ),
    "an odd weighting": (
        "model: a\nknn: true\nknn_weighting: uniforn\n",
        "did you mean uniform?",
    ),
    "an update unverified": (
        "model: a\nverify: false\nverify_update: true\n",
        ":3: verify_update: has no effect, because verify is off",
    ),
    "a tolerance of nothing": (
        "model: a\nverify: false\ntolerance: 0.1\n",
        ":3: tolerance: has no effect, because verify is off",
    ),
    "negative": ("model: a\nlearning_rate: -1\n", ":2: learning_rate: -1 is negative"),
    "no step": ("model: a\nlearning_rate: 0\n", ":2: learning_rate: 0 means that nothing is"),
    "no step by default": (
        "model: a\nlearning_rate:\n  max: 1\n  default: 0\n",
        ":4: learning_rate.default: 0 means that nothing is learned; it must be more than 0",
    ),
    "no fading": ("model: a\nmomentum: 1\n", ":2: momentum: 1 must be below 1"),
    "nor of Adam": ("model: a\nbeta_2: 1.0\n", ":2: beta_2: 1 must be below 1"),
    "ending": ("model: a\noutput_path: b.onnx\n", ":2: output_path: does not end in .mlmodel"),
    "deep": ("model: " + "[" * 100 + "]" * 100, ":1: model.0.0.0"),
    "very deep": ("model: " + "[" * 1_000, ":1: is not YAML"),
    "circle of aliases": ("model: &a [*a]\n", "is nested too deeply"),
    "aliases without end": (
        "".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9) if i else 1}]\n" for i in range(9)),
        "too large for a recipe",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_located_and_explained(name, tmp_path):
    content, expected = WRONG[name]
    found = mistakes(write(tmp_path / "r.yaml", content))
    assert any(expected in line for line in found), found
    assert all(line.startswith(f"{tmp_path}/r.yaml:") for line in found)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"model: \xe4\n")
    assert "UTF-8" in mistakes(tmp_path / "latin.yaml")[0]
    assert "cannot be read" in mistakes(tmp_path / "nowhere.yaml")[0]
    assert "cannot be read" in mistakes(tmp_path)[0]


def test_numbers_are_those_of_yaml_1_2(tmp_path):
    recipe = read(write(tmp_path / "r.yaml", "model: a.h5\nlearning_rate: 1e-4\nseed: 012\n"))
    assert recipe.learning_rate == 1e-4
    assert recipe.seed == 12


def test_a_factor_may_be_a_quotient(tmp_path):
    path = write(
        tmp_path / "r.yaml", "model: a.h5\nscale: 1/255\nbias: [-0.485/0.229, -1 / 2, 3]\n"
    )
    recipe = read(path)
    assert recipe.scale == 1 / 255
    assert recipe.bias == (-0.485 / 0.229, -0.5, 3.0)
    assert read(write(tmp_path / "again.yaml", text(recipe))).scale == 1 / 255
    assert from_flags({"model": "a.h5", "scale": 1 / 255}).scale == 1 / 255


def patterns(schema):
    """Return all patterns of texts in a part of a JSON Schema."""
    inner = [*schema.get("anyOf", []), *filter(None, [schema.get("items")])]
    own = [schema["pattern"]] if "pattern" in schema else []
    return own + [pattern for part in inner for pattern in patterns(part)]


@pytest.mark.parametrize("setting", ["scale", "bias"])
def test_the_schema_knows_quotients(setting):
    (pattern,) = patterns(json_schema()["properties"][setting])
    for written in ("1/255", "-0.485/0.229", "1 / 127.5", "1e-3/2"):
        assert re.search(pattern, written)
        number(written)
    for wrong in ("half", "1", "1/", "a/b", "1/2/3"):
        assert not re.search(pattern, wrong), wrong


@pytest.mark.parametrize(
    ("written", "value"),
    [("0.5", 0.5), ("1e-3", 0.001), (" 1/255", 1 / 255), ("1/127.5", 1 / 127.5), ("-3 / 4", -0.75)],
)
def test_a_number(written, value):
    assert number(written) == value


@pytest.mark.parametrize(
    "written", ["", "half", "1/0", "1/2/3", "/2", "inf", "nan", "1e999", "1/inf"]
)
def test_no_number(written):
    with pytest.raises(ValueError, match=r"is no number like 0\.5 or 1/255"):
        number(written)


def test_extends_merges_and_paths_are_those_of_each_file(tmp_path):
    write(
        tmp_path / "base" / "base.yaml",
        "model: m.h5\nclasses: labels.txt\nseed: 3\nmetadata: {author: me, license: MIT}\n"
        "learning_rate: {default: 0.001, max: 0.1}\n",
    )
    child = write(
        tmp_path / "own" / "r.yaml",
        "extends: ../base/base.yaml\noutput_path: out/x.mlmodel\nmetadata: {author: you}\n"
        "learning_rate: 0.01\nseed: null\n",
    )
    recipe = read(child)
    assert recipe.model.resolve() == tmp_path / "base" / "m.h5"
    assert recipe.classes.resolve() == tmp_path / "base" / "labels.txt"
    assert recipe.output_path == tmp_path / "own" / "out" / "x.mlmodel"
    assert recipe.metadata == Metadata(author="you", license="MIT")
    assert recipe.learning_rate == Range(default=0.01, max=0.1)
    assert recipe.seed is None
    assert "model: ../base/m.h5" in text(recipe)


def test_a_mistake_in_a_base_names_the_base(tmp_path):
    base = write(tmp_path / "base.yaml", "model: a\nepochs: 0\n")
    child = write(tmp_path / "r.yaml", "extends: [base.yaml]\nbatch_size: 0\n")
    assert mistakes(child) == [
        f"{base}:2: epochs: must be 1 or more, not 0",
        f"{child}:2: batch_size: must be 1 or more, not 0",
    ]


def test_extends_that_leads_nowhere(tmp_path):
    write(tmp_path / "a.yaml", "model: x.h5\nextends: b.yaml\n")
    write(tmp_path / "b.yaml", "extends: a.yaml\n")
    assert "extends itself" in mistakes(tmp_path / "a.yaml")[0]
    assert "is no file" in mistakes(write(tmp_path / "c.yaml", "model: a\nextends: d.yaml\n"))[0]
    no_path = write(tmp_path / "e.yaml", "model: a\nextends: {a: b}\n")
    assert mistakes(no_path)[0].startswith(f"{no_path}:2: extends: must be the path of a recipe")


def test_flags_override_and_keep_the_range(tmp_path):
    path = write(
        tmp_path / "r.yaml",
        "model: m.h5\nlayers: [a]\nlearning_rate: {default: 0.001, max: 0.1}\nepochs: {max: 5}\n",
    )
    recipe = read(path, {"layers": ("b", "c"), "learning_rate": 0.01, "model": Path("x/n.h5")})
    assert recipe.layers == ("b", "c")
    assert recipe.learning_rate == Range(default=0.01, max=0.1)
    assert recipe.epochs.values == (1, 2, 3, 4, 5)
    assert recipe.model == Path("x/n.h5")
    assert "model: n.h5" in text(recipe)
    with pytest.raises(UsageError, match=r"--learning-rate: 1 is not in 0 … 0.1"):
        read(path, {"learning_rate": 1.0})


def test_wrong_flags_are_named():
    with pytest.raises(UsageError) as error:
        from_flags({"model": Path("m.h5"), "tolerance": 0.0, "epochs": 0})
    assert str(error.value).splitlines() == [
        "--epochs: must be 1 or more, not 0",
        "--tolerance: must be more than 0, not 0.0",
    ]


def test_numbers_of_numpy_are_numbers():
    flags = {"model": "m.h5", "epochs": np.int64(3), "learning_rate": np.float32(0.5)}
    recipe = from_flags({**flags, "classes": np.array(["a", "b"])})
    assert (recipe.epochs, recipe.learning_rate, recipe.classes) == (3, 0.5, ("a", "b"))


TRICKY = ["yes", "1e-4", "012", "null", "~", "2024-01-01", "#", " a ", "a: b", "é\n", "", "0x1F",
          "a\x85b", "\u2028", "\r\n"]  # fmt: skip


@given(
    layers=st.lists((st.sampled_from(TRICKY) | st.text()).filter(str.strip), max_size=3),
    classes=st.none() | st.lists(st.sampled_from(TRICKY).filter(str.strip), min_size=1, max_size=3),
    rate=st.none()
    | st.floats(0, 1, exclude_min=True)
    | st.builds(Range, default=st.floats(0.1, 1)),
    epochs=st.none() | st.integers(1, 5) | st.builds(Choice, allowed=st.just((1, 2))),
    author=st.none() | st.sampled_from(TRICKY),
    verify=st.booleans(),
)
def test_the_text_of_a_recipe_reads_back_as_the_same_recipe(
    tmp_path_factory, layers, classes, rate, epochs, author, verify
):
    recipe = Recipe(
        model="m.h5", **({"layers": tuple(layers)} if layers else {}),
        classes=classes and tuple(classes),
        learning_rate=rate, epochs=epochs, metadata=Metadata(author=author), verify=verify,
    )  # fmt: skip
    folder = tmp_path_factory.getbasetemp()
    path = folder / "again.yaml"
    path.write_text(text(recipe), encoding="utf-8")
    again = read(path)
    assert again.model == folder / "m.h5"
    assert again.model_copy(update={"model": Path("m.h5")}).model_dump() == recipe.model_dump()
    assert text(again) == text(recipe)


def test_the_text_depends_on_nothing_but_the_recipe(tmp_path):
    written = [
        text(from_flags({"model": folder / "m.h5", "output_path": folder / "x.mlmodel"}))
        for folder in (tmp_path, Path())
    ]
    assert written == ["model: m.h5\n"] * 2


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("learning_rate", 0.0, "--learning-rate: 0 means that nothing is learned"),
        ("learning_rate", -1.0, "--learning-rate: -1 is negative"),
        ("learning_rate", float("nan"), "--learning-rate: must be a finite number"),
        ("epsilon", float("inf"), "--epsilon: must be a finite number"),
        ("momentum", 1.0, "--momentum: 1 must be below 1"),
        ("beta_1", 1.0, "--beta-1: 1 must be below 1"),
        ("beta_2", 1.5, "--beta-2: 1.5 must be below 1"),
    ],
)
def test_flags_with_which_nothing_can_be_learned(flag, value, words):
    with pytest.raises(UsageError, match=words):
        from_flags({"model": "a.h5", flag: value})


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "nesting": f"a: {'[' * 60}{']' * 60}\n",
    "many depths": "".join(f"k{i}: {'[' * 30}{']' * 30}\n" for i in range(50)),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_too_large_gives_one_line(name, tmp_path):
    path = tmp_path / "bomb.yaml"
    path.write_text(BOMBS[name])
    with pytest.raises(RecipeError) as caught:
        read(path)
    (line,) = str(caught.value).splitlines()
    assert line.endswith("is nested too deeply, or too large for a recipe")
