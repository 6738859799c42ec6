"""Work divided between two strands of operations: the same results, on threads of their own."""

import subprocess
import sys

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.backend.tensorflow import tf
from converter.coreml import mlmodel
from converter.runtime import ArraySamples, Labelled, plan, settings, strands, train, trainer
from converter.runtime.held import Held, starts_with_matrices
from tests.runtime.helpers import random
from tests.runtime.updatable import adam, digits, finish, floats_of, mnist, sgd


@pytest.mark.parametrize("total", [1, 2, 5, 33])
def test_the_parts_are_the_whole(total):
    samples = tf.reshape(tf.range(total * 3), (total, 3))
    parts = [part["a"] for part in strands.divided({"a": samples}, tf.constant(total))]
    np.testing.assert_array_equal(strands.joined(parts, tf.constant(total)), samples)
    sizes = [len(part) for part in parts]
    assert len(sizes) == strands.STRANDS
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) > 0


def trained(model, data, **chosen):
    train(model, data, settings(model, epochs=2, **chosen))
    return model


def assert_equal_weights(a, b):
    for parameter in plan(a).parameters:
        name, field = parameter.key
        np.testing.assert_allclose(floats_of(a, name, field), floats_of(b, name, field), atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [sgd, adam])
def test_halves_of_the_mini_batch_change_nothing(monkeypatch, optimizer):
    """Of 81 samples the third mini-batch has one, which both of its halves then hold."""
    data = mnist(count=81)
    divided = trained(digits(optimizer=optimizer(batch=40)), data)
    monkeypatch.setattr(strands, "LEAST_SAMPLES", 1000)
    whole = trained(digits(optimizer=optimizer(batch=40)), data)
    assert_equal_weights(divided, whole)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [sgd, adam])
@pytest.mark.parametrize("least", [4, 5])  # the head has 10 outputs, the layer below it 16
def test_blocks_of_a_matrix_change_nothing(monkeypatch, optimizer, least):
    layers = ["dense", "head"]
    whole = trained(digits(layers, optimizer()), mnist(count=50))
    monkeypatch.setattr("converter.runtime.held.LEAST_OUTPUTS", least)
    blocks = trained(digits(layers, optimizer()), mnist(count=50))
    assert_equal_weights(blocks, whole)


def test_matrices_are_divided_where_they_do_the_work():
    assert starts_with_matrices(plan(digits(["dense", "head"])))
    assert not starts_with_matrices(plan(digits()))


def wide(layers):
    """A convolution in groups, a matrix of 130 outputs, a head."""
    builder = NeuralNetworkBuilder([("x", datatypes.Array(4, 5, 5))], [("y", datatypes.Array(3))])
    kernels = random(3, 2, 2, 6)
    builder.add_convolution(
        "conv", 2, 6, 3, 2, 1, 1, "valid", 2, kernels, random(6), True, input_name="x",
        output_name="c",
    )  # fmt: skip
    builder.add_flatten("flat", 0, "c", "f")
    builder.add_inner_product("wide", random(130, 72), random(130), 72, 130, True, "f", "w")
    builder.add_inner_product("head", random(3, 130), random(3), 130, 3, True, "w", "z")
    builder.add_softmax("softmax", "z", "y")
    return finish(builder, layers, sgd())


@pytest.mark.parametrize(
    ("learning", "batch", "halved"),
    [(("conv", "head"), 64, True), (("conv", "head"), 8, False), (("dense", "head"), 64, False)],
)
def test_a_mini_batch_is_halved_where_no_matrix_is_divided(learning, batch, halved, monkeypatch):
    heard, scoring = [], trainer.scoring
    monkeypatch.setattr(trainer, "scoring", lambda *args: heard.append(args[2]) or scoring(*args))
    model = digits(learning, adam(batch=batch))
    trainer.Trainer(plan(model), settings(model))
    assert heard == [halved] * 2


@pytest.mark.parametrize(
    ("layers", "divided"),
    [(["conv", "wide", "head"], []), (["wide", "head"], [("wide", "weights")])],
    ids=str,
)
def test_values_come_back_as_they_were_stored(layers, divided):
    chosen = plan(wide(layers))
    for parameter in chosen.parameters:
        held = Held(parameter, starts_with_matrices(chosen))
        np.testing.assert_array_equal(held.stored(held.variables), mlmodel.floats(parameter.stored))
        assert len(held.variables) == 1 + (parameter.key in divided)


