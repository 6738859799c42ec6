"""A model inside of a zip is read like the model; a zip that leads elsewhere is refused."""

import stat
import zipfile

import pytest

from converter import keras_file
from converter.errors import KerasFileError
from tests.paths import FIXTURES

STORED = FIXTURES / "keras_files" / "tf215_hdf5.h5"


def zipped(target, *members):
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return target


def refusal(path):
    with pytest.raises(KerasFileError) as caught, keras_file.unpacked(path):
        pass
    return str(caught.value)


@pytest.mark.parametrize("name", ["model.h5", "a/b/keras_model.h5"])
def test_a_zip_with_a_model_is_the_model(name, tmp_path):
    whole = zipped(
        tmp_path / "exported.zip", (name, STORED.read_bytes()), ("a/labels.txt", "0 cat"),
        ("__MACOSX/._model.h5", "x"),
    )  # fmt: skip
    before = whole.read_bytes()
    with keras_file.unpacked(whole) as place:
        assert keras_file.read(place) == keras_file.read(STORED)
        assert place.name == name.split("/")[-1]
    assert not place.exists()
    assert whole.read_bytes() == before


def test_a_keras_file_and_anything_else_stay_as_they_are(tmp_path):
    stored = FIXTURES / "keras_files" / "keras305_zip.keras"
    other = zipped(tmp_path / "other.zip", ("my_model.json", "{}"), ("text", "x"))
    for path in (stored, STORED, tmp_path, other, tmp_path / "missing"):
        with keras_file.unpacked(path) as place:
            assert place == path


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../outside", "a/../../outside", "C:\\outside", "..\\outside"]
)
def test_members_that_lead_out_are_refused(name, tmp_path):
    path = zipped(tmp_path / "x.zip", ("model.h5", "x"), (name, "x"))
    assert "which leads out of it" in refusal(path)
    assert [each.name for each in tmp_path.iterdir()] == ["x.zip"]


def test_a_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = zipped(tmp_path / "x.zip", ("model.h5", "x"), (link, "/etc/passwd"))
    assert "'link', which leads out of it" in refusal(path)


def test_too_many_members_and_too_large_ones_are_refused(tmp_path):
    many = zipped(tmp_path / "x.zip", ("model.h5", "x"), *((str(i), "") for i in range(10_000)))
    assert "is a zip of 10,001 files" in refusal(many)
    large = zipped(tmp_path / "y.zip", ("model.h5", "x"), ("a", "x"), ("b", "x"))
    parts = large.read_bytes().split(b"PK\x01\x02")  # the directory, which tells the sizes
    told = [part[:20] + (4 * 10**9).to_bytes(4, "little") + part[24:] for part in parts[1:]]
    large.write_bytes(b"PK\x01\x02".join([parts[0], *told]))
    assert "is a zip of 12 GB" in refusal(large)


def test_several_models_are_named(tmp_path):
    path = zipped(
        tmp_path / "x.zip", ("b.h5", "x"), ("saved/saved_model.pb", "x"), ("saved/in.h5", "x")
    )
    assert "several models (b.h5, saved)" in refusal(path)
