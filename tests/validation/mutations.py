"""Random changes to models: of fields, by the format's own description, and of bytes."""

from google.protobuf.descriptor import FieldDescriptor

INTEGERS = (0, 1, 2, 3, 4, 5, 7, 9, 10, 12, 50, 65552, 65568, 65600, 131104, 2**31 - 1, 2**31,
            2**32, 2**63 - 1, 2**63, 2**64 - 1, -1, -2, -(2**31), -(2**63))  # fmt: skip
NUMBERS = (0.0, -1.0, 0.5, 1.0, 2.0, 1e30, float("inf"), float("-inf"), float("nan"))
LIMITS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
MESSAGE, STRING = FieldDescriptor.CPPTYPE_MESSAGE, FieldDescriptor.CPPTYPE_STRING


def is_repeated(field):
    """Tell whether `field` holds a list; protobuf 7 has no `label` any more."""
    if hasattr(field, "is_repeated"):
        return field.is_repeated
    return field.label == field.LABEL_REPEATED  # before protobuf 6.31


def submessages(message, depth=0):
    """Yield `message` and all messages set inside it."""
    yield message
    for field, value in message.ListFields():
        if field.cpp_type != MESSAGE or field.message_type.GetOptions().map_entry:
            continue
        for part in value if is_repeated(field) else [value]:
            yield from submessages(part, depth + 1)


def names_in(model):
    """Return the names that occur in a model: renaming to them makes interesting collisions."""
    names = {"", "x", "image"}
    for message in submessages(model):
        for field, value in message.ListFields():
            if field.cpp_type == STRING and field.type == FieldDescriptor.TYPE_STRING:
                names.update(value if is_repeated(field) else [value])
    return sorted(names)


class Mutator:
    """Changes models at random; equal seeds give equal changes."""

    def __init__(self, rng):
        self.rng = rng

    def mutate(self, model, count=None):
        """Change one to three fields of `model` in place."""
        rng = self.rng
        names = names_in(model)
        for _ in range(count or rng.choice((1, 1, 1, 2, 3))):
            parts = list(submessages(model))
            # Deep parts are many; look at the shallow ones as often as at the deep ones.
            message = rng.choice(parts if rng.random() < 0.7 else parts[: 1 + len(parts) // 4])
            self._change(message, names, parts)

    def _change(self, message, names, parts):
        rng = self.rng
        fields = message.DESCRIPTOR.fields
        if not fields:
            return
        present = [field for field, _ in message.ListFields()]
        field = rng.choice(present) if present and rng.random() < 0.65 else rng.choice(fields)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return
        if is_repeated(field):
            self._change_repeated(message, field, names, parts)
        elif field.cpp_type == MESSAGE:
            self._change_message(message, field, parts)
        elif rng.random() < 0.15:
            message.ClearField(field.name)
        else:
            setattr(message, field.name, self._value(field, names, getattr(message, field.name)))

    def _change_message(self, message, field, parts):
        rng = self.rng
        if message.HasField(field.name) and rng.random() < 0.5:
            message.ClearField(field.name)
            return
        alike = [p for p in parts if p.DESCRIPTOR is field.message_type]
        if alike and rng.random() < 0.6:
            copy = type(alike[0])()
            copy.CopyFrom(rng.choice(alike))
            getattr(message, field.name).CopyFrom(copy)
        else:
            getattr(message, field.name).SetInParent()

    def _change_repeated(self, message, field, names, parts):
        rng, values = self.rng, getattr(message, field.name)
        action = rng.random()
        if len(values) and action < 0.3:
            del values[rng.randrange(len(values))]
        elif len(values) > 1 and action < 0.4:
            items = [self._copied(v) if field.cpp_type == MESSAGE else v for v in values]
            i, j = rng.randrange(len(items)), rng.randrange(len(items))
            items[i], items[j] = items[j], items[i]
            del values[:]
            values.extend(items)
        elif action < 0.45:
            del values[:]
        elif field.cpp_type == MESSAGE:
            alike = [p for p in parts if p.DESCRIPTOR is field.message_type]
            if alike and action < 0.9:
                values.add().CopyFrom(self._copied(rng.choice(alike)))
            else:
                values.add()
        elif len(values) and action < 0.75:
            place = rng.randrange(len(values))
            values[place] = self._value(field, names, values[place])
        else:
            values.append(self._value(field, names, 0))

    def _copied(self, message):
        copy = type(message)()
        copy.CopyFrom(message)
        return copy

    def _value(self, field, names, old):
        rng, kind = self.rng, field.cpp_type
        if kind == STRING:
            if field.type == FieldDescriptor.TYPE_BYTES:
                return rng.choice((b"", b"\0", b"\0" * 4, b"\0\0" * 50))
            return rng.choice(names)
        if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
            return rng.choice(NUMBERS)
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return not old
        if kind == FieldDescriptor.CPPTYPE_ENUM:
            numbers = [value.number for value in field.enum_type.values]
            return rng.choice([*numbers, *numbers, *numbers, 99])
        low, high = LIMITS[kind]
        nearby = [n for n in (old - 1, old + 1, 2 * old) if low <= n <= high]
        return rng.choice([*nearby, *nearby, *(n for n in INTEGERS if low <= n <= high)])

    def mutate_bytes(self, data):
        """Return `data` with some bytes flipped, removed, repeated, or its end cut off."""
        rng, changed = self.rng, bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 4, 8))):
            place = rng.randrange(len(changed) + 1)
            action = rng.randrange(6)
            if action == 0 and place < len(changed):
                changed[place] ^= 1 << rng.randrange(8)
            elif action == 1 and place < len(changed):
                changed[place] = rng.randrange(256)
            elif action == 2:
                del changed[place : place + rng.randrange(1, 9)]
            elif action == 3:
                changed[place:place] = changed[place : place + rng.randrange(1, 17)]
            elif action == 4:
                changed[place:place] = rng.randbytes(rng.randrange(1, 5))
            else:
                del changed[place:]
        return bytes(changed)
