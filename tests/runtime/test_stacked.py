"""Users that are trained together: each learns what `Trainer` alone teaches the same user."""

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.arithmetic import Arithmetic, Reduction
from converter.coreml import mlmodel
from converter.errors import DataError, TrainingError, UsageError
from converter.runtime import ArraySamples, Labelled, evaluate, plan, settings, stacked
from converter.runtime.batches import batches
from converter.runtime.sources import KeptFeatures
from converter.runtime.stacked import ADAPTATION, Engine, Rows
from converter.runtime.stacked.by_samples import can_hold
from converter.runtime.trainer import Trainer
from tests.runtime.helpers import random
from tests.runtime.updatable import adam, finish, line, sgd

SAMPLES = 40
CLASSES = 3
ROWS = np.random.default_rng(0).permutation(SAMPLES)[:27].reshape(3, 9)
"""Three users with nine samples each: of mini-batches of four, the last one is smaller."""
OWN = np.array([[1, 2, 3], [5, 8, -1], [13, -1, -1]])
COMMON = np.arange(30, 40)
RATES = 0.05, 0.1, 0.2


def small_lenet(layers, optimizer):
    """conv 3, pool, conv 6, pool, dense 6, head: for images of 12 pixels."""
    builder = NeuralNetworkBuilder(
        [("x", datatypes.Array(1, 12, 12))], [("y", datatypes.Array(CLASSES))]
    )
    for name, size, ins, outs, given in (("conv1", 3, 1, 3, "x"), ("conv2", 2, 3, 6, "p1")):
        builder.add_convolution(
            name, ins, outs, size, size, 1, 1, "valid", 1, random(size, size, ins, outs) * 0.4,
            random(outs) * 0.1, True, input_name=given, output_name=name,
        )  # fmt: skip
        builder.add_activation(f"relu_{name}", "RELU", name, f"r{name[-1]}")
        builder.add_pooling(
            f"pool_{name}", 2, 2, 2, 2, "MAX", "VALID", f"r{name[-1]}", f"p{name[-1]}"
        )
    builder.add_flatten("flat", 1, "p2", "f")
    builder.add_inner_product("dense", random(6, 24) * 0.3, random(6) * 0.1, 24, 6, True, "f", "d")
    builder.add_activation("relu_dense", "RELU", "d", "d2")
    builder.add_inner_product(
        "head", random(CLASSES, 6) * 0.3, random(CLASSES), 6, CLASSES, True, "d2", "z"
    )
    builder.add_softmax("softmax", "z", "y")
    return finish(builder, layers, optimizer)


def with_frozen_between():
    """dense 5, then a dense layer that does not learn, then a head without a bias."""
    builder = NeuralNetworkBuilder([("x", datatypes.Array(4))], [("y", datatypes.Array(CLASSES))])
    builder.add_inner_product("low", random(5, 4), random(5), 4, 5, True, "x", "a")
    builder.add_inner_product("frozen", random(6, 5), random(6), 5, 6, True, "a", "b")
    builder.add_activation("tanh", "TANH", "b", "c")
    builder.add_inner_product("head", random(CLASSES, 6), None, 6, CLASSES, False, "c", "z")
    builder.add_softmax("softmax", "z", "y")
    return finish(builder, ["low", "head"], sgd(0.1, batch=4))


