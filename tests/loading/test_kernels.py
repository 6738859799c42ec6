"""Kernels that other versions and backends stored otherwise."""

from dataclasses import replace

import numpy as np

from converter.keras_file.graph import StoredLayer
from converter.loading.kernels import as_stored, to_today
from tests.keras_file.stored import KERAS_1, KERAS_2, THEANO


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


def test_signals_of_keras_1_are_mirrored_in_time_only():
    """By hand: ``[length, 1, in, out]``, and ``[out, in, length, 1]`` until Keras 1.1."""
    today = np.arange(2 * 4 * 5).reshape(2, 4, 5)
    layer = StoredLayer("c", "Conv1D", {"kernel_size": [2], "filters": 5})
    theano_1 = replace(KERAS_1, backend="theano")
    stored = {
        (KERAS_1, "1.2"): today[:, None],
        (KERAS_1, "1.1"): today[:, None].transpose(3, 2, 0, 1),
        (theano_1, "1.2"): today[::-1, None],
        (theano_1, "1.1"): today[::-1, None].transpose(3, 2, 0, 1),
    }
    for (origin, _), array in stored.items():
        assert (to_today(array, layer, origin) == today).all()
        assert (as_stored(today, array.shape, layer, origin) == array).all()


def test_as_many_outputs_as_steps_of_one_channel_are_told_by_the_last_axis():
    """Both begin with 2 and 1."""
    today = np.arange(4).reshape(2, 1, 2)
    layer = StoredLayer("c", "Conv1D", {"kernel_size": [2], "filters": 2})
    for array in (today[:, None], today[:, None].transpose(3, 2, 0, 1)):
        assert array.shape[:2] == (2, 1)
        assert (to_today(array, layer, KERAS_1) == today).all()
