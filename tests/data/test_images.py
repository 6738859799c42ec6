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
    with pytest.raises(DataError, match=r"holds no images .*CLASS/IMAGE.jpg, a folder"):
        data.read(str(tmp_path), rgb())


def test_an_input_that_takes_no_images(folder):
    with pytest.raises(DataError, match="takes no images, but arrays of"):
        data.read(str(folder), model_of((7,)))


def test_a_network_with_two_inputs(folder):
    with pytest.raises(DataError, match="data for one input, but the model has 2"):
        data.read(str(folder), model_of((3, 4, 6), (3, 4, 6)))


def test_what_is_left_out_of_a_folder_is_counted(folder):
    for place in ("ant/1.heic", "ant/2.HEIC", "bee/3.mov"):
        (folder / place).touch()
    (folder / "cat" / "old" / "older").mkdir(parents=True)
    (folder / "empty").mkdir()
    for place in ("cat/old/a.png", "cat/old/older/b.png", "loose.png"):
        Image.new("RGB", SIZE).save(folder / place)
    found = data.read(str(folder), rgb())
    assert len(found.train.samples) == 9
    assert [note.removeprefix(f"{folder}: ") for note in found.notes] == [
        "6 files of other kinds (2 .heic, 1 .mov, 3 .txt) left out; images are .bmp, .gif, .jpeg, "
        ".jpg, .png, .webp",
        "2 images too deep (such as cat/old/a.png) left out; images stand directly in the folder "
        "of their class",
        "1 image in no folder of a class (such as loose.png) left out; images stand directly in "
        "the folder of their class",
        "the folder empty holds no image, so it is no class",
    ]


def test_the_folders_of_a_split_are_looked_through_as_well(folder, tmp_path_factory):
    split = tmp_path_factory.mktemp("split")
    for part in ("train", "test"):
        (split / part).symlink_to(folder)
    notes = data.read(str(split), rgb()).notes
    assert [note.split(": ")[0] for note in notes] == [str(split / "train"), str(split / "test")]


def test_pictures_to_predict_that_are_left_out_are_counted(tmp_path):
    Image.new("RGB", SIZE).save(tmp_path / "a.png")
    (tmp_path / "b.heic").touch()
    (note,) = data.read_inputs(str(tmp_path), rgb()).notes
    assert note.startswith(f"{tmp_path}: 1 file of other kinds (1 .heic) left out")


def test_a_flat_folder_is_told_what_is_expected(folder):
    (folder / "ant" / "1.heic").touch()
    with pytest.raises(DataError) as caught:
        data.read(str(folder / "ant"), rgb())
    assert str(caught.value) == (
        f"{folder}/ant: holds 3 images, but no folders of classes; what is expected is "
        f"{folder}/ant/CLASS/0.png"
    )
    for file in (folder / "ant").glob("?.[!h]*"):
        file.unlink()
    with pytest.raises(DataError, match=r"holds no images .*, but \.heic, .*ant/CLASS/IMAGE.jpg"):
        data.read(str(folder / "ant"), rgb())


def test_a_class_without_samples_is_noted_and_a_folder_that_is_no_class_named(tmp_path):
    model = rgb()
    model.neuralNetworkClassifier.layers.extend(model.neuralNetwork.layers)
    model.neuralNetworkClassifier.stringClassLabels.vector.extend(["cat", "dog", "fox"])
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", SIZE).save(tmp_path / name / "a.png")
    found = data.read(str(tmp_path), model)
    assert found.notes == ("of the model's 3 classes 1 has no samples: fox",)
    (tmp_path / "dog").rename(tmp_path / "dogs")
    with pytest.raises(DataError) as caught:
        data.read(str(tmp_path), model)
    assert str(caught.value) == (
        f"{tmp_path}/dogs: 'dogs' is not one of the model's 3 classes (cat, dog, fox); rename the "
        "folder to dog, or take it away"
    )


def test_pixels_for_an_array_input_get_a_hint(folder):
    def hints(model, **how):
        notes = data.read(str(folder), model, data.Reading(**how)).notes
        return [note for note in notes if "--scale 1/255" in note]

    assert len(hints(model_of((3, 4, 6)))) == 1
    assert hints(model_of((3, 4, 6)), scale=1 / 255) == []
    assert hints(rgb()) == []
