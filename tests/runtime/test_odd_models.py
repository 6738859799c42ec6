"""Models that Apple's validator accepts, but that lack what a command needs: one true line each."""

import numpy as np
import pytest

from converter import cli
from converter.coreml.mlmodel import network
from tests.validation.specs import (
    Layers,
    dense_head,
    feature,
    fill,
    image_regression,
    lenet,
    new_model,
)


def on_image(kind, channels=4, **params):
    """Return a model of one layer of `kind` on an array of 8 × 8."""
    model = new_model()
    feature(model.description.input, "image", [channels, 8, 8])
    Layers(network(model)).add(kind, "odd", **params)
    feature(model.description.output, "odd", [channels, 8, 8])
    return model


def split():
    model = on_image("split", nOutputs=4)
    network(model).layers[0].output.append("other")
    return model


def empty_mean():
    model = image_regression()
    network(model).preprocessing.add(featureName="photo").meanImage.SetInParent()
    return model


def resize(mode, *size):
    model = on_image("resizeBilinear", targetSize=size or [4, 4])
    network(model).layers[0].resizeBilinear.mode.samplingMethod = mode
    return model


def three_kernel_sizes():
    model = lenet()
    network(model).layers[0].convolution.kernelSize.append(3)
    return model


def reordered():
    """A network whose first layer reads what its last makes."""
    model = lenet()
    layers = network(model).layers
    layers[0].input[0] = layers[-1].output[0]
    return model


def padded():
    """A border that no memory holds, under a window that leaves little of it."""
    model = on_image("pooling", kernelSize=[2**20, 2**20], stride=[2**20, 2**20], valid=None)
    amounts = network(model).layers[0].pooling.valid.paddingAmounts
    for _ in range(2):
        amounts.borderAmounts.add(startEdgeSize=2**20, endEdgeSize=2**20)
    return model


UNFIT = "its parameters do not fit its input"

ODD = {
    "split": (split, "predict", f"layer 'odd' (split): {UNFIT} (4 blobs come out, 2 are named)"),
    "empty mean": (empty_mean, "predict", "the mean image has 0 values, but an image 192"),
    "interpolation": (lambda: resize(99), "predict", f"layer 'odd' (resizeBilinear): {UNFIT}"),
    "many parts": (lambda: on_image("split", nOutputs=65552), "predict",
                   f"layer 'odd' (split): {UNFIT} (4 channels cannot be divided into 65552 parts)"),
    "region of no size": (lambda: resize(3, 0, 4), "predict",
                          f"layer 'odd' (resizeBilinear): {UNFIT} (an image is to become 0 pixels"),
    "kernel sizes": (three_kernel_sizes, "train",
                     "layer 'conv_1' (convolution): its kernel has 3 sizes where height and width"),
    "order": (reordered, "predict", "the network makes no blob 'probabilities' before it is"),
    "no output": (lambda: on_image("softmax", outputs=[]), "predict", "has no input, or no output"),
    "no input": (lambda: on_image("softmax", inputs=[]), "predict", "has no input, or no output"),
    "lrn of 0": (lambda: on_image("lrn"), "predict", f"layer 'odd' (lrn): {UNFIT}"),
    "target size": (lambda: on_image("resizeBilinear", targetSize=[10**6, 10**6]), "predict",
                    "the blob 'odd' has 4×1000000×1000000 values, more than fit in memory"),
    "upsampling": (lambda: on_image("upsample", scalingFactor=[10**5, 10**5]), "predict",
                   "the blob 'odd' has 4×800000×800000 values, more than fit in memory"),
    "absurd number": (lambda: on_image("pooling", kernelSize=[2**40, 1], valid=None), "predict",
                      "layer 'odd' (pooling): its kernelSize is 1099511627776, more than any blob"),
    "border": (padded, "predict", "an image of 2097160 × 2097160 pixels comes up on the way"),
}  # fmt: skip


@pytest.fixture
def run(tmp_path, capsys):
    def run_on(model, *command):
        path = tmp_path / "Odd.mlmodel"
        path.write_bytes(model.SerializeToString())
        code = cli.run([command[0], str(path), *command[1:]])
        return code, *capsys.readouterr()

    return run_on


@pytest.mark.parametrize("name", ODD)
def test_what_cannot_be_run_is_told_in_one_line(tmp_path, run, name):
    build, command, words = ODD[name]
    model = build()
    image = model.description.input[0].type
    sizes = tuple(image.multiArrayType.shape) or (8, 8, 3)
    np.savez(tmp_path / "data.npz", x=np.full((2, *sizes), 1, np.uint8), y=np.array([0, 1]))
    more = ["-o", str(tmp_path / "out.mlmodel")] if command == "train" else []
    data = ["--data", str(tmp_path / "data.npz"), "--layout", "nchw"]
    if sizes == (8, 8, 3):
        data = data[:2]
    code, _, errors = run(model, command, *data, *more)
    told = [line for line in errors.splitlines() if not line.startswith("warning: not on a dev")]
    assert (code, len(told)) == (1, 1)
    assert words in told[0]


def test_a_window_over_many_channels_counts_those_there_are(tmp_path, run):
    model = on_image("lrn", localSize=2**27 + 1, alpha=2.0**27, beta=1.0, k=1.0)
    np.savez(tmp_path / "data.npz", x=np.ones((1, 4, 8, 8), np.float32))
    out = tmp_path / "out.npz"
    data = ["--data", str(tmp_path / "data.npz"), "--layout", "nchw", "-o", str(out)]
    assert run(model, "predict", *data)[0] == 0
    with np.load(out) as found:  # 1 / (1 + 2^27 / (2^27 + 1) * 4), by hand
        np.testing.assert_allclose(found["odd"], 0.2, rtol=1e-6)


def test_roi_align_is_run(tmp_path, run):
    model = resize(3)
    x = np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8).repeat(4, 1)
    np.savez(tmp_path / "data.npz", x=x)
    out = tmp_path / "out.npz"
    data = ["--data", str(tmp_path / "data.npz"), "--layout", "nchw", "-o", str(out)]
    code, _, errors = run(model, "predict", *data)
    assert (code, errors) == (0, "")
    with np.load(out) as found:  # points at 7 / 4 * (0.5, 1.5, 2.5, 3.5) along both axes
        points = 7 / 4 * (np.arange(4) + 0.5)
        np.testing.assert_allclose(found["odd"][0, 0], 8 * points[:, None] + points, rtol=1e-6)


def test_weights_of_custom_layers_and_unknown_types_are_shown(run):
    model = on_image("custom", className="Own")
    fill(network(model).layers[0].custom.weights.add(), 5)
    model.description.input[0].type.multiArrayType.dataType = 99
    code, output, errors = run(model, "inspect")
    assert (code, errors) == (0, "")
    assert "kind 99 [4, 8, 8]" in output
    assert " 5 " in output


def test_an_unknown_colour_is_shown(run):
    model = image_regression()
    model.description.input[0].type.imageType.colorSpace = 99
    code, output, _ = run(model, "inspect")
    assert (code, "kind 99 image 8 × 8" in output) == (0, True)


def test_swift_needs_the_type_of_the_answer(tmp_path, run):
    model = dense_head()
    model.description.trainingInput[-1].ClearField("type")
    code, _, errors = run(model, "swift", "-o", str(tmp_path / "Trainer.swift"))
    assert code == 1
    assert "training input 'probabilities_true': is of a kind that is not known here" in errors
