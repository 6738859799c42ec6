"""TensorFlow checkpoints: found by any of their names, read to the byte, and refused if damaged."""

import random

import numpy as np
import pytest

from converter import keras_file
from converter.errors import KerasFileError
from converter.keras_file import checkpoint, objects
from converter.keras_file.content import all_groups
from converter.keras_file.table import MAGIC, crc32c
from converter.keras_file.table import table as read_table
from converter.loading import CONTRADICTIONS, load
from tests.keras_file.forms import FORMS, copied, folder
from tests.long import usual_or_long

SAVED = "tf215_apart_saved"
SHARD = f"{SAVED}.data-00000-of-00001"


def varint(number):
    octets = []
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    return bytes([*octets, number])


def table(*entries):
    """Return a table of LevelDB's format with one block of `entries`, (key, value) each."""

    def block(pairs):
        packed = b"".join(
            b"\0" + varint(len(key)) + varint(len(value)) + key + value for key, value in pairs
        )
        return packed + bytes(4) + (1).to_bytes(4, "little")

    def stored(octets):
        octets += b"\0"
        checksum = crc32c(memoryview(octets))
        checksum = ((checksum >> 15 | checksum << 17) + 0xA282EAD8) % 2**32
        return octets + checksum.to_bytes(4, "little")

    data = block(entries)
    index = block([(b"~", varint(0) + varint(len(data)))])
    at = len(data) + 5
    handles = varint(at) + varint(0) + varint(at) + varint(len(index))
    footer = handles.ljust(40, b"\0") + MAGIC.to_bytes(8, "little")
    return stored(data) + stored(index) + footer


def everything_in(prefix):
    return [
        (group.name, name, array.shape, array[()].tobytes())
        for group in all_groups(objects.arrays(prefix).root)
        for name, array in group.arrays
    ]


def test_every_array_is_that_which_tensorflow_reads():
    from converter.backend.tensorflow import tf

    reader = tf.train.load_checkpoint(str(FORMS / SAVED))
    ours = checkpoint.Checkpoint(FORMS / SAVED)
    shapes = reader.get_variable_to_shape_map()
    assert set(ours.entries) == set(shapes)
    keys = [key for key in shapes if key.endswith("VARIABLE_VALUE")]
    assert len(keys) == 17
    for key in keys:
        assert np.array_equal(ours.array(key)[()], reader.get_tensor(key))
    assert bytes(ours.text(objects.GRAPH)) == reader.get_tensor(objects.GRAPH)


@pytest.mark.parametrize("name", [SAVED, f"{SAVED}.index", SHARD])
def test_each_of_its_names_means_the_checkpoint(name):
    assert checkpoint.prefix_of(FORMS / name) == FORMS / SAVED


def test_a_folder_means_its_only_or_its_last_checkpoint(tmp_path):
    copied(SAVED, tmp_path)
    assert checkpoint.prefix_of(tmp_path) == tmp_path / SAVED
    copied("keras315_apart_checkpoint", tmp_path)
    with pytest.raises(KerasFileError, match=r"several .*\(keras315_.*; name one of them"):
        checkpoint.prefix_of(tmp_path)
    for noted in (SAVED, f"/elsewhere/{SAVED}", f"../{SAVED}"):  # it is only looked for in here
        (tmp_path / "checkpoint").write_text(f'model_checkpoint_path: "{noted}"\n')
        assert checkpoint.prefix_of(tmp_path) == tmp_path / SAVED
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "../../etc/passwd"\n')
    with pytest.raises(KerasFileError, match="several checkpoints"):
        checkpoint.prefix_of(tmp_path)


def test_a_folder_without_one_means_none(tmp_path):
    assert checkpoint.prefix_of(tmp_path) is None
    assert checkpoint.prefix_of(tmp_path / "missing") is None
    assert checkpoint.prefix_of(folder("tf215_plain", tmp_path)).name == "variables"


def cut(place):
    (place / SHARD).write_bytes((place / SHARD).read_bytes()[:-1])


def lengthened(place):
    with (place / SHARD).open("ab") as file:
        file.write(b"\0")


def lost(place):
    (place / SHARD).unlink()


def index_of(*entries):
    return lambda place: (place / f"{SAVED}.index").write_bytes(table(*entries))


ONE_SHARD = (b"", b"\x08\x01")
HUGE = 2**60


