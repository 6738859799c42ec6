"""Each rule on models that break it and on models that do not."""

import re
from pathlib import Path

import pytest

from converter.validation import rules, validate
from converter.validation.rules import RULES
from tests.validation.broken import CASES, INTACT
from tests.validation.specs import MODELS

CODES = [rule.RULE.code for rule in RULES]
OF_FILES = {"F101", "F102"}
"""Rules about bytes, tested with the reading of files."""

TRUE_WARNINGS = {"nested_pipeline": {"O220"}, "house_prices": {"O216"}}


def built(base):
    return base() if callable(base) else MODELS[base]()


def codes(model):
    found = validate.findings(model, must_be_updatable=True, odd_floats=True)
    return {finding.code for finding in found}


@pytest.mark.parametrize(
    ("code", "base", "break_it"),
    CASES,
    ids=[f"{code}-{n}" for n, (code, _, _) in enumerate(CASES)],
)
def test_a_broken_model_is_found(code, base, break_it):
    model = built(base)
    before = codes(model)
    break_it(model)
    after = codes(model)
    assert code in after
    # The finding comes from the breaking, unless the model as built is the broken one.
    assert code not in before or after == before


def test_every_rule_has_a_model_that_breaks_it():
    assert {code for code, _, _ in CASES} | OF_FILES == set(CODES)


@pytest.mark.parametrize("name", MODELS)
def test_a_good_model_is_clean(name):
    found = validate.findings(MODELS[name]())
    assert {finding.code for finding in found} == TRUE_WARNINGS.get(name, set())
    assert not validate.has_errors(found)


@pytest.mark.parametrize("rule", RULES, ids=CODES)
def test_a_rule_explains_itself(rule):
    about, doc = rule.RULE, rule.__doc__
    headings = re.findall(r"^(What|Why|Fix|Source): \S", doc, re.MULTILINE)
    assert headings == ["What", "Why", "Fix", "Source"]
    assert re.fullmatch(r"[A-Z].*\.", rules.title_of(rule))
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", about.name)
    assert Path(rule.__file__).name.startswith(f"{about.code.lower()}_")


def test_codes_and_names_are_unique():
    assert len(set(CODES)) == len(CODES)
    assert len({rule.RULE.name for rule in RULES}) == len(RULES)


def test_the_table_holds_every_rule_file():
    folder = Path(rules.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if re.match(r"[a-z]\d{3}_", path.name)}
    assert files == {Path(rule.__file__).stem for rule in RULES}


@pytest.mark.parametrize(
    ("base", "break_it"), INTACT.values(), ids=[name.replace(" ", "_") for name in INTACT]
)
def test_what_only_looks_broken_is_not_found(base, break_it):
    model = built(base)
    before = codes(model)
    break_it(model)
    assert codes(model) == before


def test_a_form_that_trained_on_phones_is_warned_of_nowhere():
    """Three inputs, embeddings, and a mean squared error right behind a dense layer."""
    found = validate.findings(MODELS["house_prices"]())
    assert {finding.severity for finding in found} == {"note"}


def test_an_updatable_classifier_of_neighbours_alone_is_warned_of_nowhere():
    assert validate.findings(MODELS["neighbors"]()) == []


def test_origins_follow_the_letters():
    for rule in RULES:
        decided_by_apple = rule.RULE.code[0] in "MLUPK" or rule.RULE.code == "F101"
        assert (rule.RULE.origin == "apple") == decided_by_apple
        assert rule.RULE.severity == "error" or not decided_by_apple


def test_findings_name_the_layer_what_and_the_way_out():
    model = MODELS["lenet"]()
    break_it = next(case[2] for case in CASES if case[0] == "U104")
    break_it(model)
    (finding,) = [f for f in validate.findings(model) if f.code == "U104"]
    assert finding.text() == (
        "U104 error: layer 'between': leakyReLU cannot be back-propagated through and stands "
        "between updatable layer 'dense_2' and the loss; mark only layers after it, or use ReLU, "
        "sigmoid or tanh"
    )


def test_all_that_is_wrong_is_found_at_once():
    model = MODELS["lenet"]()
    model.neuralNetwork.updateParams.ClearField("epochs")
    model.neuralNetwork.updateParams.ClearField("optimizer")
    model.neuralNetwork.layers[0].convolution.ClearField("valid")
    assert codes(model) == {"L208", "U109", "U110"}


def test_the_search_of_apple_depends_on_the_order_of_inputs():
    build = next(base for code, base, _ in CASES if code == "O208")
    first = build()
    assert "U104" not in codes(first)
    assert "O208" in codes(first)
    swapped = build()
    lstm = swapped.neuralNetwork.layers[2]
    lstm.input[0], lstm.input[1] = lstm.input[1], lstm.input[0]
    assert "U104" in codes(swapped)
    assert "O208" not in codes(swapped)


def test_what_apple_does_not_look_at_is_not_blamed_on_apple():
    """Where its shape inference fails, Apple's validator skips the update rules and accepts."""
    model = MODELS["lenet"]()
    model.neuralNetwork.updateParams.ClearField("epochs")
    assert {f.origin for f in validate.findings(model) if f.code == "U110"} == {"apple"}
    dense = model.neuralNetwork.layers[4].innerProduct
    dense.inputChannels = 25
    del dense.weights.floatValue[150:]
    found = validate.findings(model)
    assert {f.origin for f in found if f.code == "U110"} == {"ours"}
    assert {f.code for f in found} == {"S301", "U110"}
    assert validate.has_errors(found)


def test_many_findings_of_one_rule_are_cut_short():
    model = MODELS["frozen"]()
    for number in range(1000):
        model.neuralNetwork.layers.add(name=str(number))
    found = [f for f in validate.findings(model) if f.code == "L202"]
    assert len(found) == validate.MOST_FINDINGS
    assert found[-1].message == "951 more findings of this kind"
