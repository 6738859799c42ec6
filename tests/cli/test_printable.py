"""Names and labels from files do not move, colour or clear what a terminal shows."""

import numpy as np
import pytest

from converter.cli import run
from converter.cli.printable import printable
from converter.coreml import mlmodel
from tests.runtime.test_targets import classifier

LABELS = [f"a\nb\x1b[2J {i}" for i in range(10)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\tc", r"a\nb\r\tc"), ("\x1b[31mred\x9b", r"\x1b[31mred\x9b"),
        ("\x00\x7f\u2028", r"\x00\x7f\u2028"), ("Zürich, 東京\u00a0🐈", "Zürich, 東京\u00a0🐈"),
        ("caf\udce9", "caf\udce9"),
    ],
)  # fmt: skip
def test_what_a_terminal_would_obey_is_escaped(text, shown):
    assert printable(text) == shown


def test_a_label_with_line_feeds_is_one_line_wherever_it_is_printed(tmp_path, capsys):
    model = classifier(LABELS)
    model.neuralNetworkClassifier.layers[0].name = "first\x1b[2J"
    model.description.predictedFeatureName = "label"
    model.description.predictedProbabilitiesName = model.description.output[0].name
    model.description.output.add(name="label").type.stringType.SetInParent()
    mlmodel.write(model, tmp_path / "m.mlmodel")
    np.savez(tmp_path / "d.npz", x=np.zeros((3, 28, 28, 1), np.float32), y=["no\nlabel"] * 3)
    capsys.readouterr()  # coremltools's remarks on the model
    place = str(tmp_path / "m.mlmodel"), "--data", str(tmp_path / "d.npz")
    assert run(["predict", *place]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(r"  a\nb\x1b[2J " in line for line in lines)
    assert run(["evaluate", *place]) == 1
    assert run(["inspect", place[0]]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert len(err.splitlines()) == 1
