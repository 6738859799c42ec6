"""What is said of a model that learns otherwise on the device than in Keras."""

import pytest

from converter.backend.tensorflow import keras
from converter.learning.choice import Candidate
from converter.learning.head import KERAS_CROSS_ENTROPY, KERAS_SQUARED_ERROR, Head
from converter.learning.notes import about_barred, about_loss
from converter.lower.blob import Blob
from converter.trace.program import KerasLayer
from tests.converting import IMAGE, binary, convert, small_cnn
from tests.lower.oracle import sequential

L = keras.layers


def test_batch_norm_behind_a_learning_layer_is_folded_and_said(tmp_path):
    model = sequential(
        IMAGE, L.Flatten(), L.Dense(5, name="a"), L.BatchNormalization(name="norm"), L.ReLU(),
        L.Dense(3, name="b", activation="softmax"),
    )  # fmt: skip
    spec, report = convert(model, tmp_path, layers=("a", "b"))
    assert "batchnorm" not in [layer.WhichOneof("layer") for layer in spec.neuralNetwork.layers]
    assert any("'norm' (BatchNormalization) is folded into 'a'" in note for note in report.notes)


def test_batch_norm_between_learning_layers_is_folded_forward(tmp_path):
    model = sequential(
        IMAGE, L.Flatten(), L.Dense(5, name="a", activation="relu"),
        L.BatchNormalization(name="norm"), L.Dense(3, name="b", activation="softmax"),
    )  # fmt: skip
    _, report = convert(model, tmp_path, layers=("a", "b"))
    assert any("is folded into 'b'" in note for note in report.notes)


def test_a_saturated_network_is_compared_by_its_logits_and_nothing_is_said(tmp_path):
    model = sequential((5,), L.Dense(3, activation="softmax"))
    model.set_weights([1e5 * array for array in model.get_weights()])
    _, report = convert(model, tmp_path)
    assert not any("saturate" in note or "little" in note for note in report.notes)
    assert report.parity <= 1e-6


def test_linear_regression_and_one_batch_size_are_no_reason_to_warn(tmp_path):
    """Models of this form have trained on phones; that the app cannot choose is no fault."""
    model = sequential((5,), L.Dense(4, activation="relu"), L.Dense(1))
    model.compile("sgd", "mean_squared_error")
    spec, report = convert(model, tmp_path, epochs={"default": 3, "allowed": [3]})
    assert list(spec.neuralNetwork.updateParams.epochs.set.values) == [3]
    assert report.notes == ()


UNSPOKEN = {
    "RMSprop": ({"optimizer": "rmsprop"}, "no RMSprop"),
    "amsgrad": ({"optimizer": keras.optimizers.Adam(amsgrad=True)}, "AMSGrad"),
    "weight decay": ({"optimizer": keras.optimizers.AdamW()}, "weight decay"),
    "clipping": ({"optimizer": keras.optimizers.SGD(clipnorm=1.0)}, "clipping"),
    "schedule": (
        {
            "optimizer": keras.optimizers.SGD(
                keras.optimizers.schedules.ExponentialDecay(0.3, 10, 0.9)
            )
        },
        "learning-rate schedule",
    ),
    "label smoothing": (
        {"loss": keras.losses.CategoricalCrossentropy(label_smoothing=0.1)},
        "label smoothing",
    ),
}


@pytest.mark.parametrize("name", UNSPOKEN)
def test_what_core_ml_has_no_word_for_is_said_once(name, tmp_path):
    options, words = UNSPOKEN[name]
    _, report = convert(small_cnn(**options), tmp_path)
    assert len([note for note in report.notes if words in note]) == 1


@pytest.mark.parametrize(
    "optimizer",
    ["sgd", "adam", keras.optimizers.Adam(0.003, 0.8, 0.99, 1e-5), keras.optimizers.SGD(0.1, 0.5)],
)
def test_a_plain_optimizer_loses_nothing(optimizer, tmp_path):
    _, report = convert(small_cnn(optimizer=optimizer), tmp_path)
    assert report.notes == ()


def head(**options):
    return L.Dense(2, activation="softmax", name="head", **options)


def below(layer, *others, shape=(5, 5, 4)):
    return lambda: sequential(shape, layer(), *[make() for make in others], L.Flatten(), head())


