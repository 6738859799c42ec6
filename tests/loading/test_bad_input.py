"""Files that are no Keras model, or none that can be read: one clear line each."""

import shutil
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from converter.loading import load
from tests.loading.changed import HDF5, refusal, with_architecture
from tests.paths import ZOO


def first_conv(layers):
    return next(layer["config"] for layer in layers if layer["class_name"] == "Conv2D")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello world, this is text", "is not a Keras model"),
        (b'{"class_name": "Sequential"}', "JSON, without weights"),
        (b"\x80\x04\x95 pickled", "a Python pickle"),
        (b"PK\x03\x04 broken", "damaged or truncated"),
        (b"\x89HDF\r\n\x1a\n broken", "damaged or truncated"),
    ],
)
def test_other_files(tmp_path, content, words):
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    assert words in refusal(path)


def test_a_missing_file_and_a_folder(tmp_path):
    assert "No such file" in refusal(tmp_path / "none.h5")
    assert "is a folder" in refusal(tmp_path)


def test_hdf5_and_zips_without_a_model(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["images"] = np.zeros(3)
    assert "holds no Keras model" in refusal(tmp_path / "data.h5")
    for inside, words in (("readme.txt", "is a zip"), ("model/data.pkl", "is a PyTorch file")):
        with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
            archive.writestr(inside, "text")
        assert words in refusal(tmp_path / "other.keras")


def test_an_unknown_argument_is_an_error(tmp_path):
    changed = with_architecture(tmp_path, lambda layers: first_conv(layers).update(warp=0.5))
    assert refusal(changed).startswith("layer 'conv2d' (Conv2D) has the argument warp=0.5")


def test_an_unknown_argument_that_is_not_set_is_none(tmp_path):
    changed = with_architecture(tmp_path, lambda layers: first_conv(layers).update(warp=None))
    assert load(changed).model.built


def test_an_argument_without_effect_is_only_dropped_at_its_neutral_value(tmp_path):
    source = ZOO / "tf24_teachable.h5"  # DepthwiseConv2D with groups=1, deep inside
    text = load(source)
    assert text.model.built
    path = tmp_path / "groups.h5"
    shutil.copy(source, path)
    with h5py.File(path, "r+") as file:
        stored = file.attrs["model_config"]
        assert '"groups": 1, "activation": "linear", "use_bias": false, "bias_init' in stored
        file.attrs["model_config"] = stored.replace(
            '"groups": 1, "activation": "linear", "use_bias": false, "bias_init',
            '"groups": 2, "activation": "linear", "use_bias": false, "bias_init',
        )
    assert "(DepthwiseConv2D) has the argument groups=2" in refusal(path)


def test_unknown_classes_and_functions_are_named(tmp_path):
    def rename(layers):
        layers[-1]["class_name"] = "MyDense"

    assert "layer 'dense_6' (MyDense)" in refusal(with_architecture(tmp_path, rename))
    activation = with_architecture(
        tmp_path, lambda layers: first_conv(layers).update(activation="my_act")
    )
    assert "activation 'my_act'" in refusal(activation)


def test_unknown_tensorflow_functions_are_refused_by_name(tmp_path):
    def rename(layers):
        (layer,) = (x["config"] for x in layers if x["name"] == "tf.nn.relu6")
        layer["function"] = "io.read_file"

    path = with_architecture(tmp_path, rename, ZOO / "tf24_functions.h5")
    assert "tf.io.read_file, which is not known" in refusal(path)


def test_arrays_that_do_not_fit_are_named(tmp_path):
    wide = with_architecture(tmp_path, lambda layers: layers[-1]["config"].update(units=4))
    assert "layer 'dense_6' (Dense) has a kernel of shape (6, 4)" in refusal(wide)
    path = tmp_path / "swapped.h5"
    shutil.copy(HDF5, path)
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]["dense_5"]
        group.attrs["weight_names"] = group.attrs["weight_names"][::-1]
    assert "order that cannot be told" in refusal(path)
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]["dense_5"]
        group.attrs["weight_names"] = group.attrs["weight_names"][:1]
    assert "has 2 weights, but the file holds 1 arrays" in refusal(path)


def test_arrays_without_a_layer_and_layers_without_arrays(tmp_path):
    fewer = with_architecture(tmp_path, lambda layers: layers.pop())
    assert "weights of a layer 'dense_6'" in refusal(fewer)
    path = tmp_path / "fewer.h5"
    shutil.copy(HDF5, path)
    with h5py.File(path, "r+") as file:
        names = file["model_weights"].attrs["layer_names"]
        file["model_weights"].attrs["layer_names"] = names[:-1]
    assert "holds no array for" in refusal(path)


def test_input_shapes():
    open_size = ZOO / "tf24_any_size.h5"
    assert "open (?,?,3); give them: --input-shape 224,224,3" in refusal(open_size)
    for wrong in ((32, 32), (32, 32, 1)):
        assert "contradicts" in refusal(open_size, input_shape=wrong)
    assert load(open_size, input_shape=(30, 20, 3)).model.input_shape == (None, 30, 20, 3)
    assert load(HDF5, input_shape=(12, 12, 1)).model.input_shape == (None, 12, 12, 1)
    assert "contradicts" in refusal(HDF5, input_shape=(16, 16, 1))


def test_a_sequential_that_says_nothing_of_its_input(tmp_path):
    def forget(layers):
        layers.pop(0)
        layers[0]["config"].pop("batch_input_shape", None)

    path = with_architecture(tmp_path, forget)
    assert "does not say the shape of its input" in refusal(path)
    assert load(path, input_shape=(12, 12, 1)).model.built


def test_bad_files_are_refused_without_loading_tensorflow():
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from converter.loading import load\n"
        "from converter.errors import KerasFileError\n"
        f"for name in ('keras315_lambda.keras', 'keras224_weights_only.h5', 'none.h5'):\n"
        f"    try: load(Path({str(ZOO)!r}) / name)\n"
        "    except KerasFileError: pass\n"
        "    else: raise SystemExit('not refused')\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "words"), [("tensorflow", "TensorFlow"), ("keras", "TensorFlow"), ("h5py", "h5py")]
)
def test_a_missing_package_is_named_with_what_to_install(package, words):
    code = (
        "import sys\n"
        f"sys.modules[{package!r}] = None  # as if it were not installed\n"
        "from pathlib import Path\n"
        "from converter.errors import MissingDependencyError\n"
        "from converter.loading import load\n"
        f"try: load(Path({str(HDF5)!r}))\n"
        "except MissingDependencyError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert words in done.stdout
    assert "pip install '.[keras]'" in done.stdout


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("FlaxLayer", "runs a Flax module"),
        ("IntegerLookup", "may read a vocabulary from another file"),
        ("JaxLayer", "runs a JAX function"),
        ("StringLookup", "may read a vocabulary from another file"),
        ("TFSMLayer", "runs a SavedModel from another place"),
        ("TextVectorization", "may read a vocabulary from another file"),
        ("TorchModuleWrapper", "runs a PyTorch module"),
    ],
)
@pytest.mark.parametrize("is_trusted", [False, True])
def test_classes_that_reach_outside_of_the_file_are_never_made(tmp_path, kind, why, is_trusted):
    def change(layers):
        config = {"name": "odd", "filepath": str(tmp_path / "saved"), "call_endpoint": "serve"}
        layers[-1] = {"class_name": kind, "config": config, "module": "keras.layers"}

    changed = with_architecture(tmp_path, change)
    assert (
        refusal(changed, allow_unsafe=is_trusted)
        == f"layer 'odd' ({kind}) {why}, and cannot be read"
    )
