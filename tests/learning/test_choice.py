"""Which layers learn, and what a gradient has to pass on its way to them."""

import pytest

from converter.backend.tensorflow import keras
from converter.errors import NotUpdatableError, UsageError
from converter.learning.choice import candidates
from tests.converting import IMAGE, convert, small_cnn, updatable_names
from tests.lower.oracle import lowered_spec, randomized, sequential

L = keras.layers


def test_without_a_choice_the_dense_layers_learn(tmp_path):
    assert updatable_names(convert(small_cnn(), tmp_path)[0]) == ["dense_5", "dense_6"]


def test_without_dense_layers_the_last_convolution_learns(tmp_path):
    model = sequential(
        IMAGE, L.Conv2D(4, 3), L.Conv2D(3, 1, name="last"), L.GlobalAveragePooling2D(), L.Softmax()
    )
    assert updatable_names(convert(model, tmp_path)[0]) == ["last"]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (("dense_*",), ["dense_5", "dense_6"]),
        (("conv", "dense_6"), ["conv", "dense_6"]),
        (("*",), ["conv", "dense_5", "dense_6"]),
        (("*_[56]",), ["dense_5", "dense_6"]),
    ],
)
def test_layers_are_chosen_by_name_and_glob(patterns, names, tmp_path):
    assert updatable_names(convert(small_cnn(), tmp_path, layers=patterns)[0]) == names


def test_unknown_layers_list_near_names_and_all_candidates(tmp_path):
    with pytest.raises(NotUpdatableError) as error:
        convert(small_cnn(), tmp_path, layers=("dense5",))
    assert "did you mean dense_5" in str(error.value)
    assert "conv, dense_5, dense_6" in str(error.value)


def test_layers_without_kernels_cannot_be_chosen(tmp_path):
    with pytest.raises(NotUpdatableError, match=r"'pool' \(MaxPooling2D\) has no kernel"):
        convert(small_cnn(), tmp_path, layers=("pool",))


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("first_drop", "layer 'first_drop' (Dropout) has no weights"),
        ("*_drop", "layer 'first_drop' (Dropout), layer 'last_drop' (Dropout) have no weights"),
        ("?*t_drop", "layer 'first_drop' (Dropout), layer 'last_drop' (Dropout) have no weights"),
        ("l*_d*", "layer 'last_drop' (Dropout) has no weights"),
    ],
)
def test_layers_of_which_nothing_is_left_are_named_as_what_they_are(pattern, words, tmp_path):
    model = sequential(
        (5,), L.Dense(4, activation="relu", name="a"), L.Dropout(0.5, name="first_drop"),
        L.Dense(4, activation="relu", name="b"), L.Dropout(0.5, name="last_drop"),
        L.Dense(2, activation="softmax", name="c"),
    )  # fmt: skip
    with pytest.raises(NotUpdatableError) as error:
        convert(model, tmp_path, layers=(pattern,))
    advice = "so there is nothing to learn; layers with weights: a, b, c"
    assert str(error.value) == f"{words}, {advice}"


def test_a_layer_behind_the_trained_blob_does_not_contribute_to_it():
    model = sequential(
        (5,), L.Dense(4, name="before"), L.Dense(3, name="middle"), L.Dense(2, name="behind")
    )
    net = lowered_spec(model)[1].net
    told = {one.layer.name: one.reason for one in candidates(net, "middle")}
    words = "does not contribute to the output that is trained"
    assert told == {"before": None, "middle": None, "behind": words}


def test_a_layer_used_twice_cannot_learn(tmp_path):
    shared = L.Dense(5, activation="relu", name="shared")
    x = keras.Input((5,))
    model = randomized(keras.Model(x, L.Dense(2, activation="softmax")(shared(shared(x)))))
    with pytest.raises(NotUpdatableError, match="used in several places"):
        convert(model, tmp_path, layers=("shared",))