def convolved(groups, is_transposed):
    """A convolution of other forms, all of whose outputs are compared with values."""
    builder = NeuralNetworkBuilder([("x", datatypes.Array(4, 3, 3))], [("y", None)])
    ins, outs = 4, 6
    shape = (2, 2, ins, outs // groups) if is_transposed else (2, 2, ins // groups, outs)
    builder.add_convolution(
        "conv", ins if is_transposed else ins // groups, outs, 2, 2, 1, 1, "valid", groups,
        random(*shape), random(outs), True, is_deconv=is_transposed, input_name="x",
        output_name="y",
    )  # fmt: skip
    size = 4 if is_transposed else 2
    builder.spec.description.output[0].type.multiArrayType.shape.extend([outs, size, size])
    return finish(builder, ["conv"], sgd(0.1, batch=4), datatypes.Array(outs, size, size))


def samples_of(model):
    """Random samples, and random answers as the model's loss takes them."""
    shape = model.description.input[0].type.multiArrayType.shape
    samples = ArraySamples({"x": random(SAMPLES, *shape, seed=3)})
    if plan(model).loss == mlmodel.CROSS_ENTROPY:
        return Labelled(samples, np.random.default_rng(4).integers(0, CLASSES, SAMPLES))
    outputs = model.description.trainingInput[-1].type.multiArrayType.shape
    return Labelled(samples, random(SAMPLES, *outputs, seed=4))


def chosen_of(model, rates=RATES, arithmetic=None, **numbers):
    found = [
        settings(model, seed=seed, learning_rate=rate, **numbers) for seed, rate in enumerate(rates)
    ]
    if arithmetic:
        found = [type(one)(**{**vars(one), "arithmetic": arithmetic}) for one in found]
    return found


class Alone:
    """What becomes of one user, by `Trainer`."""

    def __init__(self, chosen_plan, pool, rows, tests, chosen, epochs):
        trainer = Trainer(chosen_plan, chosen)
        before = trainer.stored(trainer.variables)
        learnt_from = rows if pool.zeros is None else np.append(rows, pool.zeros)
        self.scores = []
        for epoch in range(epochs[-1] + 1):
            if epoch:
                order = batches(chosen, epoch, len(rows))
                trainer.epoch(*_samples(pool, learnt_from), order)
            if epoch in epochs:
                self.scores.append([trainer.score(*_samples(pool, t)) for t in (rows, *tests)])
        self.weights = trainer.stored(trainer.variables)
        self.step = max(
            np.abs(b - a).max() for a, b in zip(before, self.weights, strict=True)
        )  # fmt: skip


def _samples(pool, rows):
    rows = rows[rows >= 0]
    return KeptFeatures({name: b[rows] for name, b in pool.blobs.items()}), pool.answers[rows]


def assert_as_alone(model, chosen, epochs=(0, 1, 3), tolerance=1e-5, users=(0, 1, 2)):
    learnt = plan(model)
    pool = stacked.pool(model, learnt, samples_of(model), 16, with_zeros=True)
    tests = {"own": Rows(pool, OWN), "common": Rows(pool, COMMON)}
    found = Engine(learnt).train(Rows(pool, ROWS), chosen, epochs, tests, keep_weights=True)
    for user in users:
        alone = Alone(learnt, pool, ROWS[user], (OWN[user], COMMON), chosen[user], epochs)
        for parameter, expected in zip(learnt.parameters, alone.weights, strict=True):
            off = np.abs(found.weights[parameter.key][user] - expected).max()
            assert off <= tolerance * alone.step + 1e-6 * np.abs(expected).max()
        for number, name in enumerate((ADAPTATION, "own", "common")):
            losses = [scores[number].loss for scores in alone.scores]
            np.testing.assert_allclose(found.loss[name][user], losses, rtol=2e-5, atol=1e-6)
            shares = [scores[number].accuracy for scores in alone.scores]
            if found.accuracy:
                np.testing.assert_allclose(found.accuracy[name][user], shares, atol=1e-6)
            else:
                assert shares == [None] * len(epochs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layers", "optimizer", "rates"),
    [
        (["conv1", "conv2", "dense", "head"], sgd(0.1, 0.9, batch=4), RATES),
        (["dense", "head"], sgd(0.1, 0.5, batch=4), RATES),
        (["head"], adam(0.01, batch=4), (0.02,) * 3),
        (["conv2", "head"], adam(0.01, batch=4), RATES),
    ],
    ids=["all four layers, momentum", "dense tail", "head, Adam", "frozen between, Adam, rates"],
)
def test_layers_of_a_small_lenet(layers, optimizer, rates):
    model = small_lenet(layers, optimizer)
    assert_as_alone(model, chosen_of(model, rates), users=(0, 2))


def test_a_frozen_layer_between_those_that_learn_is_common_to_all():
    model = with_frozen_between()
    assert_as_alone(model, chosen_of(model), users=(1,))


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "is_transposed"), [(2, False), (1, True)])
def test_other_convolutions(groups, is_transposed):
    model = convolved(groups, is_transposed)
    assert_as_alone(model, chosen_of(model, (0.01, 0.02, 0.04)), users=(1,))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("inputs", "optimizer", "arithmetic"),
    [
        (24, sgd(0.1, batch=4), None),
        (24, sgd(0.1, 0.5, batch=4), Arithmetic(last_batch="zeros", momentum="nesterov")),
        (3, sgd(0.1, batch=4), Arithmetic(Reduction("sum", "sum", 0.5), last_batch="wrapped")),
        (3, adam(0.1, batch=4), Arithmetic(adam="step_per_epoch", last_batch="full_size")),
        (3, adam(0.1, batch=4), Arithmetic(last_batch="dropped")),
    ],
)
def test_squared_error_and_other_arithmetics(inputs, optimizer, arithmetic):
    model = line(inputs, optimizer=optimizer)
    assert_as_alone(model, chosen_of(model, arithmetic=arithmetic), users=(2,))


