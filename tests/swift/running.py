"""The package with everything that its tests take: ``python -m tests.swift.running FOLDER``."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from converter.runtime import ArraySamples, Labelled, settings, train
from converter.swift import generate
from tests.swift import dense
from tests.swift.compiler import MODULES, PACKAGE, swiftc

TESTS = PACKAGE / "Tests" / "TrainerTests"
CASES = {
    f"{path.stem}/{name}": is_async
    for path in sorted(TESTS.glob("*Tests.swift"))
    for name, is_async in re.findall(r"^    func (test\w+)\(\)( async)?", path.read_text(), re.M)
}
"""The tests of the package, as "class/method", and whether they are asynchronous."""


def reference():
    """Return samples, and what the reference runtime makes of the model by them."""
    spec = dense.MODELS["Reference"]()
    random = np.random.default_rng(0)
    x = random.normal(size=(12, 4)).astype(np.float32)
    y = np.arange(12) % 3
    history = train(
        spec, Labelled(ArraySamples({"x": x}), y), settings(spec, epochs=5, shuffle=False)
    )
    learned = dense.layer(spec.neuralNetwork.layers[1])
    return {
        "samples": x.tolist(),
        "labels": y.tolist(),
        "losses": [epoch.loss for epoch in history.epochs],
        "weights": np.ravel(learned["weights"]).tolist(),
        "biases": learned["biases"],
    }


def prepare(folder):
    """Copy the package to `folder`, and write trainers, models and expected numbers there."""
    shutil.copytree(PACKAGE, folder, dirs_exist_ok=True)
    generated = folder / "Tests" / "TrainerTests" / "Generated"
    generated.mkdir()
    for name, make in dense.MODELS.items():
        spec = make()
        # The newer model is shipped under the same name.
        resource = name.removeprefix("New")
        source = generate(spec, f"{name}Trainer", resource)
        (generated / f"{name}Trainer.swift").write_text(source)
        model = folder / "Models" / name / f"{resource}.mlmodelc"
        model.mkdir(parents=True)
        (model / "model.json").write_text(json.dumps(dense.describe(spec)))
    (folder / "Models" / "reference.json").write_text(json.dumps(reference()))


def build(folder, modules):
    """Prepare `folder` and compile the tests there, to the program ``tests``.

    `modules` is where the stand-in was compiled to.
    """
    prepare(folder)
    (folder / "main.swift").write_text(entries())
    output, is_well = swiftc(
        "-swift-version", "6", "-warnings-as-errors", "-wmo", "-module-name", "TrainerTests",
        "-I", modules, "-o", folder / "tests",
        folder / "main.swift", *sorted((folder / "Tests").rglob("*.swift")),
        *(modules / f"{module}.o" for module in MODULES),
    )  # fmt: skip
    assert is_well, output


def entries():
    """Return the program that XCTest wants where it cannot find the tests itself."""
    by_class = {}
    for case, is_async in CASES.items():
        name, method = case.split("/")
        test = f"{name}.{method}"
        entry = f'("{method}", {f"asyncTest({test})" if is_async else test})'
        by_class.setdefault(name, []).append(entry)
    cases = [f"testCase([{', '.join(entries)}])" for entries in by_class.values()]
    return f"import XCTest\nXCTMain([{', '.join(cases)}])\n"


def run(folder, case):
    """Run one of `CASES`; return what it printed, and whether it passed."""
    done = subprocess.run(
        [folder / "tests", f"TrainerTests.{case}"], capture_output=True, text=True, timeout=300
    )
    return done.stdout + done.stderr, done.returncode == 0


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