BATCH_NORM = "the device keeps the statistics of batch normalization ({}), which Keras renews"
FOLDED = "layer 'norm' (BatchNormalization) is folded into 'conv': predictions are the same, but"
CASES = {
    "dropout": (
        below(lambda: L.Dropout(0.5, name="d")), ("the device trains without dropout (d)",)
    ),
    "more dropout": (
        below(*[lambda i=i: L.Dropout(0.5, name=f"d{i}") for i in range(4)]),
        ("the device trains without dropout (d0, d1, d2 and 1 more)",),
    ),
    "three dropouts": (
        below(*[lambda i=i: L.Dropout(0.5, name=f"d{i}") for i in range(3)]),
        ("the device trains without dropout (d0, d1, d2)",),
    ),
    "nothing dropped": (below(lambda: L.Dropout(0.0)), ()),
    "noise": (
        below(lambda: L.GaussianNoise(0.1, name="n"), lambda: L.Dropout(0.5, name="d")),
        ("the device trains without dropout and noise (n, d)",),
    ),
    "augmentation": (
        below(lambda: L.RandomFlip(name="flip")), ("the device trains without augmentation (flip)",)
    ),
    "a name like an augmentation": (below(lambda: L.ReLU(name="RandomReLU")), ()),
    "activity regularizer": (
        below(lambda: L.Conv2D(2, 3, activity_regularizer="l1", kernel_regularizer="l2", name="c")),
        ("Core ML has no activity regularizer; 'c' learns without it",),
    ),
    "batch normalization": (
        below(lambda: L.Conv2D(2, 3), lambda: L.BatchNormalization(name="norm")),
        (f"{BATCH_NORM.format('norm')} while it trains",),
    ),
    "frozen batch normalization": (
        below(lambda: L.Conv2D(2, 3), lambda: L.BatchNormalization(trainable=False)), ()
    ),
    "frozen LoRA": (below(L.Flatten, lambda: L.Dense(3, lora_rank=1)), ()),
    "grouped, frozen": (below(lambda: L.Conv2D(4, 3, groups=2)), ()),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_all_that_is_said_if_the_head_learns(name, tmp_path):
    make, notes = CASES[name]
    _, report = convert(make(), tmp_path, layers=("head",))
    assert report.notes == notes


LEARNING = {
    "penalties": (
        lambda: sequential(
            (5,), head(kernel_regularizer=keras.regularizers.L1(0.1), bias_constraint="non_neg")
        ),
        [
            "Core ML has no bias constraint; 'head' learns without it",
            "Core ML has no kernel regularizer; 'head' learns without it",
        ],
    ),
    "penalties of nothing": (
        lambda: sequential((5,), head(kernel_regularizer=keras.regularizers.L1L2(0.0, 0.0))), []
    ),
    "LoRA": (
        lambda: sequential((5,), L.Dense(3, name="a"), head(lora_rank=1)),
        ["Core ML has no LoRA; 'head' learns all of its kernel"],
    ),
    "grouped": (
        below(lambda: L.Conv2D(4, 3, groups=2, name="conv")),
        ["'conv' is a grouped or dilated convolution, not known to learn on any device"],
    ),
    "dilated": (
        below(lambda: L.Conv2D(4, 2, dilation_rate=(1, 2), name="conv")),
        ["'conv' is a grouped or dilated convolution, not known to learn on any device"],
    ),
    "plain": (below(lambda: L.Conv2D(4, 3, name="conv")), []),
    "folded": (
        below(
            lambda: L.Conv2D(2, 3, name="conv"),
            lambda: L.BatchNormalization(trainable=False, name="norm"),
        ),
        [
            f"{FOLDED} training moves the folded weights, which is not what Keras's training does"
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEARNING)
def test_all_that_is_said_if_every_layer_learns(name, tmp_path):
    make, notes = LEARNING[name]
    _, report = convert(make(), tmp_path, layers=("*",))
    assert [note for note in report.notes if not note.startswith("O206")] == notes


@pytest.mark.parametrize(("count", "last"), [(3, "c2 stays frozen: it x2"), (4, "1 more dense")])
def test_three_barred_layers_are_told_and_the_others_counted(count, last):
    barred = [Candidate(f"c{i}", (), f"x{i}") for i in range(count)]
    said = list(about_barred(barred))
    assert said[:3] == [f"c{i} stays frozen: it x{i}" for i in range(3)]
    assert said[-1].startswith(last)


TWO_CLASSES = "the single sigmoid unit of 'dense_6' became a softmax over two classes, [1 - p, p]"
BINARY = {
    "alone": (
        ("dense_6",), {},
        (5e-4, f"{TWO_CLASSES}, which doubles its step; half the learning rate, 0.0005, undoes "
        "that exactly"),
    ),
    "alone, by a rate of one's own": (
        ("dense_6",), {"learning_rate": 0.25},
        (0.25, f"{TWO_CLASSES}; its step is doubled, half the learning rate would undo that"),
    ),
    "among others": (
        ("dense_5", "dense_6"), {},
        (1e-3, f"{TWO_CLASSES}; its step is doubled, half the learning rate would undo that"),
    ),
    "frozen": (("dense_5",), {}, (1e-3, TWO_CLASSES)),
    "frozen, by a rate of one's own": (
        ("dense_5",), {"learning_rate": 0.25}, (0.25, TWO_CLASSES)
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BINARY)
def test_the_step_of_a_single_unit_is_told_where_it_learns(case, tmp_path):
    layers, options, (rate, note) = BINARY[case]
    spec, report = convert(binary(), tmp_path, layers=layers, **options)
    adam = spec.neuralNetwork.updateParams.optimizer.adamOptimizer
    assert adam.learningRate.defaultValue == pytest.approx(rate)
    assert [said for said in report.notes if "single sigmoid" in said] == [note]


FOR_PREDICTION = "class labels on a model trained with mean squared error are for prediction only"


@pytest.mark.parametrize(
    ("loss", "note", "labels", "said"),
    [
        (KERAS_SQUARED_ERROR, "", True, [FOR_PREDICTION]),
        (KERAS_SQUARED_ERROR, "", False, []),
        (KERAS_CROSS_ENTROPY, "", True, []),
        (KERAS_CROSS_ENTROPY, "a softmax was appended", True, ["a softmax was appended"]),
        (KERAS_SQUARED_ERROR, "it is so", True, ["it is so", FOR_PREDICTION]),
    ],
)
def test_labels_of_values_are_told_beside_what_was_done_to_the_end(loss, note, labels, said):
    end = Head(loss, Blob("y", "NC", (3, 1, 1)), note=note)
    assert list(about_loss(end, labels)) == said


def test_what_became_of_a_single_unit_is_told_elsewhere():
    end = Head(
        KERAS_CROSS_ENTROPY, Blob("y", "NC", (2, 1, 1)),
        binary=KerasLayer("head", "Dense"), note="became two",
    )  # fmt: skip
    assert list(about_loss(end, labels=True)) == []