def test_normalization_by_the_batch_keeps_the_batch_together():
    """Its mean is that of all samples: of halves it would be another."""
    builder = NeuralNetworkBuilder([("x", datatypes.Array(2, 4, 4))], [("y", datatypes.Array(3))])
    builder.add_convolution(
        "conv", 2, 4, 3, 3, 1, 1, "valid", 1, random(3, 3, 2, 4), None, False, input_name="x",
        output_name="c",
    )  # fmt: skip
    statistics = [np.ones(4), np.zeros(4), np.zeros(4), np.ones(4)]
    builder.add_batchnorm("norm", 4, *statistics, input_name="c", output_name="n")
    builder.add_flatten("flat", 0, "n", "f")
    builder.add_inner_product("dense", random(3, 16), random(3), 16, 3, True, "f", "z")
    builder.add_softmax("softmax", "z", "y")
    model = finish(builder, ["conv", "dense"], sgd(batch=64))
    assert strands.can_divide(plan(model).learning, 64)
    assert not strands.can_divide(plan(model).learning, 8)
    model.neuralNetwork.layers[1].batchnorm.computeMeanVar = True
    assert not strands.can_divide(plan(model).learning, 64)
    model.neuralNetwork.layers[1].batchnorm.instanceNormalization = True
    assert strands.can_divide(plan(model).learning, 64)


THREADS = """
import os, sys
from converter import cli
from converter.backend.tensorflow import tf
from converter.runtime import prepare_threads

def prepared():
    prepare_threads()
    threads = tf.config.threading
    return threads.get_inter_op_parallelism_threads(), threads.get_intra_op_parallelism_threads()

os.sched_getaffinity = lambda pid: set(range(6))
os.environ["TF_NUM_INTRAOP_THREADS"] = "2"
print(prepared())
del os.environ["TF_NUM_INTRAOP_THREADS"]
print(prepared())
cli.main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("cores", "named", "asked"),
    [(1, (), []), (2, (), [2, 1]), (7, (), [2, 3]), (7, ("TF_NUM_INTEROP_THREADS",), [])],
)
def test_every_strand_gets_its_share_of_the_cores(cores, named, asked, monkeypatch):
    """TensorFlow, which works already, only hears what it would be asked for."""
    heard = []
    for kind in ("inter", "intra"):
        name = f"set_{kind}_op_parallelism_threads"
        monkeypatch.setattr(tf.config.threading, name, heard.append)
    monkeypatch.setattr(strands, "_cores", lambda: cores)
    for name in strands.CHOSEN_BY_USER:
        monkeypatch.delenv(name, raising=False)
    for name in named:
        monkeypatch.setenv(name, "1")
    strands.prepare_threads()
    assert heard == asked


def test_threads_that_work_already_stay_as_they_are():
    tf.constant(0.0)
    before = tf.config.threading.get_intra_op_parallelism_threads()
    strands.prepare_threads()
    assert tf.config.threading.get_intra_op_parallelism_threads() == before


@pytest.mark.slow
def test_threads_are_prepared_unless_the_user_chose_them_and_a_training_uses_them(tmp_path):
    """The whole of it as the command does it, in a real process that has six processors."""
    model, data = tmp_path / "digits.mlmodel", mnist(count=128)
    mlmodel.write(digits(optimizer=adam(batch=64)), model)
    np.savez(tmp_path / "data.npz", x=data.samples.arrays["image"], y=data.y)
    training = ["train", "digits.mlmodel", "--data", "data.npz", "-o", "out.mlmodel"]
    done = subprocess.run(
        [sys.executable, "-c", THREADS, *training], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(0, 0)\n(2, 3)\n")
    here = digits(optimizer=adam(batch=64))
    train(here, Labelled(ArraySamples(data.samples.arrays), data.y), settings(here))
    assert_equal_weights(mlmodel.read(tmp_path / "out.mlmodel"), here)
