"""Code in files: not run unless the user says so, and never in a way that ends this process."""

import base64
import marshal

import keras
import numpy as np
import pytest
from keras import ops

from converter.errors import KerasFileError
from converter.loading import load
from converter.loading.lambdas import lambda_layer
from tests.paths import ZOO


def saved(tmp_path, function, name="model.keras", **options):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(3, name="first"),
            keras.layers.Lambda(function, name="code", **options),
        ]
    )
    model.save(tmp_path / name)
    return model, tmp_path / name


def assert_same(model, loaded):
    x = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    assert np.allclose(model(x), loaded(x), atol=1e-6)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_trusted_lambda_runs(tmp_path, name):
    model, path = saved(tmp_path, lambda x: x * 2.0 - 1.0, name)
    with pytest.raises(KerasFileError, match="layer 'code'"):
        load(path)
    assert_same(model, load(path, allow_unsafe=True).model)


def test_a_trusted_lambda_may_use_arguments_and_the_usual_modules(tmp_path):
    model, path = saved(tmp_path, lambda x, by: ops.relu(x) * by, arguments={"by": 3.0})
    assert_same(model, load(path, allow_unsafe=True).model)


def shifted(shift):
    """Return a function with a default value and a number from around it."""
    return lambda x, by=3.0: x * by + shift


def test_a_trusted_lambda_keeps_its_defaults_and_what_it_closes_over(tmp_path):
    model, path = saved(tmp_path, shifted(0.5))
    assert_same(model, load(path, allow_unsafe=True).model)
    x = np.array([[1.0, -2.0]], np.float32)
    code = base64.b64encode(marshal.dumps(shifted(0.0).__code__)).decode()
    for defaults, shift, expected in (
        ([3.0], 0.5, [3.5, -5.5]), ([2.0], -1.0, [1.0, -5.0]),
    ):  # fmt: skip
        made = lambda_layer({"name": "code", "function": [code, defaults, [shift]]})
        assert made.name == "code"
        np.testing.assert_array_equal(made(x), [expected])


def test_a_trusted_lambda_in_a_list_may_have_neither():
    code = base64.b64encode(marshal.dumps((lambda x: -x).__code__)).decode()
    made = lambda_layer({"name": "code", "function": [code, None, None]})
    assert float(made(np.float32(2.0))) == -2.0


@keras.saving.register_keras_serializable("tests")
def halved(x):
    return x / 2.0


def test_a_registered_function_is_found_by_its_name(tmp_path):
    for stored in ("tests>halved", {"config": "tests>halved"}):
        made = lambda_layer({"name": "code", "function": stored})
        assert float(made(np.float32(3.0))) == 1.5
    model, path = saved(tmp_path, halved)
    assert_same(model, load(path, allow_unsafe=True).model)


def test_bytecode_of_another_python_is_refused_even_when_trusted():
    # Keras 1.2.2 ran on Python 3.6, whose code objects no Python from 3.8 on can read.
    with pytest.raises(KerasFileError, match="another version of Python"):
        load(ZOO / "keras122_steering_lambda.h5", allow_unsafe=True)


def named_function(x):
    return x + 1.0


def test_a_function_that_is_not_in_the_file_is_named(tmp_path):
    _, path = saved(tmp_path, named_function)
    with pytest.raises(KerasFileError, match=r"calls the function '.*named_function'"):
        load(path, allow_unsafe=True)


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`:UserWarning")
def test_trust_does_not_let_other_code_in(tmp_path):
    # A function as an activation is refused in any case: only Lambda layers are run.
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(2, activation=lambda x: x * 2.0, name="odd")]
    )
    model.save(tmp_path / "model.keras")
    for allow in (False, True):
        with pytest.raises(KerasFileError, match="layer 'odd'"):
            load(tmp_path / "model.keras", allow_unsafe=allow)


@keras.saving.register_keras_serializable("tests")
class Doubled(keras.layers.Layer):
    """A class of one's own, with a weight, that this process knows."""

    def build(self, shape):
        self.factor = self.add_weight(shape=(shape[-1],), name="factor", initializer="ones")

    def call(self, x):
        return 2.0 * x * self.factor


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_registered_classes_are_used(tmp_path, name):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3), Doubled(name="own")])
    model.layers[-1].factor.assign([1.0, 2.0, 3.0])
    model.save(tmp_path / name)
    loaded = load(tmp_path / name).model
    assert isinstance(loaded.layers[-1], Doubled)
    assert_same(model, loaded)
