"""Archives of arrays: which array is which, which axis is which, and what is refused."""

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter import data
from converter.errors import DataError, UsageError
from tests.runtime.updatable import digits


def model_of(*shapes, image=None):
    names = ["image", "other"][: len(shapes)]
    builder = NeuralNetworkBuilder(
        [(name, datatypes.Array(*shape)) for name, shape in zip(names, shapes, strict=True)],
        [("y", None)],
    )
    builder.add_activation("same", "LINEAR", "image", "y", [1.0, 0.0])
    if image:
        feature = builder.spec.description.input[0].type.imageType
        _, feature.height, feature.width = shapes[0]
        feature.colorSpace = feature.ColorSpace.Value(image)
    return builder.spec


def stored(folder, **arrays):
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return str(path)


def numbers(*shape, dtype=np.float32):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def taken(found, name="image", rows=(1, 0)):
    return found.train.samples.take(np.array(rows))[name]


CHW, HWC = (3, 4, 5), (4, 5, 3)


@pytest.mark.parametrize("layout", ["auto", "nhwc"])
def test_channels_last_is_turned(tmp_path, layout):
    x = numbers(6, *HWC)
    place = stored(tmp_path, x=x, y=np.arange(6))
    found = data.read(place, model_of(CHW), data.Reading(layout))
    np.testing.assert_array_equal(taken(found), x[[1, 0]].transpose(0, 3, 1, 2))


@pytest.mark.parametrize("layout", ["auto", "nchw"])
def test_channels_first_is_taken_as_it_is(tmp_path, layout):
    x = numbers(6, *CHW)
    place = stored(tmp_path, x=x, y=np.arange(6))
    found = data.read(place, model_of(CHW), data.Reading(layout))
    np.testing.assert_array_equal(taken(found), x[[1, 0]])


def test_one_channel_may_be_left_out(tmp_path):
    x = numbers(6, 4, 5)
    found = data.read(stored(tmp_path, x=x, y=np.arange(6)), model_of((1, 4, 5)))
    np.testing.assert_array_equal(taken(found), x[[1, 0], None])


def test_where_both_layouts_fit_it_must_be_told(tmp_path):
    x = numbers(6, 3, 3, 3)
    place = stored(tmp_path, x=x, y=np.arange(6))
    with pytest.raises(UsageError, match="say --layout nhwc or --layout nchw"):
        data.read(place, model_of((3, 3, 3)))
    last = data.read(place, model_of((3, 3, 3)), data.Reading("nhwc"))
    np.testing.assert_array_equal(taken(last), x[[1, 0]].transpose(0, 3, 1, 2))
    first = data.read(place, model_of((3, 3, 3)), data.Reading("nchw"))
    np.testing.assert_array_equal(taken(first), x[[1, 0]])


def test_an_image_of_one_pixel_has_one_layout(tmp_path):
    x = numbers(6, 1, 1, 1)
    found = data.read(stored(tmp_path, x=x, y=np.arange(6)), model_of((1, 1, 1)))
    np.testing.assert_array_equal(taken(found), x[[1, 0]])


def test_vectors(tmp_path):
    x = numbers(6, 7)
    found = data.read(stored(tmp_path, x=x, y=np.arange(6)), model_of((7,)))
    np.testing.assert_array_equal(taken(found), x[[1, 0]])


@pytest.mark.parametrize("shape", [HWC, CHW])
def test_images_stay_channels_last(tmp_path, shape):
    x = numbers(6, *shape, dtype=np.uint8)
    found = data.read(stored(tmp_path, x=x, y=np.arange(6)), model_of(CHW, image="RGB"))
    last = x if shape == HWC else x.transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(taken(found), last[[1, 0]])
    assert taken(found).dtype == np.uint8


def test_fractions_are_no_pixels_unless_scaled(tmp_path):
    x = np.random.default_rng(0).uniform(size=(6, *HWC))
    place = stored(tmp_path, x=x, y=np.arange(6))
    with pytest.raises(DataError, match="say --scale 255"):
        data.read(place, model_of(CHW, image="BGR"))
    found = data.read(place, model_of(CHW, image="BGR"), data.Reading(scale=255.0))
    np.testing.assert_allclose(taken(found), 255 * x[[1, 0]], rtol=1e-6)


def test_scaling(tmp_path):
    x = numbers(6, 4, 5, dtype=np.uint8)
    place = stored(tmp_path, x=x, y=np.arange(6))
    found = taken(data.read(place, model_of((1, 4, 5)), data.Reading(scale=1 / 255)))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, x[[1, 0], None] / 255, rtol=1e-6)


def test_parts_for_training_and_testing(tmp_path):
    arrays = {"x_train": numbers(6, 7), "y_train": np.arange(6)}
    tests = {"x_test": numbers(3, 7) + 1, "y_test": np.arange(3) + 5}
    found = data.read(stored(tmp_path, **arrays, **tests), model_of((7,)))
    assert found.train.y.tolist() == list(range(6))
    assert found.test.y.tolist() == [5, 6, 7]
    assert found.test.samples.take(np.array([0]))["image"][0, 0] == 1
    assert data.read(stored(tmp_path, **arrays), model_of((7,))).test is None


def test_parts_of_unequal_length_are_not_swapped(tmp_path):
    """Whichever is longer, and in whatever order they stand in the file."""
    for train, test in ((6, 3), (3, 6)):
        arrays = {
            "y_test": np.arange(test) + 50, "x_train": numbers(train, 7),
            "x_test": numbers(test, 7) + 1, "y_train": np.arange(train),
        }  # fmt: skip
        found = data.read(stored(tmp_path, **arrays), model_of((7,)))
        assert (len(found.train.samples), len(found.test.samples)) == (train, test)
        assert found.train.y.tolist() == list(range(train))
        assert found.test.y.tolist() == list(range(50, 50 + test))


