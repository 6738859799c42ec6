"""Where the check runs, and what its update is compared with. The arrays are our own: Core ML ran
nowhere.
"""

import platform
import shutil
from pathlib import Path

import pytest

from converter import device
from converter.coreml.subject import subject
from converter.device import job, reference
from converter.device.batch import random_batch
from converter.device.child import Ending
from converter.device.verdict import Outcome
from converter.errors import TrainingError
from converter.runtime import predict
from tests.device.specs import build

ELSEWHERE = pytest.mark.skipif(platform.system() == "Darwin", reason="here Core ML may run")
STAND_IN = Path(__file__).parent / "stand_in"
NOT_INSTALLED = (
    "pyobjc is not installed; run in the clone of make-updatable: pip install '.[macos]'"
)


@ELSEWHERE
def test_anywhere_but_on_a_mac_nothing_runs_and_the_system_is_named():
    verdict = device.check(build())
    assert verdict.outcome is Outcome.NOT_RUN
    assert verdict.reason == f"Core ML runs on macOS only, and this is {platform.system()}"
    assert not verdict.checks


@ELSEWHERE
def test_what_cannot_be_updated_is_refused_anywhere():
    spec = build()
    spec.isUpdatable = False
    with pytest.raises(TrainingError, match="not updatable"):
        device.check(spec)


@ELSEWHERE
@pytest.mark.parametrize(
    ("modules", "reason"),
    [
        ((), NOT_INSTALLED),
        (("objc",), NOT_INSTALLED),
        (("CoreML",), NOT_INSTALLED),
        (("objc", "CoreML"), None),
    ],
)
def test_a_mac_needs_both_modules_of_pyobjc(modules, reason, monkeypatch, tmp_path):
    for module in modules:
        shutil.copy(STAND_IN / f"{module}.py", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert device.why_not_here() == reason


def arrays_of(chosen, batch, learned):
    """Return what Core ML would hand back, if it learned as the reference runtime does."""
    stored = reference.stored_weights(chosen)
    output = chosen.model.description.output[0].name
    after = predict(reference.with_weights(chosen, learned), batch.inputs)[output]
    return {
        **{f"before.{key}": stored[key] for key in stored if key.startswith("1.")},
        **{f"frozen.{key}": stored[key] for key in stored if key.startswith("0.")},
        **{f"{when}.{key}": learned[key] for when in ("after", "reloaded") for key in learned},
        "predicted.before.0": predict(chosen.model, batch.inputs)[output],
        "predicted.after.0": after,
        "predicted.reloaded.0": after,
    }


@pytest.fixture(scope="module")
def learned():
    """A model, what it learns from and by, and the arrays of an update."""
    chosen = subject(build())
    batch, settings = random_batch(chosen, 8), job.Settings(1, 8)
    return (
        batch,
        settings,
        arrays_of(chosen, batch, reference.steps(chosen, batch, settings).weights),
    )


def found(batch, settings, arrays, spec=None):
    """Return what is said of the comparison, and whether predictions are those of the reference."""
    answer = {"stage": "done", "completed": True, "told": [], "error": None, "system": "m"}
    chosen = subject(spec or build())
    verdict = device.judged(chosen, batch, settings, Ending(0, "", answer, dict(arrays)))
    name = "predictions are those of the reference runtime"
    (check,) = [one for one in verdict.checks if one.name == name]
    return verdict.facts["reference"], check


def test_an_update_as_the_reference_does_it_agrees_with_it(learned):
    said, check = found(*learned)
    assert set(said) == {"second weights", "second biases"}
    assert {name: round(each["factor"], 6) for name, each in said.items()} == {
        "second weights": 1.0, "second biases": 1.0
    }  # fmt: skip
    assert check.passed


SHUFFLED = job.Settings(1, 8, shuffle=True)
NO_ORDER = "in which order Core ML keeps the weights is not known"


@pytest.mark.parametrize(
    ("change", "settings", "why"),
    [
        ("predicted.after.0", None, "Core ML has predicted nothing after the update"),
        ("before.1.weights", None, NO_ORDER),
        ("before.1.biases", None, NO_ORDER),
        ("before.1.biases", SHUFFLED, NO_ORDER),
        (None, SHUFFLED, "the model shuffles, in an order that is not known"),
    ],
)
def test_why_an_update_is_compared_with_nothing(change, settings, why, learned):
    batch, usual, arrays = learned
    kept = {name: array for name, array in arrays.items() if name != change}
    said, check = found(batch, settings or usual, kept)
    assert said == f"no comparison: {why}"
    assert (check.passed, check.seen) == (None, why)


def test_weights_in_another_order_are_compared_with_nothing(learned):
    batch, settings, arrays = learned
    turned = arrays["before.1.weights"][::-1]
    said, _ = found(batch, settings, arrays | {"before.1.weights": turned})
    assert said == f"no comparison: {NO_ORDER}"


def test_weights_that_are_others_are_compared_all_the_same(learned):
    batch, settings, arrays = learned
    others = arrays["before.1.weights"] + 1
    said, check = found(batch, settings, arrays | {"before.1.weights": others})
    assert set(said) == {"second weights", "second biases"}
    assert check.passed


def test_a_layer_that_the_reference_does_not_know_is_told(learned):
    spec = build()
    layer = spec.neuralNetwork.layers[1]
    layer.ClearField("activation")
    layer.custom.className = "Odd"
    why = "layer 'first__activation': the reference runtime has no layer of kind custom"
    said, check = found(*learned, spec)
    assert said == f"no comparison: {why}"
    assert (check.passed, check.seen) == (None, why)
