"""Reading the JSON of Keras files: spelling of layers, notation of calls, shape of inputs."""

import numpy as np
import pytest

from converter.errors import KerasFileError
from converter.keras_file import Origin, Tensor, input_shape, stored_code, with_fixed_input
from converter.keras_file.calls import structure, to_call
from converter.keras_file.graph import Parser, StoredLayer
from converter.keras_file.spelling import has_no_effect
from converter.keras_file.spelling import to_today as spelled
from converter.load.kernels import to_today

KERAS_1 = Origin("1.2.2", "")
KERAS_2 = Origin("2.2.4", "tensorflow")
THEANO = Origin("2.0.8", "theano")
TF_KERAS = Origin("2.4.0", "tensorflow")
KERAS_3 = Origin("3.10.0", "tensorflow")


def test_origins():
    assert [o.major for o in (KERAS_1, KERAS_2, KERAS_3)] == [1, 2, 3]
    assert KERAS_2.is_separate_package
    assert not TF_KERAS.is_separate_package
    assert not Origin("2.2.4-tf", "tensorflow").is_separate_package
    assert Origin("tfjs-layers 1.3.1", "").major == 2
    assert Origin("3", "").major == 3


@pytest.mark.parametrize(
    ("origin", "stored", "today"),
    [
        (
            KERAS_1,
            ("Convolution2D", {"nb_filter": 4, "nb_row": 3, "nb_col": 2, "border_mode": "same"}),
            ("Conv2D", {"filters": 4, "kernel_size": [3, 2], "padding": "same"}),
        ),
        (
            KERAS_1,
            ("AtrousConvolution2D", {"atrous_rate": [2, 2], "subsample": [1, 1], "bias": False}),
            ("Conv2D", {"dilation_rate": [2, 2], "strides": [1, 1], "use_bias": False}),
        ),
        (KERAS_1, ("Dense", {"output_dim": 5, "input_dim": 3}), ("Dense", {"units": 5})),
        (KERAS_1, ("Dropout", {"p": 0.5}), ("Dropout", {"rate": 0.5})),
        (
            KERAS_1,
            ("Merge", {"name": "m", "mode": "concat", "concat_axis": -1, "dot_axes": -1}),
            ("Concatenate", {"name": "m", "axis": -1}),
        ),
        (
            KERAS_1,
            ("ZeroPadding2D", {"padding": [1, 2, 3, 4]}),
            ("ZeroPadding2D", {"padding": [[1, 2], [3, 4]]}),
        ),
        (KERAS_2, ("ThresholdedReLU", {"theta": 0.5}), ("ReLU", {"threshold": 0.5})),
        (KERAS_2, ("LeakyReLU", {"alpha": 0.1}), ("LeakyReLU", {"negative_slope": 0.1})),
        (
            TF_KERAS,
            ("BatchNormalizationV2", {"axis": [3], "gamma_initializer": "ones"}),
            ("BatchNormalization", {"axis": 3}),
        ),
        (
            TF_KERAS,
            ("Activation", {"activation": "hard_sigmoid"}),
            ("Activation", {"activation": "hard_sigmoid_of_keras_2"}),
        ),
        (
            KERAS_3,
            ("Activation", {"activation": "hard_sigmoid"}),
            ("Activation", {"activation": "hard_sigmoid"}),
        ),
        (
            TF_KERAS,
            ("Dense", {"activation": {"class_name": "function", "config": "softmax_v2"}}),
            ("Dense", {"activation": "softmax"}),
        ),
        (KERAS_2, ("GRU", {"units": 3}), ("GRU", {"units": 3, "reset_after": False})),
        (KERAS_3, ("GRU", {"units": 3}), ("GRU", {"units": 3})),
    ],
)
def test_layers_in_todays_spelling(origin, stored, today):
    assert spelled(*stored, origin) == today


@pytest.mark.parametrize(
    ("origin", "class_name", "config", "words"),
    [
        (KERAS_1, "Merge", {"name": "m", "mode": "dot"}, "mode 'dot'"),
        (KERAS_1, "BatchNormalization", {"mode": 2}, "mode other than 0"),
        (KERAS_1, "Highway", {}, "Keras 1"),
        (THEANO, "Conv2D", {"padding": "same", "kernel_size": [3, 3], "strides": [2, 2]}, "Theano"),
        (THEANO, "MaxPooling2D", {"padding": "same", "pool_size": [2, 2]}, "Theano"),
        (KERAS_2, "UpSampling2D", {"interpolation": "bilinear"}, "computed differently"),
    ],
)
def test_lost_meanings_are_errors(origin, class_name, config, words):
    with pytest.raises(KerasFileError, match=words):
        spelled(class_name, config, origin)


