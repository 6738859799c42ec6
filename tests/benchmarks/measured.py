"""What the benchmarks gave, for `docs/speed.md`: ``python -m tests.benchmarks.measured`` prints it.

Whoever runs a benchmark again writes down here what it gave, when, and on what machine.
"""

from typing import NamedTuple

CORES = "two cores of an AMD EPYC, 24 GB, Linux, Python 3.11, TensorFlow 2.21"


class Measured(NamedTuple):
    """The figures of one run of a benchmark: `how` says what they are, `rows` begin with a head."""

    title: str
    benchmark: str
    date: str
    machine: str
    how: str
    rows: tuple[tuple[str, ...], ...]


MEASURED = (
    Measured(
        "Conversion",
        "python tests/benchmarks/convert.py lenet resnet50 efficientnetb3 vgg16 --repeats 3",
        "2026-11-22",
        CORES,
        "Whole processes, from the start of Python to the written file, in turns; ours includes "
        "the comparison with Keras, the script has none. Median of three.",
        (
            ("model", "make-updatable", "a plain `ct.convert` script", "of its time",
             "of its memory"),
            ("LeNet", "3.4 s, 0.65 GB", "4.6 s, 0.67 GB", "0.73", "0.97"),
            ("ResNet50", "6.9 s, 1.28 GB", "20.4 s, 2.78 GB", "0.34", "0.46"),
            ("EfficientNetB3", "11.7 s, 1.55 GB", "19.7 s, 1.76 GB", "0.59", "0.88"),
            ("VGG16 (138 million weights)", "11.8 s, 2.21 GB", "121.5 s, 13.02 GB", "0.10",
             "0.17"),
        ),
    ),
    Measured(
        "Training",
        "python tests/benchmarks/train_lenet.py --data mnist.npz",
        "2026-11-22",
        CORES,
        "LeNet on MNIST's 60,000 digits, each side in a process of its own, in turns: with `--tail "
        "--epochs 10`, with `--epochs 10`, and with neither. On this "
        "machine an epoch of all layers by Keras takes either about 7 s or about 11 s, by the "
        "runtime 4.1 to 5.6 s; of single epochs the mean is 4.6 s to 8.6 s, and a quarter of a "
        "second of ours goes into building the graph. Of CPU time the runtime needs 0.7 of "
        "Keras's: two thirds go into the same matrix kernels.",
        (
            ("what learns", "`train`", "Keras `fit`", "ratio"),
            ("dense layers, 10 epochs (median of 3)", "11.9 s", "44.9 s", "0.26"),
            ("all four layers, 10 epochs (median of 3)", "47.1 s", "92.8 s", "0.51"),
            ("all four layers, 1 epoch (median of 11)", "4.7 s", "7.4 s", "0.63"),
        ),
    ),
    Measured(
        "What it learns",
        "make-updatable train Untrained.mlmodel --data mnist.npz --scale 1/255 --epochs 10",
        "2026-11-22",
        CORES,
        "LeNet, converted untrained and trained by `make-updatable train` for ten epochs.",
        (
            ("what learns", "right of MNIST's 10,000 test digits"),
            ("all four layers", "98.90 %"),
        ),
    ),
    Measured(
        "A new writer",
        "python tests/benchmarks/personalize.py --data mnist.npz",
        "2026-11-22",
        CORES,
        "The trained LeNet meets a writer whose digits are changed; its dense layers learn from "
        "300 of them, ten epochs, in 0.4 s. Right of 2,000 others of that writer's digits.",
        (
            ("digits", "before", "after"),
            ("shifted", "22 %", "91 %"),
            ("rotated", "11 %", "85 %"),
            ("inverted", "35 %", "90 %"),
        ),
    ),
    Measured(
        "Memory of a training",
        "python tests/benchmarks/train_memory.py --data mnist.npz",
        "2026-11-22",
        CORES,
        "LeNet on 60,000 digits, beyond TensorFlow's own memory: the samples (235 MB while they "
        "are read), with `--tail` the frozen layers' features (276 MB), little else.",
        (("what learns", "peak"), ("all layers", "256 MB"), ("the dense layers", "497 MB")),
    ),
    Measured(
        "Prediction",
        "python tests/benchmarks/predict.py --pictures 600 --repeats 3",
        "2026-11-26",
        "two cores that had other work too",
        "600 pictures of 160 × 160 through MobileNetV2, whole processes with imports. Median of "
        "three.",
        (("beside Keras's `predict`", "ratio"), ("time", "0.6")),
    ),
    Measured(
        "A study",
        "python tests/benchmarks/study.py --data mnist.npz",
        "2026-11-26",
        "two idle cores",
        "LeNet's last layer, 50 samples of each writer, up to 10 epochs, 12 settings for each: "
        "about 18 s to start, and then 0.04 s for each writer, of 200 as of 2,000. The three "
        "processes took 2.9 GB together, whatever the number.",
        (("writers", "time"), ("2,000", "99 s")),
    ),
    Measured(
        "As on a phone",
        "python tests/benchmarks/mnist_evidence.py --data mnist.npz",
        "2026-11-26",
        "two cores that had other work too",
        "LeNet, 60,000 digits, 10 epochs, at the settings of a training that a public app's "
        "screenshot shows (see [Core ML's arithmetic](core-ml-arithmetic.md)): the share of "
        "10,000 test digits whose class gets more than half of the probability. Chance alone "
        "makes 0.0013 of it.",
        (("where", "share"), ("here", "0.9824"), ("on the device, by its screenshot", "0.9833")),
    ),
)  # fmt: skip


def tables():
    """Return all figures in Markdown, each with its benchmark and its date."""
    return "\n\n".join(map(_section, MEASURED))


def _section(found):
    head, *rows = (f"| {' | '.join(row)} |" for row in found.rows)
    line = "|" + "---|" * len(found.rows[0])
    source = f"*`{found.benchmark}`, {found.date}, on {found.machine}.*"
    return "\n".join([f"## {found.title}", "", found.how, "", head, line, *rows, "", source])


if __name__ == "__main__":
    print(tables())