def test_a_layer_off_the_trained_output(tmp_path):
    x = keras.Input((5,))
    a = L.Dense(3, activation="softmax", name="a")(L.Dense(4, name="common")(x))
    b = L.Dense(2, activation="softmax", name="b")(x)
    model = randomized(keras.Model(x, [a, b]))
    with pytest.raises(UsageError, match="2 outputs"):
        convert(model, tmp_path)
    with pytest.raises(NotUpdatableError, match=r"'b' \(Dense\) does not contribute"):
        convert(model, tmp_path, output="a", layers=("b",))
    assert updatable_names(convert(model, tmp_path, output="b")[0]) == ["b"]


def test_a_model_in_which_no_layer_can_learn(tmp_path):
    model = sequential(
        IMAGE, L.Conv2D(4, 3, name="first"), L.Softmax(name="wall"), L.GlobalAveragePooling2D(),
        L.Softmax(),
    )  # fmt: skip
    with pytest.raises(NotUpdatableError) as error:
        convert(model, tmp_path)
    assert str(error.value).startswith(
        "no layer of this model can learn on the device: layer 'first' (Conv2D) cannot be reached "
        "by the gradient: layer 'wall' (Softmax), in Core ML 'softmax', stands between"
    )
    without = sequential(IMAGE, L.GlobalAveragePooling2D(), L.Softmax())
    with pytest.raises(NotUpdatableError, match="on the device: it has no layer with a kernel"):
        convert(without, tmp_path)


def chain(*middle):
    return sequential(
        IMAGE, L.Conv2D(4, 3, padding="same", name="first"), *middle,
        L.Flatten(name="flat"), L.Dense(3, name="last", activation="softmax"),
    )  # fmt: skip


BLOCKED = {
    "LeakyReLU": [L.LeakyReLU(name="wall")],
    "ELU": [L.ELU(name="wall")],
    "PReLU": [L.PReLU(name="wall", shared_axes=[1, 2])],
    "Activation": [L.Activation("softplus", name="wall")],
    "ReLU": [L.ReLU(max_value=6, name="wall")],
    "BatchNormalization": [L.ReLU(), L.BatchNormalization(name="wall"), L.ReLU()],
    "ZeroPadding2D": [L.ZeroPadding2D(name="wall")],
    "Cropping2D": [L.Cropping2D(1, name="wall")],
    "UpSampling2D": [L.UpSampling2D(name="wall")],
    "Softmax": [L.Softmax(name="wall")],
    "Conv2DTranspose": [L.Conv2DTranspose(3, 2, name="wall")],
    "Permute": [L.Permute((2, 1, 3), name="wall"), L.Conv2D(2, 1)],
}


@pytest.mark.parametrize("kind", BLOCKED)
def test_a_wall_between_layer_and_loss_is_named(kind, tmp_path):
    with pytest.raises(NotUpdatableError) as error:
        convert(chain(*BLOCKED[kind]), tmp_path, layers=("first",))
    message = str(error.value)
    assert "layer 'first' (Conv2D) cannot be reached by the gradient" in message
    assert kind.lower() in message.lower()
    assert "layers that can be chosen: " in message
    assert "last" in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "middle",
    [
        [L.ReLU()], [L.Activation("sigmoid")], [L.Activation("tanh")], [L.MaxPooling2D()],
        [L.AveragePooling2D(2, padding="same")], [L.BatchNormalization()], [L.Dropout(0.5)],
        [L.Conv2D(4, 3), L.ReLU()], [L.ZeroPadding2D(), L.Conv2D(2, 3)],
    ],
    ids=lambda layers: layers[0].name,
)  # fmt: skip
def test_what_a_gradient_passes(middle, tmp_path):
    assert updatable_names(convert(chain(*middle), tmp_path, layers=("first",))[0]) == ["first"]


def test_a_wall_in_one_branch_is_enough(tmp_path):
    x = keras.Input(IMAGE)
    y = L.Conv2D(4, 1, name="first")(x)
    y = L.Concatenate(name="join")([L.ReLU()(y), L.Conv2D(4, 1)(y)])
    y = L.Dense(2, activation="softmax", name="last")(L.GlobalAveragePooling2D()(y))
    model = randomized(keras.Model(x, y))
    with pytest.raises(NotUpdatableError, match="'join'"):
        convert(model, tmp_path, layers=("first",))