def test_several_inputs_go_by_name(tmp_path):
    place = stored(tmp_path, image=numbers(4, 7), other=numbers(4, *HWC), y=np.arange(4))
    found = data.read(place, model_of((7,), CHW))
    assert taken(found).shape == (2, 7)
    assert taken(found, "other").shape == (2, *CHW)


def test_holding_out(tmp_path):
    found = data.read(stored(tmp_path, x=numbers(20, 7), y=np.arange(20)), model_of((7,)))
    parts = data.held_out(found.train, 0.25, seed=3)
    assert len(parts.test.samples) == len(parts.test.y) == 5
    assert sorted([*parts.train.y, *parts.test.y]) == list(range(20))
    for part in (parts.train, parts.test):
        rows = part.samples.take(np.arange(len(part.y)))["image"]
        assert (rows[:, 0] / 7).tolist() == part.y.tolist()
    again = data.held_out(found.train, 0.25, seed=3)
    assert again.test.y.tolist() == parts.test.y.tolist()
    with pytest.raises(UsageError, match="leaves none on one side"):
        data.held_out(found.train, 0.01)


BAD = {
    "no x": ({"z": numbers(3, 7), "y": np.arange(3)}, "holds no array image or x; it has z, y"),
    "no y": ({"x": numbers(3, 7)}, "holds no array y; it has x"),
    "counts": ({"x": numbers(3, 7), "y": np.arange(2)}, "holds 3 samples, but 2 labels"),
    "nan": ({"x": np.array([[0.0] * 7, [np.nan] * 7]), "y": np.arange(2)}, "sample 1 holds NaN"),
    "infinity": ({"x": np.full((2, 7), np.inf), "y": np.arange(2)}, "sample 0 holds NaN"),
    "text": ({"x": np.array([["a"] * 7]), "y": np.arange(1)}, "instead of numbers"),
    "one number": ({"x": np.array(1.0), "y": np.arange(1)}, "holds no array image or x"),
    "objects": ({"x": np.array([{}, {}]), "y": np.arange(2)}, "x holds Python objects"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_archives(tmp_path, case):
    arrays, message = BAD[case]
    place = stored(tmp_path, **arrays)
    with pytest.raises(DataError, match=message) as caught:
        data.read(place, model_of((7,)))
    assert "\n" not in str(caught.value)


def test_a_shape_that_fits_no_layout(tmp_path):
    place = stored(tmp_path, x=numbers(6, 4, 5, 2), y=np.arange(6))
    with pytest.raises(
        DataError, match=r"\[6, 4, 5, 2\] do not fit the input 'image': \[N, 4, 5, 3\]"
    ):
        data.read(place, model_of(CHW))
    place = stored(tmp_path, x=numbers(6, *CHW), y=np.arange(6))
    with pytest.raises(DataError, match="do not fit"):
        data.read(place, model_of(CHW), data.Reading("nhwc"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"), (b"words", "it is not one"), (b"\x80\x04N.", "it is not one"),
        (b"PK\x03\x04cut", "it is damaged or cut off"),
    ],
)  # fmt: skip
def test_files_that_are_no_archives(tmp_path, content, reason):
    path = tmp_path / "d.npz"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        data.read(str(path), digits())
    assert str(caught.value) == f"{path}: cannot be read as an .npz archive ({reason})"


@pytest.mark.parametrize("reading", [data.read, data.read_inputs])
@pytest.mark.parametrize(
    ("place", "meant"),
    [
        ("mnst", "did you mean mnist?"), ("fashion-mnist", "did you mean fashion_mnist?"),
        ("smples.npz", "did you mean samples.npz?"), ("elsewhere/x", "give an .npz file, a folder"),
    ],
)  # fmt: skip
def test_what_was_meant_by_a_place_that_does_not_exist(
    reading, place, meant, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samples.npz").touch()
    with pytest.raises(DataError) as caught:
        reading(place, digits())
    assert str(caught.value).startswith(f"{place}: there is no such file or folder; {meant}")


def test_a_single_array_is_no_archive(tmp_path):
    path = tmp_path / "d.npz"
    with path.open("wb") as file:
        np.save(file, numbers(3, 7))
    with pytest.raises(DataError, match="holds one array"):
        data.read(str(path), digits())


def test_datasets_of_keras(monkeypatch):
    from converter.backend.tensorflow import keras

    # The download cannot be had in a test; a stand-in gives what load_data gives.
    x = numbers(5, 28, 28, dtype=np.uint8)
    y = np.arange(5, dtype=np.uint8)
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: ((x, y), (x[:2], y[:2])))
    found = data.read("mnist", digits())
    np.testing.assert_array_equal(taken(found), x[[1, 0], None])
    assert found.test.y.tolist() == [0, 1]

    def fail():
        raise Exception("URL fetch failure: offline\nmore")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    with pytest.raises(DataError, match=r"cannot be loaded: URL fetch failure: offline$"):
        data.read("mnist", digits())


def test_inputs_without_labels(tmp_path):
    found = data.read_inputs(stored(tmp_path, x=numbers(3, 7)), model_of((7,)))
    assert list(found.names) == ["0", "1", "2"]
    assert found.samples.take(np.array([2]))["image"].shape == (1, 7)
