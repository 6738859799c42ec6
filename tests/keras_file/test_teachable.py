"""What an export of Teachable Machine states is taken from it, and from nothing like it."""

import shutil
import zipfile

import pytest

from converter import keras_file
from converter.errors import KerasFileError
from converter.keras_file.teachable import BIAS, SCALE, Stated
from tests.exports import (
    CLASSES,
    EVERY,
    HEAD,
    LABELS,
    LIKENESS,
    SAVED_MODEL,
    TENSORFLOW_JS,
    keras_folder,
    keras_zip,
    unpacked,
    with_metadata,
)
from tests.paths import ZOO


def stated(export):
    with keras_file.unpacked(export) as place:
        return keras_file.read(place, given=export).stated


@pytest.mark.parametrize("form", EVERY)
def test_each_export_states_labels_pictures_and_head(form, tmp_path):
    source = "metadata.json" if form.startswith("tensorflow.js") else "labels.txt"
    found = stated(EVERY[form](tmp_path))
    assert found == Stated(source, CLASSES, "", "rgb", 1 / 127.5, -1.0, HEAD)
    assert (found.scale, found.bias) == (SCALE, BIAS)


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        ("0 Class 1\n1 Class 2\n", ("Class 1", "Class 2")),
        ("\ufeff0 猫 ねこ\r\n\r\n1  dog 2 \r\n", ("猫 ねこ", "dog 2")),
        ("0 a\r1 a", ("a", "a")),
        ("0 0\n1 1", ("0", "1")),
        ("Wet \nDry", ("Wet", "Dry")),
    ],
)
def test_lines_of_labels_lose_their_numbers(labels, named, tmp_path):
    found = stated(keras_folder(tmp_path, labels))
    assert (found.labels, found.problem) == (named, "")


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ("", "its labels.txt is empty"),
        ("\r\n \n", "its labels.txt is empty"),
        ("1 a\n0 b", "its labels.txt is not numbered 0, 1, …"),
        ("0 a\nb", "its labels.txt is not numbered 0, 1, …"),
        ("0 a\n1", "its labels.txt has a number without a label"),
        (b"0 \xff\xfe", "its labels.txt is no text in UTF-8"),
    ],
)
def test_labels_that_are_none_are_told(labels, problem, tmp_path):
    found = stated(keras_folder(tmp_path, labels))
    assert (found.labels, found.problem) == ((), problem)


def test_a_label_that_was_cut_off_is_told(tmp_path):
    found = stated(keras_folder(tmp_path, "0 Poker Chip\n1 Card Protect..."))
    assert found.labels == ("Poker Chip", "Card Protect...")
    assert "were cut off by Teachable Machine" in found.hint


ELSEWHERE = {
    "the file alone": lambda place: keras_folder(place) / "keras_model.h5",
    "another name": lambda place: keras_folder(place, name="model.h5") / "model.h5",
    "a folder of a SavedModel": lambda place: unpacked(SAVED_MODEL, place) / "model.savedmodel",
}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_labels_elsewhere_are_only_hinted_at(where, tmp_path):
    found = stated(ELSEWHERE[where](tmp_path))
    assert found.hint.startswith("labels.txt lies beside the model, and is not read; if ")
    assert found == Stated(hint=found.hint)


def test_labels_beside_another_model_are_only_hinted_at(tmp_path):
    other = ZOO / "keras224_sequential.h5"
    shutil.copyfile(other, tmp_path / "keras_model.h5")
    (tmp_path / "labels.txt").write_text(LABELS)
    said = f"labels.txt lies beside the model, and is not read; if it fits: --classes {tmp_path}"
    for given in (tmp_path / "keras_model.h5",):
        assert stated(given) == Stated(hint=f"{said}/labels.txt")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(other, "keras_model.h5")
        archive.writestr("labels.txt", LABELS)
    assert stated(tmp_path / "x.zip").hint.endswith(
        "unpack the model, and say --classes labels.txt"
    )
    assert stated(tmp_path).labels == ()


def test_without_labels_nothing_is_stated(tmp_path):
    assert stated(LIKENESS) is None
    alone = unpacked(TENSORFLOW_JS, tmp_path)
    (alone / "metadata.json").unlink()
    assert stated(alone) is None


@pytest.mark.parametrize("content", ["{", "[]", '{"labels": ["a", "b"]}', '{"packageName": 5}'])
def test_metadata_of_others_are_not_read(content, tmp_path):
    folder = unpacked(TENSORFLOW_JS, tmp_path)
    (folder / "metadata.json").write_text(content)
    assert stated(folder) is None


@pytest.mark.parametrize("labels", [5, "ab", ["a", 2], ["a", " "], {"0": "a"}, None])
def test_labels_in_metadata_that_are_no_texts_are_told(labels, tmp_path):
    found = stated(with_metadata(tmp_path, labels=labels))
    assert found.labels == ()
    assert found.problem.startswith("its metadata.json has the labels")


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (96, "states pictures of 96 x 96 pixels, but the model takes 16 x 16"),
        (-1, "has the imageSize -1, which is no size"),
        ("224", "has the imageSize '224', which is no size"),
        (True, "has the imageSize True, which is no size"),
        ([16, 16], r"has the imageSize \[16, 16\], which is no size"),
    ],
)
def test_a_size_that_cannot_be_is_refused(size, told, tmp_path):
    with pytest.raises(KerasFileError, match=f"its metadata.json {told}"):
        stated(with_metadata(tmp_path, imageSize=size))


def test_metadata_of_before_2020_state_no_size(tmp_path):
    assert stated(with_metadata(tmp_path, imageSize=None)).image == "rgb"


def test_models_of_poses_and_sounds_state_labels_only(tmp_path):
    pose = stated(with_metadata(tmp_path / "a", packageName="@teachablemachine/pose"))
    assert pose == Stated("metadata.json", CLASSES, head=HEAD, note=pose.note)
    assert "takes no pictures, but what PoseNet makes of a picture (16 x 16 x 3" in pose.note
    words = {"tfjsSpeechCommandsVersion": "0.4.0", "wordLabels": ["_noise_", "yes"]}
    sound = stated(with_metadata(tmp_path / "b", packageName=None, tmVersion=None, **words))
    assert sound == Stated("metadata.json", ("_noise_", "yes"), head=HEAD, note=sound.note)
    assert "takes no pictures, but a spectrogram" in sound.note


def test_a_library_that_is_not_known_is_not_guessed_at(tmp_path):
    found = stated(with_metadata(tmp_path, packageName="@teachablemachine/smell"))
    assert found == Stated(hint=found.hint)
    assert "'@teachablemachine/smell'" in found.hint


def test_a_folder_with_two_models_is_refused(tmp_path):
    folder = keras_folder(tmp_path)
    unpacked(SAVED_MODEL, folder)
    with pytest.raises(KerasFileError, match=r"models keras_model\.h5 and model\.savedmodel; give"):
        stated(folder)


def test_what_is_read_stays_as_it_is(tmp_path):
    export = keras_zip(tmp_path)
    folder = unpacked(TENSORFLOW_JS, tmp_path / "js")
    before = {path: path.read_bytes() for path in (export, *folder.iterdir())}
    stated(export)
    stated(folder)
    assert {p: p.read_bytes() for p in (export, *folder.iterdir())} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["converted_keras.zip", "js"]