def trained(model, chosen, engine=None, epochs=(2,), rows=ROWS, tests=None, **options):
    learnt = plan(model)
    pool = stacked.pool(model, learnt, samples_of(model))
    tests = {name: Rows(pool, test) for name, test in (tests or {}).items()}
    engine = engine or Engine(learnt, **options)
    return engine.train(Rows(pool, rows), chosen, epochs, tests, keep_weights=True)


@pytest.mark.slow
def test_users_of_all_kinds_come_back_in_their_order():
    model = line(optimizer=adam(0.1, batch=4))
    kinds = {"learning_rate": 0.3}, {"batch_size": 10}, {"learning_rate": 0.1}, {"beta_1": 0.5}
    chosen = [settings(model, seed=seed, **kind) for seed, kind in enumerate(kinds)]
    rows = np.arange(16).reshape(4, 4)
    together = trained(model, chosen, rows=rows, threads=2)
    for user in (1, 2):
        alone = trained(model, chosen[user : user + 1], rows=rows[user : user + 1])
        for key, values in alone.weights.items():
            np.testing.assert_allclose(together.weights[key][user], values[0], rtol=1e-5)


def test_blocks_within_a_memory_limit_change_nothing_and_keep_their_graphs():
    model = small_lenet(["head"], sgd(0.1, batch=4))
    chosen, rows = chosen_of(model, (0.1,) * 5), np.arange(35).reshape(5, 7)
    pool = stacked.pool(model, plan(model), samples_of(model))
    engine = Engine(plan(model))
    limit = 2 * engine.bytes_per_user(chosen[0], pool, 7)
    divided = Engine(plan(model), most_bytes=limit)
    whole = trained(model, chosen, engine, rows=rows)
    parts = trained(model, chosen, divided, rows=rows)
    np.testing.assert_allclose(
        parts.loss[ADAPTATION], whole.loss[ADAPTATION], rtol=1e-5
    )  # fmt: skip
    built = [block for blocks in divided._idle.values() for block in blocks]
    assert [block.users for block in built] == [2]
    again = trained(model, chosen, divided, rows=rows)
    np.testing.assert_array_equal(again.loss[ADAPTATION], parts.loss[ADAPTATION])
    assert [block for blocks in divided._idle.values() for block in blocks] == built


def test_what_is_kept_takes_no_more_memory_than_an_engine_may():
    """Blocks of two sizes of mini-batches, of which the later pushes out the other."""
    model = line(optimizer=adam(0.1, batch=4))
    chosen, rows = [settings(model, batch_size=n) for n in (4, 10)], np.arange(8).reshape(2, 4)
    roomy = Engine(plan(model))
    trained(model, chosen, roomy, rows=rows)
    sizes = [block.bytes for blocks in roomy._idle.values() for block in blocks]
    assert len(sizes) == 2
    for most, left in ((sum(sizes), sizes), (sum(sizes) - 1, sizes[1:])):
        engine = Engine(plan(model), most_bytes=most)
        trained(model, chosen, engine, rows=rows)
        assert [b.bytes for blocks in engine._idle.values() for b in blocks] == left


def test_the_common_test_is_what_evaluate_says_of_the_trained_model():
    model = small_lenet(["dense", "head"], sgd(0.1, batch=4))
    data = samples_of(model)
    found = trained(model, chosen_of(model), tests={"common": COMMON})
    for parameter in plan(model).parameters:
        mlmodel.set_floats(parameter.stored, found.weights[parameter.key][1])
    test = Labelled(ArraySamples({"x": data.samples.arrays["x"][COMMON]}), data.y[COMMON])
    score = evaluate(model, test)
    assert found.loss["common"][1, 0] == pytest.approx(score.loss, rel=1e-5)
    assert found.accuracy["common"][1, 0] == pytest.approx(score.accuracy)


def test_a_loss_that_is_no_number_stays_with_its_user():
    model = line(optimizer=sgd(0.1, batch=4))
    for layer in model.neuralNetwork.layers:
        mlmodel.set_floats(layer.innerProduct.weights, np.full(6, 1e15, np.float32))
    model.neuralNetwork.updateParams.optimizer.sgdOptimizer.learningRate.range.maxValue = 1e9
    found = trained(model, chosen_of(model, (1e-3, 1e9, 1e-3)), epochs=(0, 1, 3))
    assert np.isnan(found.loss[ADAPTATION]).tolist() == [
        [False] * 3, [False, True, True], [False] * 3,
    ]  # fmt: skip