def test_arguments_without_effect():
    assert has_no_effect("Dense", "lora_rank", None)
    assert has_no_effect("RandomRotation", "value_range", [0, 255])
    assert has_no_effect("DepthwiseConv2D", "groups", 1)
    assert has_no_effect("SeparableConv2D", "kernel_regularizer", {"class_name": "L2"})
    assert not has_no_effect("DepthwiseConv2D", "groups", 2)
    assert not has_no_effect("LSTM", "time_major", True)
    assert not has_no_effect("Dense", "gain", 2.0)


def keras_tensor(*history):
    return {"class_name": "__keras_tensor__", "config": {"keras_history": list(history)}}


@pytest.mark.parametrize(
    ("node", "args", "kwargs"),
    [
        ([["a", 0, 0]], (Tensor("a", 0, 0),), {}),  # Keras 1
        ([["a/b", 1, 0, {"training": False}]], (Tensor("a_b", 1, 0),), {"training": False}),
        ([["a", 0, 0, {}], ["b", 0, 1, {}]], ([Tensor("a", 0, 0), Tensor("b", 0, 1)],), {}),
        (["a", 0, 0, {"y": ["b", 0, 0]}], (Tensor("a", 0, 0),), {"y": Tensor("b", 0, 0)}),
        (["_CONSTANT_VALUE", -1, 2.5, {"y": ["b", 0, 0]}], (2.5,), {"y": Tensor("b", 0, 0)}),
        ({"q": ["a", 0, 0, {}]}, ({"q": Tensor("a", 0, 0)},), {}),
        (
            {"args": [keras_tensor("a", 0, 0), 2.0], "kwargs": {"mask": None}},
            (Tensor("a", 0, 0), 2.0),
            {"mask": None},
        ),
        (
            {"args": [[keras_tensor("a", 0, 0)]], "kwargs": {}},
            ([Tensor("a", 0, 0)],),
            {},
        ),
    ],
)
def test_three_notations_of_calls(node, args, kwargs):
    call = to_call(node)
    assert call.args == args
    assert call.kwargs == kwargs


def test_a_list_of_one_stays_a_list_for_functions():
    assert to_call([["a", 0, 0, {"axis": 1}]], keep_list=True).args == ([Tensor("a", 0, 0)],)


def test_slices_tuples_and_arrays_in_calls():
    key = [{"start": 1, "stop": -1, "step": None}, {"class_name": "__ellipsis__", "config": {}}]
    array = {"class_name": "__numpy__", "config": {"value": [1.0, 2.0], "dtype": "float32"}}
    pair = {"class_name": "__tuple__", "items": [1, 2]}
    call = to_call({"args": [key, array], "kwargs": {"size": pair}})
    assert call.args[0] == [slice(1, -1, None), ...]
    assert call.args[1].dtype == np.float32
    assert call.kwargs == {"size": (1, 2)}
    with pytest.raises(KerasFileError, match="__lambda__"):
        to_call({"args": [{"class_name": "__lambda__", "config": {"code": "4w=="}}], "kwargs": {}})


def test_outputs_may_be_one_tensor_a_list_or_a_dictionary():
    a = Tensor("a", 0, 0)
    assert structure(["a", 0, 0]) == a
    assert structure([["a", 0, 0]]) == [a]
    assert structure({"x": ["a", 0, 0]}) == {"x": a}


def sequential(*layers, **config):
    stored = [{"class_name": kind, "config": dict(c, name=kind.lower())} for kind, c in layers]
    return {"class_name": "Sequential", "config": {"name": "s", "layers": stored, **config}}


def test_where_a_sequential_writes_its_input():
    def shape(stored):
        return input_shape(Parser(KERAS_2).model(stored))

    assert shape(sequential(("Dense", {"units": 1}))) is None
    assert shape(sequential(("Dense", {"batch_input_shape": [None, 4]}))) == (None, 4)
    assert shape(sequential(("InputLayer", {"batch_shape": [None, 5]}), ("Flatten", {}))) == (
        None,
        5,
    )
    assert shape(sequential(("Flatten", {}), build_input_shape=[None, 6])) == (None, 6)
    inner = sequential(("Flatten", {"batch_input_shape": [None, 7]}))
    outer = {"class_name": "Sequential", "config": [inner]}
    assert shape(outer) == (None, 7)


def test_a_fixed_batch_is_left_to_the_builder_and_open_dimensions_are_filled():
    model = Parser(KERAS_2).model(sequential(("Flatten", {"batch_input_shape": [8, None, 3]})))
    assert with_fixed_input(model, (20, 3)).input_shape == (None, 20, 3)
    with pytest.raises(KerasFileError, match="--input-shape 224,3"):
        with_fixed_input(model, None)


