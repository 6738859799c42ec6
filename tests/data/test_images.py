"""Folders of real image files."""

import numpy as np
import pytest
from PIL import Image

from converter import data
from converter.errors import DataError
from tests.data.test_arrays import model_of
from tests.runtime.test_targets import NAMES, classifier

SIZE = (6, 4)  # width, height: Pillow's order
COLOURS = {"ant": (200, 10, 20), "bee": (10, 200, 20), "cat": (10, 20, 200)}


def rgb():
    return model_of((3, 4, 6), image="RGB")


@pytest.fixture
def folder(tmp_path):
    for name, colour in COLOURS.items():
        (tmp_path / name).mkdir()
        for i, suffix in enumerate(["png", "jpg", "PNG"]):
            Image.new("RGB", SIZE, colour).save(
                tmp_path / name / f"{i}.{suffix}", suffix.replace("jpg", "jpeg")
            )
        (tmp_path / name / "notes.txt").write_text("ignored")
        (tmp_path / name / ".hidden.png").write_text("ignored")
    return tmp_path


def every(labelled):
    return labelled.samples.take(np.arange(len(labelled.samples)))["image"]


def test_one_folder_for_each_class(folder):
    found = data.read(str(folder), rgb()).train
    assert found.y.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    pixels = every(found)
    assert pixels.shape == (9, 4, 6, 3)
    assert pixels.dtype == np.uint8
    for label, colour in enumerate(COLOURS.values()):
        for i in range(3):
            assert np.abs(pixels[3 * label + i].astype(int) - colour).max() <= 3  # JPEG is lossy


def test_images_for_an_array_input(folder):
    found = data.read(str(folder), model_of((3, 4, 6)), data.Reading(scale=1 / 255)).train
    first = found.samples.take(np.array([0]))["image"]
    assert first.shape == (1, 3, 4, 6)
    np.testing.assert_allclose(first[0, :, 0, 0], np.array(COLOURS["ant"]) / 255, rtol=1e-6)


def test_gray_networks_get_gray(folder):
    pixels = every(data.read(str(folder), model_of((1, 4, 6), image="GRAYSCALE")).train)
    assert pixels.shape == (9, 4, 6, 1)
    assert pixels[0, 0, 0, 0] == np.asarray(Image.new("RGB", (1, 1), COLOURS["ant"]).convert("L"))


def test_images_of_other_sizes_are_stretched(tmp_path):
    (tmp_path / "a").mkdir()
    halves = np.zeros((40, 60, 3), np.uint8)
    halves[:, 30:] = 255
    Image.fromarray(halves).save(tmp_path / "a" / "big.png")
    pixels = every(data.read(str(tmp_path), rgb()).train)[0, :, :, 0]
    assert pixels.shape == (4, 6)
    assert (pixels[:, 0] == 0).all()
    assert (pixels[:, 5] == 255).all()


def test_images_are_turned_upright(tmp_path):
    (tmp_path / "a").mkdir()
    image = Image.new("RGB", (4, 6))
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees to see it upright
    image.save(tmp_path / "a" / "turned.png", exif=exif)
    pixels = every(data.read(str(tmp_path), rgb()).train)[0, :, :, 0]
    assert pixels[0, 5] == 255
    assert pixels.sum() == 255


def test_transparent_and_paletted_images(tmp_path):
    (tmp_path / "a").mkdir()
    Image.new("RGBA", SIZE, (200, 10, 20, 255)).save(tmp_path / "a" / "0.png")
    Image.new("RGB", SIZE, (200, 10, 20)).convert("P", palette=Image.Palette.ADAPTIVE).save(
        tmp_path / "a" / "1.gif"
    )
    pixels = every(data.read(str(tmp_path), rgb()).train)
    assert np.abs(pixels.astype(int) - (200, 10, 20)).max() <= 3


def test_parts_for_training_and_testing(folder, tmp_path_factory):
    place = tmp_path_factory.mktemp("parts")
    (place / "train").symlink_to(folder)
    (place / "val").symlink_to(folder)
    found = data.read(str(place), rgb())
    assert len(found.train.samples) == len(found.test.samples) == 9


def test_folders_named_by_numbers_are_those_classes(tmp_path):
    for name in ("3", "7"):
        (tmp_path / name).mkdir()
        Image.new("RGB", SIZE).save(tmp_path / name / "0.png")
    assert data.read(str(tmp_path), rgb()).train.y.tolist() == [3, 7]


def test_classifiers_know_folders_by_name(tmp_path):
    for name in ("class 7", "class 2"):
        (tmp_path / name).mkdir()
        Image.new("L", (28, 28)).save(tmp_path / name / "0.png")
    found = data.read(str(tmp_path), classifier(NAMES)).train
    assert found.y.tolist() == ["class 2", "class 7"]


def test_one_image_and_a_flat_folder_without_labels(folder):
    one = data.read_inputs(str(folder / "bee" / "0.png"), rgb())
    assert one.samples.take(np.array([0]))["image"][0, 0, 0].tolist() == list(COLOURS["bee"])
    flat = data.read_inputs(str(folder / "bee"), rgb())
    assert [name.rsplit("/", 1)[1] for name in flat.names] == ["0.png", "1.jpg", "2.PNG"]
    assert len(data.read_inputs(str(folder), rgb()).samples) == 9


@pytest.mark.parametrize("content", [b"", b"no image", "cut"])
def test_an_unreadable_image_is_named(folder, content):
    victim = folder / "cat" / "0.png"
    if content == "cut":
        noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(noise).save(victim)
        content = victim.read_bytes()[:2000]
    victim.write_bytes(content)
    with pytest.raises(DataError, match=r"cat/0\.png: cannot be read as an image"):
        every(data.read(str(folder), rgb()).train)


def test_a_folder_without_images(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="holds no images; put them in one folder for each class"):
        data.read(str(tmp_path), rgb())


def test_an_input_that_takes_no_images(folder):
    with pytest.raises(DataError, match="takes no images, but arrays of"):
        data.read(str(folder), model_of((7,)))


def test_a_network_with_two_inputs(folder):
    with pytest.raises(DataError, match="data for one input, but the model has 2"):
        data.read(str(folder), model_of((3, 4, 6), (3, 4, 6)))
