"""The commands weights and extract, in this process."""

import json
from pathlib import Path

import numpy as np
import pytest

from converter import cli
from converter.coreml import mlmodel
from converter.weights import tensors
from tests.runtime.updatable import digits
from tests.weights import espresso
from tests.weights.test_average import personal


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mlmodel.write(digits(layers=("dense", "head")), Path("shipped.mlmodel"))
    for number, name in enumerate("ab"):
        mlmodel.write(personal(number), Path(f"{name}.mlmodel"))


@pytest.fixture
def run(capsys):
    def run(line):
        code = cli.run(line.split())
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_list_tells_names_shapes_and_what_learns(run):
    code, out, err = run("weights list shipped.mlmodel --frozen")
    assert (code, err) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    assert ["conv/kernel", "3 × 3 × 1 × 4", "36", "frozen"] in rows
    assert ["dense/kernel", "676 × 16", "10,816", "learn"] in rows
    code, out, _ = run("weights list shipped.mlmodel --json")
    assert json.loads(out)["weights"][-1] == {"name": "head/bias", "shape": [10], "learns": True}


def test_what_get_writes_set_takes(run):
    assert run("weights get a.mlmodel -o w.npz") == (0, "wrote w.npz\n", "")
    assert run("weights set shipped.mlmodel w.npz -o again.mlmodel -q") == (0, "", "")
    assert Path("again.mlmodel").read_bytes() == Path("a.mlmodel").read_bytes()
    with np.load("w.npz") as stored:
        np.savez("less.npz", **{"head/bias": stored["head/bias"]})
    code, _, err = run("weights set shipped.mlmodel less.npz -o bad.mlmodel")
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith("error: less.npz: 'dense/kernel' is missing")
    assert not Path("bad.mlmodel").exists()


def test_diff_tells_how_far_each_weight_moved(run):
    code, out, err = run("weights diff shipped.mlmodel a.mlmodel --json")
    assert (code, err) == (0, "")
    facts = {row["name"]: row for row in json.loads(out)["weights"]}
    first, second = (
        tensors.weights(mlmodel.read(Path(p))) for p in ("shipped.mlmodel", "a.mlmodel")
    )
    gap = second["head/kernel"].astype(float) - first["head/kernel"]
    assert facts["head/kernel"]["distance"] == pytest.approx(np.linalg.norm(gap))
    assert facts["head/bias"]["relative"] is None  # from zeros
    run("weights get a.mlmodel -o w.npz")
    code, out, _ = run("weights diff w.npz a.mlmodel")
    assert code == 0
    assert out.count(" 0 ") >= 12
    assert run("weights diff w.npz w.npz")[0] == 2


def test_diff_notes_models_of_another_origin(run):
    mlmodel.write(digits(layers=("head",)), Path("other.mlmodel"))
    spec = digits(layers=("dense", "head"))
    spec.neuralNetwork.layers[0].convolution.bias.floatValue[0] = 1
    mlmodel.write(spec, Path("moved.mlmodel"))
    code, _, err = run("weights diff shipped.mlmodel moved.mlmodel")
    assert code == 0
    assert err == (
        "note: the models do not descend from the same file: the frozen weights of layer 'conv' "
        "differ\n"
    )
    assert run("weights diff shipped.mlmodel other.mlmodel")[0] == 1


def history(name, samples):
    Path(name).write_text(json.dumps({"samples": samples, "before": None, "epochs": []}))
    return name


def test_average_counts_models_as_it_is_told(run):
    history("a.json", 30), history("b.json", 10)
    Path("both.json").write_text("[30, 10]")
    line = "weights average a.mlmodel b.mlmodel -o mean.mlmodel"
    assert run(f"{line} --weights 3,1") == (0, "wrote mean.mlmodel, the mean of 2 models\n", "")
    weighted = Path("mean.mlmodel").read_bytes()
    for option in ("--samples-from a.json --samples-from b.json", "--samples-from both.json"):
        assert run(f"{line} {option} -q") == (0, "", "")
        assert Path("mean.mlmodel").read_bytes() == weighted
    assert run(f"{line} -q")[0] == 0
    assert Path("mean.mlmodel").read_bytes() != weighted


WRONG = {
    "--weights 1": (2, "--weights: 1 numbers for 2 models; give as many"),
    "--weights 1,x": (2, "'1,x' is not a list of numbers like 1,2,1"),
    "--weights 0,0": (2, "--weights: their sum is 0; give some that count"),
    "--weights 1,nan": (2, "--weights: nan is no weight; give numbers of 0 or more"),
    "--weights=-1,2": (2, "--weights: -1 is no weight; give numbers of 0 or more"),
    "--weights 1,2 --samples-from a.json": (2, "--weights and --samples-from exclude each other"),
    "--samples-from a.json": (2, "--samples-from: tells of 1 models, but there are 2"),
    "--samples-from a.json --samples-from none.json": (1, "none.json: cannot be read"),
    "--samples-from a.json --samples-from old.json": (1, "old.json: tells no number of samples"),
    "--samples-from a.json --samples-from text.json": (1, "text.json: is not JSON"),
    "--samples-from a.json --samples-from odd.json": (1, "odd.json: tells no number of samples"),
    "--samples-from zero.json --samples-from zero.json": (2, "--weights: their sum is 0"),
}


@pytest.mark.parametrize("options", WRONG)
def test_wrong_numbers_write_nothing(options, run):
    history("a.json", 3), history("zero.json", 0), history("odd.json", -1)
    Path("old.json").write_text('{"before": null, "epochs": []}')
    Path("text.json").write_text("samples: 3")
    code, words = WRONG[options]
    found, out, err = run(f"weights average a.mlmodel b.mlmodel -o mean.mlmodel {options}")
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert words in err
    assert not Path("mean.mlmodel").exists()


def test_adopt_writes_what_the_device_learned(run):
    espresso.write(mlmodel.read(Path("a.mlmodel")), Path("p.mlmodelc"))
    line = "weights adopt p.mlmodelc --into shipped.mlmodel -o p.mlmodel"
    assert run(line) == (0, "wrote p.mlmodel\n", "")
    assert Path("p.mlmodel").read_bytes() == Path("a.mlmodel").read_bytes()
    code, _, err = run("weights list p.mlmodelc")
    assert (code, err.count("\n")) == (1, 1)
    assert "is a compiled model, not a .mlmodel file; make-updatable weights adopt" in err


def test_extract_tells_what_it_put_where(run):
    import converter
    from tests.weights.test_extraction import CROSS, compiled, flat, head, learned

    compiled(CROSS, flat(), head()).save("model.h5")
    learned(converter.convert("model.h5", verify=False)).save("p.mlmodel")
    code, out, err = run("extract p.mlmodel --into model.h5 -o personal.h5")
    assert (code, err) == (0, "")
    first, parity, last = out.splitlines()
    assert first == "put in  head/kernel, head/bias"
    assert parity.startswith("parity  ")
    assert last == "wrote personal.h5"
    code, _, err = run("extract p.mlmodel --into model.h5 -o model.h5")
    assert (code, err.count("\n")) == (1, 1)
    assert "is the same file as the input --into" in err
