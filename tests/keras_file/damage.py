"""Random damage to files: what a bad disk, a broken download or an attacker may leave."""

import io
import zipfile

from tests.paths import ZOO

SOURCES = (
    "keras122_sequential.h5", "keras224_dense_vector.h5", "keras224_many_layers.h5",
    "keras224_sequential.h5", "keras315_hdf5_nested.h5", "tf215_hdf5.h5",
    "keras305_zip.keras", "keras36_ops.keras", "tf211_hdf5_named_keras.keras",
    "tf213_zip_sequential.keras", "tf215_zip_recurrent.keras",
)  # fmt: skip
"""Small files of the zoo, of every version and layout."""

EDGES = (0, 1, 0x7F, 0x80, 0xFF)
"""Bytes that lengths, addresses and versions go wrong with."""


LOOPS = "keras122_sequential.h5", {4680: 0, 4681: 0}
"""The HDF5 library 1.14.6 looks at these attributes for ever."""


def changed(tmp_path, name, octets):
    """Return a copy of a file of the zoo with a few octets changed: offset -> value."""
    data = bytearray((ZOO / name).read_bytes())
    for place, value in octets.items():
        data[place] = value
    path = tmp_path / name
    path.write_bytes(data)
    return path


def originals():
    return {name: (ZOO / name).read_bytes() for name in SOURCES}


def damaged(rng, data):
    """Return `data` with a few bytes changed, its end cut off, or blocks swapped.

    Half of the zips are damaged inside of the HDF5 file that they store, with the checksum of the
    damaged one.
    """
    if data.startswith(b"PK") and rng.random() < 0.5:
        return _inside(rng, data)
    changed = bytearray(data)
    action = rng.random()
    if action < 0.05:
        del changed[rng.randrange(len(changed)) :]
    elif action < 0.15:
        _swap(rng, changed)
    else:
        _change(rng, changed)
    return bytes(changed)


def _change(rng, changed):
    """Change up to eight bytes, often near each other, where the structure stands."""
    start = rng.choice((0, 0, rng.randrange(len(changed))))
    reach = rng.choice((256, 2048, len(changed)))
    for _ in range(rng.choice((1, 2, 4, 8))):
        place = min(start + rng.randrange(reach), len(changed) - 1)
        changed[place] = rng.choice((rng.randrange(256), rng.choice(EDGES)))


def _swap(rng, changed):
    size = rng.choice((8, 64, 512))
    one, other = (rng.randrange(max(1, len(changed) - size)) for _ in range(2))
    first, second = changed[one : one + size], changed[other : other + size]
    changed[one : one + size], changed[other : other + size] = second, first


def _inside(rng, data):
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w") as archive:
        for info in source.infolist():
            content = source.read(info)
            if info.filename.endswith(".h5"):
                content = damaged(rng, content)
            compression = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            archive.writestr(info.filename, content, compression)
    return target.getvalue()
