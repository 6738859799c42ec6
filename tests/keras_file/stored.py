"""What stands in files: who wrote them, and the JSON of a Sequential model."""

from converter.keras_file import Origin

KERAS_1 = Origin("1.2.2", "")
KERAS_2 = Origin("2.2.4", "tensorflow")
THEANO = Origin("2.0.8", "theano")
TF_KERAS = Origin("2.4.0", "tensorflow")
KERAS_3 = Origin("3.10.0", "tensorflow")


def sequential(*layers, **config):
    stored = [{"class_name": kind, "config": dict(c, name=kind.lower())} for kind, c in layers]
    return {"class_name": "Sequential", "config": {"name": "s", "layers": stored, **config}}
