"""Names of files that are no UTF-8, and files that are refused before TensorFlow starts."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from converter.cli import run
from converter.coreml import mlmodel
from tests.paths import MODELS
from tests.runtime.updatable import digits

pytestmark = pytest.mark.slow

SCRIPT = Path(sys.executable).with_name("make-updatable")
CAFE = os.fsdecode(b"caf\xe9")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        (tmp_path / f"{CAFE}.h5").symlink_to(MODELS / "lenet.h5")
    except OSError:
        pytest.skip("the file system takes names in UTF-8 only")
    return tmp_path


def test_a_name_that_is_no_utf_8_from_the_keras_file_to_the_predictions(folder, monkeypatch):
    printed = io.BytesIO()  # as `main` arranges it:
    output = io.TextIOWrapper(printed, "utf-8", errors="surrogateescape", write_through=True)
    monkeypatch.setattr(sys, "stdout", output)
    model, recipe = f"{CAFE}.mlmodel", f"{CAFE}.yaml"
    (folder / recipe).write_text('model: "caf\\uDCE9.h5"\nlayers: [dense_6]\nverify: false\n')
    assert run(["recipe", "check", recipe]) == 0
    assert run([recipe, "-o", model, "--quiet"]) == 0
    assert mlmodel.read(folder / model).isUpdatable
    assert run(["recipe", "show", model]) == 0
    assert printed.getvalue().startswith(b"caf\xe9.yaml: correct\n")
    assert b'model: "caf\\uDCE9.h5"' in printed.getvalue()
    (folder / CAFE).mkdir()
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(folder / CAFE / f"{CAFE}.png")
    assert run(["predict", model, "--data", CAFE, "--scale", "1/255", "-o", f"{CAFE}.csv"]) == 0
    written = (folder / f"{CAFE}.csv").read_bytes()
    assert written.splitlines()[1].startswith(b"caf\xe9/caf\xe9.png,")


@pytest.mark.parametrize("style", ["text", "json", "github", "sarif"])
def test_a_name_that_is_no_utf_8_is_printed_as_its_bytes(style, folder):
    mlmodel.write(digits(), folder / f"{CAFE}.mlmodel")
    (folder / f"{CAFE}.mlmodel").write_bytes(b"nothing")
    done = subprocess.run(
        [SCRIPT, "validate", f"{CAFE}.mlmodel", "--format", style],
        capture_output=True, env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"")
    spelled = {"json": b"caf\\udce9", "sarif": b"caf%E9"}.get(style, b"caf\xe9")
    assert spelled + b".mlmodel" in done.stdout


@pytest.mark.parametrize(
    ("content", "words"), [("", "is empty"), ("<html>", "is an HTML page"), ("words", "is not a K")]
)
def test_what_is_no_keras_file_is_refused_before_tensorflow_starts(content, words, tmp_path):
    (tmp_path / "a.h5").write_text(content)
    mlmodel.write(digits(), tmp_path / "m.mlmodel")
    code = (
        "import sys; from converter.cli import run\n"
        "for command in ['convert'], ['inspect'], ['recipe', 'init'], "
        "['verify', 'm.mlmodel', '--against']:\n"
        "    assert run([*command, 'a.h5']) == 1\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert [line.startswith(f"error: a.h5: {words}") for line in lines] == [True] * 4
