"""What is said of a model that learns otherwise on the device than in Keras."""

import pytest

from converter.backend.tensorflow import keras
from converter.learning.choice import Candidate
from converter.learning.notes import about_barred
from tests.converting import IMAGE, convert, small_cnn
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