def test_zeros_are_asked_for_when_they_are_missing():
    model = line(optimizer=sgd(0.1, batch=4))
    with pytest.raises(TrainingError, match="samples of zeros, which the pool lacks"):
        trained(model, chosen_of(model, arithmetic=Arithmetic(last_batch="zeros")))


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"epochs": ()}, UsageError, r"epochs \[\]: must be there and ascend"),
        ({"epochs": (0, 2, 2)}, UsageError, "must be there and ascend"),
        ({"epochs": (-1, 2)}, UsageError, "must be there and ascend"),
        ({"threads": 0}, UsageError, "0 threads in 1073741824 bytes: both must be 1 or more"),
        ({"most_bytes": 0}, UsageError, "1 threads in 0 bytes: both must be 1 or more"),
        ({"tests": {ADAPTATION: OWN}}, UsageError, "'adaptation' is what users learn from"),
        ({"rows": ROWS[:2]}, UsageError, "there are 2 users, but 3 settings"),
        ({"rows": ROWS[0]}, DataError, r"adaptation: rows are \[9\], not \[users, samples\]"),
        ({"rows": ROWS[:, :0]}, DataError, "adaptation: there are no samples"),
        ({"rows": ROWS * 1.5}, DataError, "rows are float64, not whole numbers"),
        ({"rows": ROWS - 9}, DataError, "rows go from -.* but the pool from 0 to 39"),
        ({"tests": {"own": OWN + 30}}, DataError, "own: rows go from 29 to 43"),
        ({"tests": {"own": OWN[:2]}}, DataError, r"own: rows are \[2, 3\], but there are 3 users"),
        ({"tests": {"own": OWN * 0 - 1}}, DataError, "own: there are no samples, or none of some"),
    ],
)
def test_what_does_not_fit_together_is_refused(wrong, error, message):
    model = line(optimizer=sgd(0.1, batch=4))
    with pytest.raises(error, match=message):
        trained(model, chosen_of(model), **wrong)


def test_samples_and_labels_have_to_fit():
    model = line()
    with pytest.raises(DataError, match="40 samples, but 39 labels"):
        stacked.pool(
            model, plan(model), Labelled(samples_of(model).samples, random(39, 2))
        )  # fmt: skip
    with pytest.raises(DataError, match="there are no samples"):
        stacked.pool(model, plan(model), Labelled(ArraySamples({"x": random(0, 3)}), []))


def test_a_mean_over_samples_of_several_users_is_refused_by_the_name_of_the_layer():
    builder = NeuralNetworkBuilder([("x", datatypes.Array(3))], [("y", datatypes.Array(2))])
    builder.add_inner_product("dense", random(2, 3), random(2), 3, 2, True, "x", "a")
    builder.add_batchnorm("by_batch", 2, *random(4, 2), input_name="a", output_name="y")
    builder.spec.neuralNetwork.layers[-1].batchnorm.computeMeanVar = True
    model = finish(builder, ["dense"], sgd(batch=4), datatypes.Array(2))
    with pytest.raises(TrainingError, match="'by_batch': normalizes by the mean of the samples"):
        Engine(plan(model))


def test_threads_are_limited_before_anything_is_computed():
    with pytest.raises(UsageError, match="threads 0: must be 1 or more"):
        stacked.limit_threads(0)
    plan(line())
    Trainer(plan(line()), settings(line()))
    with pytest.raises(TrainingError, match="TensorFlow has computed already"):
        stacked.limit_threads(37)


@pytest.mark.parametrize(
    ("model", "samples", "held"),
    [
        (line(24, optimizer=sgd()), 12, True),
        (line(24, optimizer=sgd()), 13, False),
        (line(24, optimizer=adam()), 12, False),
        (small_lenet(["conv1", "head"], sgd()), 2, False),
        (small_lenet(["dense"], sgd()), 2, True),
    ],
)
def test_which_matrices_are_held_by_samples(model, samples, held):
    assert can_hold(plan(model), settings(model), samples) is held


def test_memory_by_hand():
    model = line(24, 2, optimizer=adam(batch=4))
    pool = stacked.pool(model, plan(model), samples_of(model))
    engine = Engine(plan(model))
    weights, blobs = 24 * 2 + 2, 24 + 2 * 2
    adam_bytes = 4 * (weights * 4 + 4 * blobs)  # with gradients, and two moments
    assert engine.bytes_per_user(settings(model), pool, 9) == adam_bytes
    model = line(24, 2, optimizer=sgd(0.1, 0.9, batch=4))
    by_samples = 4 * ((9 * 2 + 2) * 3 + 4 * blobs + 9 * (9 + 2 + 24) + 2 * 24 * 2)
    assert Engine(plan(model)).bytes_per_user(settings(model), pool, 9) == by_samples
