"""Kernels that other versions and backends stored otherwise."""

import numpy as np

from converter.keras_file.graph import StoredLayer
from converter.loading.kernels import to_today
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
