"""Messages of protobuf, as they are read without its library."""

import pytest

from converter.errors import KerasFileError
from converter.keras_file import protobuf
from converter.keras_file.protobuf import fields


def read(*octets):
    return [
        (number, value if isinstance(value, int) else bytes(value))
        for number, value in fields(memoryview(bytes(octets)))
    ]


def test_numbers_texts_and_what_has_a_fixed_size():
    """The first is the example of protobuf's own documentation."""
    assert read(0x08, 0x96, 0x01) == [(1, 150)]
    assert read(0x12, 2, *b"ab", 0x1D, 1, 0, 0, 0, 0x21, 2, *[0] * 7) == [
        (2, b"ab"),
        (3, 1),
        (4, 2),
    ]


@pytest.mark.parametrize(
    "octets",
    [(0, 0), (0x02, 1, 65), (0x08,), (0x08, 0x80), (0x0A, 2, 65), (0x0D, 0, 0, 0), (0x0B,), (0x0C,),
     (0x0E, 0)],
    ids=["number 0", "text of number 0", "no value", "half a value", "a short text",
         "a short float", "a group", "its end", "an unknown kind"],
)  # fmt: skip
def test_what_is_no_message_is_refused(octets):
    with pytest.raises(KerasFileError, match="is damaged"):
        read(*octets)


def test_so_is_one_of_more_fields_than_any_has(monkeypatch):
    monkeypatch.setattr(protobuf, "MOST_FIELDS", 3)
    assert read(*[8, 0] * 3) == [(1, 0)] * 3
    with pytest.raises(KerasFileError, match="is damaged"):
        read(*[8, 0] * 4)
