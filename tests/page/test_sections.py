"""What stands in each section, with numbers by hand; nothing of a file is more than text."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from converter.conversion.inspection import KerasLayerRow, KerasModel
from converter.conversion.parameters import KerasParameters
from converter.coreml.contents import Allowed, Parameters
from converter.coreml.figures import size_text
from converter.coreml.inspection import inspect
from converter.device import Check, Outcome, Verdict
from converter.page.confusion import confusion, worst_pairs
from converter.page.curves import panels
from converter.page.device import on_device
from converter.page.findings import findings
from converter.page.interface import interface
from converter.page.looked_at import MOST_SAMPLES, some_of
from converter.page.model import keras_sections
from converter.page.notes import notes
from converter.page.samples import picture_input, pixels, samples, told_first
from converter.page.settings import choices, learning
from converter.page.totals import Part, of_core_ml, totals
from converter.page.training import MOST_ROWS, training
from converter.page.verified import verification
from converter.proof.update import TensorResult, Verification
from converter.runtime import Answers, ArraySamples, Epoch, History, Labelled, Score
from converter.validation.rules import RULES
from converter.validation.validate import findings as found_in
from tests.page.looking import page_of
from tests.runtime.updatable import digits, line

AWKWARD = '</td><script>alert(1)</script>" $x_1$ \N{CJK UNIFIED IDEOGRAPH-732B}\x1b\u202e'
SHOWN = '</td><script>alert(1)</script>" $x_1$ \N{CJK UNIFIED IDEOGRAPH-732B}\\x1b\\u202e'


def answers(true, predicted, classes="abc", certainty=None):
    sure = np.ones(len(true)) if certainty is None else np.array(certainty)
    return Answers(list(classes), np.array(true), np.array(predicted), sure)


def test_sizes_by_layer_the_largest_first():
    model = inspect(digits(layers=["head"]))
    page = page_of(totals(model.parameters, of_core_ml(model), 12_345))
    text = page.text("Size")
    assert "parameters 11,042 learning 170 (1.5 %) frozen 10,872 (98.5 %)" in text
    assert "file 12.3 kB (12,345 bytes)" in text
    _, *rows = page.tables["Parameters by layer, the largest first"]
    assert [[row[0], row[2], row[3], row[4]] for row in rows] == [
        ["dense", "frozen", "10,832", "98.1 %"],
        ["head", "learns", "170", "1.5 %"],
        ["conv", "frozen", "40", "0.4 %"],
    ]
    assert [float(bar["width"]) for bar in page.of("rect")] == [100.0, 1.6, 0.4]
    assert ["strong" in bar.get("class", "") for bar in page.of("rect")] == [False, True, False]


def test_many_layers_are_folded_away_and_none_is_lost():
    parts = [Part(f"layer {n}", "convolution", None, n, False) for n in range(1, 701)]
    page = page_of(totals(Parameters(245_350, 0, 245_350), parts))
    names = [row[0] for rows in page.tables.values() for row in rows[1:]]
    assert names == [f"layer {n}" for n in range(700, 0, -1)]
    assert len(page.of("details")) == 1


def test_a_model_without_weights_has_a_size_too():
    assert "No layer has weights." in page_of(totals(Parameters(0, 0, 0), [])).text("Size")


@pytest.mark.parametrize(
    ("size", "text"),
    [(999, "1.0 kB"), (99_900, "99.9 kB"), (1e5, "0.1 MB"), (2.5e6, "2.5 MB"), (3e9, "3.0 GB")],
)
def test_bytes_as_people_read_them(size, text):
    assert size_text(size) == text


def test_what_an_app_may_choose():
    assert choices(Allowed(0.5)) == "nothing: it is fixed"
    assert choices(Allowed(0.5, 0.0, 1.0)) == "0 … 1"
    assert choices(Allowed(2, allowed=(1, 2))) == "1, 2"
    assert choices(Allowed(2, allowed=tuple(range(1, 101)))) == "100 values from 1 to 100"


def test_how_a_model_learns():
    page = page_of(learning(inspect(digits())))
    assert "loss categoricalCrossEntropyLossLayer of y and y_true optimizer sgd" in page.text(
        "How it learns"
    )
    rows = {row[0]: row[1:] for row in page.tables["Hyperparameters"]}
    assert rows["epochs"] == ["2", "20 values from 1 to 20"]
    assert rows["batch size"] == ["16", "1, 4, 10, 16"]
    spec = digits()
    spec.neuralNetwork.ClearField("updateParams")
    text = page_of(learning(inspect(spec))).text("How it learns")
    assert text == "Nothing learns in this model: it only predicts."


def test_findings_bring_the_words_of_their_rule():
    spec = digits()
    spec.neuralNetwork.layers[1].activation.leakyReLU.alpha = 0.1
    spec.neuralNetwork.layers[1].name = AWKWARD
    page = page_of(findings(found_in(spec)))
    text = page.text("Findings")
    assert "<script>alert(1)</script>" in text
    assert page.of("script") == []
    for name in ("What", "Why", "Fix", "Source"):
        assert f" {name} " in text
    assert all(link["href"].startswith("https://") for link in page.of("a")[1:])
    assert page_of(findings([])).text("Findings").startswith(f"None of the {len(RULES)} rules")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.RULE.code)
def test_every_rule_can_be_shown(rule):
    page = page_of(findings([rule.RULE.found("something is wrong", "mend it", "a")]))
    assert page.text("Findings").startswith(f"{rule.RULE.code} ")
    assert {"What", "Why", "Fix", "Source"} <= set(page.text("Findings").split())


def test_many_findings_of_one_rule_are_counted():
    rule = RULES[0].RULE
    text = page_of(findings([rule.found(f"wrong {n}.", "mend it") for n in range(30)]))
    assert "wrong 19." in text.text("Findings")
    assert "and 10 more" in text.text("Findings")


def test_the_interface_tells_all_that_the_file_says():
    spec = digits()
    spec.description.metadata.shortDescription = AWKWARD
    spec.description.metadata.userDefined["key"] = "first\nsecond"
    page = page_of(interface(inspect(spec)))
    text = page.text("Interface")
    assert SHOWN in text
    assert "image: double [1, 28, 28]" in text
    assert "first second" in text
    assert page.of("script") == []


@pytest.mark.parametrize(("count", "listed"), [(21, 21), (2000, 2000), (100_000, 2001)])
def test_many_labels_are_folded_and_the_page_stays_small(count, listed):
    model = replace(inspect(digits()), labels=tuple(f"label {n}" for n in range(count)))
    page = page_of(interface(model))
    assert f"{count:,} classes" in page.text("Interface")
    assert len(page.of("li")) == listed
    assert len(page.of("details")) == 1


def test_a_few_labels_are_seen_at_once():
    text = page_of(interface(replace(inspect(digits()), labels=("cat", 7)))).text("Interface")
    assert "2 classes cat, 7" in text


def test_of_endless_metadata_the_beginning_is_shown():
    spec = digits()
    spec.description.metadata.userDefined["key"] = "first\n" + "x" * 1_000_000
    body = interface(inspect(spec)).body
    assert len(body) < 30_000
    assert "… and 980,006 characters more" in body


def test_a_keras_model_tells_why_layers_may_not_learn():
    rows = (
        KerasLayerRow("conv", "Conv2D", (None, 3, 3, 4), 40, False, AWKWARD),
        KerasLayerRow("head", "Dense", (None, 2), 10, True),
    )
    model = KerasModel(
        "net", {"x": (None, 5, 5, 1)}, ("head",), "mse", "sgd", 0.1, rows, ("head",),
        KerasParameters(50, 10, 40, 50, 0), notes=("take care",), core_ml_inputs={"x": (1, 5, 5)},
    )  # fmt: skip
    page = page_of(*keras_sections(model))
    assert "learning 10 (20.0 %)" in page.text("Size")
    assert page.tables["All 2 layers, and whether they may learn on the device"][1:] == [
        ["conv", "Conv2D", "? × 3 × 3 × 4", "40", "no", SHOWN],
        ["head", "Dense", "? × 2", "10", "yes", ""],
    ]
    text = page.text("Interface")
    assert "x: ? × 5 × 5 × 1 (in Core ML [1, 5, 5])" in text
    assert "sgd, learning rate 0.1; loss mse" in text
    assert page.text("Notes") == "take care"


def test_notes_are_told_once():
    assert page_of(*notes(["a", "b", "a"])).text("Notes") == "a b"
    assert notes([]) == []


def epochs(count, held_out=True):
    return [
        Epoch(n, 1 / n, 0.5, 0.5, 2 / n if held_out else None, 0.25 if held_out else None, 0.1)
        for n in range(1, count + 1)
    ]


def test_a_training_is_drawn_and_told_in_words():
    page = page_of(training(History(Score(3.0, 0.125), epochs(4)), 800))
    text = page.text("Training")
    assert "held out, before loss 3.0000, accuracy 12.50 %" in text
    assert "held out, after loss 0.5000, accuracy 25.00 %" in text
    labels = [picture["aria-label"] for picture in page.of("svg")]
    assert labels == [
        "loss over the epochs: training from 1 to 0.25; held out from 3 to 0.5",
        "accuracy over the epochs: training from 0.5 to 0.5; held out from 0.125 to 0.25",
    ]
    assert len(page.tables["4 of 4 epochs"]) == 5
    assert not [name for name, attributes in page.tags if "style" in attributes], (
        "the page's policy"
    )
    used = {tag["href"] for tag in page.of("use")}
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert used <= {f"#{name}" for name in ids}
    assert len(ids) == len(set(ids))


def test_what_a_training_does_not_know_is_left_out():
    history = History(None, [Epoch(1, 0.5, 0.5, None, None, None, 0.1)])
    assert panels(history) == {"loss": {"training": [None, 0.5]}}
    text = page_of(training(history)).text("Training")
    assert "held out" not in text
    assert "accuracy" not in text.split("epoch loss")[0]


def test_of_many_epochs_the_table_has_some_and_the_curve_all():
    page = page_of(training(History(None, epochs(1000, held_out=False)), 10))
    (rows,) = page.tables.values()
    assert len(rows) <= MOST_ROWS + 2
    assert (rows[1][0], rows[-1][0]) == ("1", "1000")


def test_a_training_that_keeps_samples_says_which():
    history = History(None, [], {AWKWARD: 3, "dog": 2}, Score(None, 0.5))
    page = page_of(training(history, 5))
    assert page.tables["Samples that were kept"][1:] == [[SHOWN, "3"], ["dog", "2"]]
    assert "held out, after accuracy 50.00 %" in page.text("Training")
    assert page.of("svg") == []


def test_few_classes_are_seen_against_each_other():
    page = page_of(confusion(answers([0, 0, 0, 1], [0, 0, 1, 1], ["cat", "dog"]), "4 samples"))
    assert page.text("Confusion matrix").startswith("Of 4 samples, 3 are right (75.00 %).")
    head, *rows = page.tables["Confusion matrix"]
    assert head[1:] == ["cat", "dog"]
    assert rows == [["cat", "2", "1"], ["dog", "0", "1"]]
    assert len(page.of("strong")) == 2
    mistakes = page.tables["Mistakes, the most frequent first"]
    assert mistakes[1:] == [["cat", "dog", "1", "33.3 %"]]


def test_long_names_are_numbers_above_the_columns():
    page = page_of(confusion(answers([0, 1], [1, 1], [AWKWARD, "dog"]), "2 samples"))
    head, *rows = page.tables["Confusion matrix"]
    assert head[1:] == ["1", "2"]
    assert [row[0] for row in rows] == [f"1: {SHOWN}", "2: dog"]
    assert page.of("script") == []


def test_of_a_thousand_classes_the_worst_pairs_are_told():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 1000, 5000)
    predicted = np.where(np.arange(5000) < 40, 7, true)
    true[:40] = 3
    found = answers(true, predicted, [f"class {n}" for n in range(1000)])
    page = page_of(confusion(found, "5,000 samples"))
    assert "Confusion matrix" not in page.tables
    assert page.tables["Mistakes, the most frequent first"][1][:3] == ["class 3", "class 7", "40"]
    assert len(page.of("tr")) < 250


def test_no_mistake_is_no_table():
    assert list(worst_pairs(answers([0, 1], [0, 1]))) == []


def picture_spec(channels=1):
    spec = digits()
    spec.description.input[0].type.multiArrayType.shape[:] = [channels, 28, 28]
    return spec


def test_which_inputs_can_be_seen():
    assert picture_input(digits()) == "image"
    assert picture_input(picture_spec(3)) == "image"
    assert picture_input(picture_spec(2)) is None
    assert picture_input(line()) is None


def test_samples_whose_class_has_changed_come_first_then_wrong_ones():
    before = answers([0, 1, 2, 0], [0, 0, 2, 1])
    after = answers([0, 1, 2, 0], [0, 1, 2, 1], certainty=[0.9, 0.5, 0.8, 0.7])
    assert told_first(after, before).tolist() == [1, 3, 0, 2]
    assert told_first(after, None).tolist() == [3, 0, 2, 1]


@pytest.mark.parametrize(
    ("values", "shown"),
    [([0.0, 0.5, 1.0], [0, 128, 255]), ([0, 51, 255], [0, 51, 255]), ([-1, 0, 1], [0, 128, 255]),
     ([0, 0, 0], [0, 0, 0]), ([500.0, 500.0, 500.0], [0, 0, 0])],
)  # fmt: skip
def test_pixels_are_shown_by_their_range(values, shown):
    taken = np.array(values, np.float32).reshape(1, 1, 1, 3)
    assert pixels(taken, digits(), "image")[0, 0, :, 0].tolist() == shown


def test_pictures_before_and_after():
    x = np.random.default_rng(0).random((3, 1, 28, 28)).astype(np.float32)
    before = answers([0, 1, 2], [0, 2, 2], [AWKWARD, "dog", "cow"])
    after = answers([0, 1, 2], [0, 1, 2], [AWKWARD, "dog", "cow"], [0.5, 0.625, 1])
    page = page_of(*samples(digits(), ArraySamples({"image": x}), after, before))
    text = page.text("Samples before and after")
    assert "changed the class of 1 of 3 samples: 1 became right, 0 wrong. 3 are shown" in text
    assert "true dog before cow (100 %), wrong after dog (62 %), right" in text
    first = page.of("img")[0]
    assert first["alt"] == "sample 1, class dog"
    data = base64.b64decode(first["src"].removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(np.asarray(image), np.rint(x[1, 0] * 255))
    assert page.of("script") == []


def test_large_pictures_are_made_small():
    x = np.random.default_rng(0).random((12, 3, 300, 200)).astype(np.float32)
    spec = picture_spec(3)
    spec.description.input[0].type.multiArrayType.shape[:] = [3, 300, 200]
    found = answers([0] * 12, [0] * 12)
    (section,) = samples(spec, ArraySamples({"image": x}), found)
    (first, *_) = page_of(section).of("img")
    assert (first["width"], first["height"]) == ("64", "96")
    assert len(section.body) < 500_000


def test_of_many_samples_some_are_asked_about():
    data = Labelled(ArraySamples({"x": np.arange(25_000)}), np.arange(25_000))
    found = some_of(data)
    assert len(found.samples) == len(found.y) == MOST_SAMPLES
    taken = found.samples.take(np.array([0, MOST_SAMPLES - 1]))["x"]
    assert taken.tolist() == found.y[[0, -1]].tolist() == [0, 24_999]


@pytest.mark.parametrize(("step", "word"), [(1e-6, "PASS"), (1e-2, "FAIL")])
def test_update_steps_tensor_by_tensor(step, word):
    tensors = [TensorResult("a/kernel", 0.1, 1e-7, step), TensorResult(AWKWARD, 0.1, 0, 0)]
    found = Verification(1e-9, "softmax", tensors, 2, 16, folded=["conv"])
    page = page_of(verification(found, 1e-4))
    assert f"verdict {word}: the updates differ by {step:.1e}" in page.text("Compared with Keras")
    rows = page.tables["What learns, tensor by tensor"][1:]
    assert [row[0] for row in rows] == ["a/kernel", SHOWN]
    assert rows[0][-1] == {"PASS": "agrees", "FAIL": "DIFFERS"}[word]


def test_what_core_ml_did():
    told = [{"event": "epochEnd", "epoch": 0, "mini_batch": None, "loss": 0.5, "reference": 0.25}]
    checks = (Check("compiled", True, "yes"), Check("learns", None, AWKWARD))
    page = page_of(on_device(Verdict(Outcome.FAILED, "it does not", checks, {"told": told})))
    assert page.text("One update in Core ML").startswith("verdict failed: it does not")
    assert page.tables["Checks"][1:] == [["compiled", "ok", "yes"], ["learns", "unknown", SHOWN]]
    assert page.tables["Losses"][1:] == [["epochEnd", "0", "–", "0.5", "0.25"]]