def test_code_is_found_wherever_it_hides():
    code = {"class_name": "__lambda__", "config": {"code": "4w=="}}
    hiding = (
        ("Dense", {"units": 1, "activation": code}),
        ("TimeDistributed", {"layer": {"class_name": "Lambda", "config": {"name": "inner"}}}),
        ("Lambda", {"function": ["4w==", None, None]}),
    )
    for kind, config in hiding:
        model = Parser(KERAS_3).model(sequential(("Flatten", {}), (kind, config)))
        with pytest.raises(KerasFileError, match="holds Python code, which is not run"):
            stored_code.refuse(model)
        nested = {"class_name": "Sequential", "config": {"name": "o", "layers": [
            {"class_name": "Flatten", "config": {"name": "f"}},
            sequential(("Flatten", {}), (kind, config)),
        ]}}  # fmt: skip
        with pytest.raises(KerasFileError, match="not run"):
            stored_code.refuse(Parser(KERAS_3).model(nested))


def test_a_scaling_replaces_the_lambda_on_the_input_only():
    lambdas = (("Lambda", {"function": "f"}), ("Flatten", {}))
    model = Parser(KERAS_3).model(sequential(*lambdas))
    first, *_ = stored_code.with_scaling(model, 2.0, [1.0, 2.0, 3.0]).layers
    assert (first.kind, first.name) == ("Rescaling", "lambda")
    assert first.arguments == {"name": "lambda", "scale": 2.0, "offset": [1.0, 2.0, 3.0]}
    cropping = ("Cropping2D", {"cropping": 1})
    cropped = Parser(KERAS_3).model(sequential(cropping, *lambdas))
    assert stored_code.with_scaling(cropped, 2.0, 0.0).layers[1].kind == "Rescaling"
    later = Parser(KERAS_3).model(sequential(*reversed(lambdas)))
    assert stored_code.with_scaling(later, 2.0, 0.0) == later


def test_a_lambda_on_the_input_of_a_functional_model():
    def layer(kind, name, *before):
        nodes = [[[other, 0, 0, {}] for other in before]] if before else []
        shape = {"batch_shape": [None, 4, 4, 3]} if not before else {}
        return {
            "class_name": kind,
            "name": name,
            "config": {"name": name, **shape},
            "inbound_nodes": nodes,
        }

    def scaled(*layers):
        ends = {"input_layers": [["i", 0, 0]], "output_layers": [[layers[-1]["name"], 0, 0]]}
        stored = {"class_name": "Functional", "config": {"layers": list(layers), **ends}}
        model = Parser(KERAS_2).model(stored)
        new = stored_code.with_scaling(model, 2.0, 0.0)
        return [layer.name for layer in new.layers if layer.kind == "Rescaling"]

    image = layer("InputLayer", "i")
    assert scaled(image, layer("Lambda", "l", "i"), layer("Flatten", "f", "l")) == ["l"]
    crop = layer("Cropping2D", "c", "i")
    assert scaled(image, crop, layer("Lambda", "l", "c")) == ["l"]
    conv = layer("Conv2D", "c", "i")
    assert scaled(image, conv, layer("Lambda", "l", "c")) == []
    two = layer("Lambda", "l", "i"), layer("Lambda", "m", "i")
    assert scaled(image, *two, layer("Add", "a", "l", "m")) == []


def test_quantized_layers_are_refused():
    policy = {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "name": None}}
    with pytest.raises(KerasFileError, match=r"layer 'dense' \(Dense\) is quantized"):
        Parser(KERAS_3).model(sequential(("Dense", {"units": 1, "dtype": policy})))


def test_kernels_that_were_stored_otherwise():
    kernel = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    first = StoredLayer("c", "Conv2D", {"data_format": "channels_first"})
    assert to_today(kernel, first, KERAS_1).shape == (4, 5, 3, 2)
    assert to_today(kernel, first, KERAS_1)[1, 2, 0, 1] == kernel[1, 0, 1, 2]
    signal = StoredLayer("c", "Conv1D")
    assert to_today(kernel[:, :1], signal, KERAS_1).shape == (2, 4, 5)
    theano = to_today(kernel, first, THEANO)
    assert (theano == kernel[::-1, ::-1]).all()
    assert to_today(kernel, first, KERAS_2) is kernel
    dense = StoredLayer("d", "Dense")
    assert to_today(kernel[0, 0], dense, THEANO).shape == (4, 5)
