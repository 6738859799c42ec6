"""Each layer's name and arguments, brought to today's."""

import pytest

from converter.errors import KerasFileError
from converter.keras_file import Origin
from converter.keras_file.spelling import has_no_effect
from converter.keras_file.spelling import to_today as spelled
from tests.keras_file.stored import KERAS_1, KERAS_2, KERAS_3, TF_KERAS, THEANO


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