def entry(key=b"x", kind=1, axis=1, shard=0, offset=0, size=4):
    shape = b"\x12" + varint(len(varint(axis)) + 1) + b"\x08" + varint(axis)
    octets = b"\x08" + varint(kind) + b"\x12" + varint(len(shape)) + shape
    return key, octets + b"\x18" + varint(shard) + b"\x20" + varint(offset) + b"\x28" + varint(size)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cut, r"has a file .*data-00000-of-00001 of 6,704 bytes, but .*index tells of 6,705"),
        (lengthened, "of 6,706 bytes, but .* tells of 6,705; copy both from the same save"),
        (lost, "lacks its file .*data-00000-of-00001; copy all files of it"),
        (index_of(ONE_SHARD), "does not say which array belongs to which layer"),
        (index_of(ONE_SHARD, entry(shard=7)), "is damaged"),
        (index_of(ONE_SHARD, entry(size=HUGE)), "tells of 1,152,921,504,606,846,976"),
        (index_of(ONE_SHARD, entry(offset=HUGE)), "tells of 1,152,921,504,606,846,980"),
        (index_of((b"", b"\x08\x80")), "is damaged"),
        (lambda place: (place / f"{SAVED}.index").write_bytes(b"x" * 60), "damaged, or not Tens"),
        (lambda place: (place / f"{SAVED}.index").write_bytes(b""), "damaged, or not TensorFlow's"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_refused_in_one_line(change, message, tmp_path):
    prefix = copied(SAVED, tmp_path)
    change(tmp_path)
    with pytest.raises(KerasFileError, match=message) as caught:
        load(FORMS / "tf215_apart.json", weights=prefix)
    assert str(caught.value).startswith(f"{prefix}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axis": 2}, "is damaged"),
        ({"kind": 14, "size": 2}, "in a type that weights cannot have"),
    ],
)
def test_an_array_that_contradicts_itself_is_refused(change, message, tmp_path):
    prefix = copied(SAVED, tmp_path)
    index_of(ONE_SHARD, entry(**change))(tmp_path)
    (tmp_path / SHARD).write_bytes(bytes(change.get("size", 4)))
    with pytest.raises(KerasFileError, match=message):
        checkpoint.Checkpoint(prefix).array("x")


def test_the_checksum_is_that_of_the_standard():
    # RFC 3720, B.4
    assert crc32c(memoryview(bytes(32))) == 0x8A9136AA
    assert crc32c(memoryview(bytes(range(32)))) == 0x46DD794E


def test_a_table_with_a_compressed_block_is_refused(tmp_path):
    octets = bytearray(table(ONE_SHARD))
    end = octets.index(b"\x08\x01") + 2 + 8  # behind the entries and the restarts
    octets[end] = 1
    with pytest.raises(KerasFileError, match=r"has a compressed \.index"):
        list(read_table(memoryview(octets)))


@pytest.mark.slow
def test_damaged_files_are_read_or_refused(tmp_path):
    """Nothing but one clear error comes of random damage, and never another array than before."""
    files = usual_or_long(1500, 30000)
    rng, prefix = random.Random(0), copied(SAVED, tmp_path)
    whole = everything_in(prefix)
    originals = {name: (tmp_path / name).read_bytes() for name in (f"{SAVED}.index", SHARD)}
    graph = checkpoint.Checkpoint(prefix).entries[objects.GRAPH]
    messages = []
    for _ in range(files):
        name = rng.choice(sorted(originals))
        octets = bytearray(originals[name])
        first = graph.offset if name == SHARD else 0  # the arrays have no checksum that is read
        for _ in range(rng.choice((1, 2, 8))):
            octets[rng.randrange(first, len(octets))] = rng.choice((0, 1, 127, 128, 255))
        (tmp_path / name).write_bytes(octets)
        try:
            found = everything_in(prefix)
            assert sum(len(array) for *_, array in found) <= 2 * sum(len(a) for *_, a in whole)
        except KerasFileError as error:
            messages.append(str(error))
        (tmp_path / name).write_bytes(originals[name])
    assert all(map(str.isprintable, messages))
    assert 0.7 * files < len(messages) < 0.95 * files
    assert everything_in(prefix) == whole


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("tf215_plain", "keras_metadata.pb"),
        ("tf215_plain", "variables/variables.index"),
        ("tf24_plain", "saved_model.pb"),
        ("tf115_plain", "assets/saved_model.json"),
    ],
)
def test_a_damaged_saved_model_is_read_or_refused(model, name, tmp_path):
    rng, path = random.Random(1), folder(model, tmp_path)
    original, messages = (path / name).read_bytes(), []
    for _ in range(usual_or_long(60, 1000)):
        octets = bytearray(original)
        for _ in range(8):
            octets[rng.randrange(len(octets))] = rng.randrange(256)
        (path / name).write_bytes(octets[: rng.choice((len(octets), rng.randrange(len(octets))))])
        try:
            keras_file.check_kind(path)
            keras_file.read(path)
            with keras_file.open_arrays(path) as arrays:
                assert arrays.root.children
        except KerasFileError as error:
            messages.append(str(error))
        except CONTRADICTIONS as error:
            messages.append(type(error).__name__)  # `load` makes one line of them
    assert messages
    assert all(map(str.isprintable, messages))
    (path / name).write_bytes(b"")
    with pytest.raises(KerasFileError):
        load(path)
