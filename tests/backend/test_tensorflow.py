"""What `converter.backend.tensorflow` promises of memory, which TensorFlow does not."""

import numpy as np
import pytest

from converter.backend.tensorflow import ALIGNMENT, LARGE, aligned, keras, stored_values, tensor


def address(array):
    return np.asarray(array).ctypes.data


def test_an_aligned_array_becomes_a_tensor_without_a_copy():
    array = aligned((LARGE // 4,))
    array[...] = 1.5
    made = tensor(array)
    copied = "TensorFlow copies from DLPack: converter.backend.tensorflow.tensor relies on it"
    assert address(made) == address(array), copied
    array[3] = 2.5
    assert made[3] == 2.5, copied


@pytest.mark.parametrize("turned", [False, True])
def test_other_large_arrays_are_copied_once_into_aligned_memory(turned):
    values = np.arange(LARGE // 4 + 6, dtype=np.float32)[6:].reshape(-1, 2)
    array = values[::-1] if turned else values[1:]
    made = tensor(array)
    assert made.dtype == "float32"
    assert address(made) % ALIGNMENT == 0
    np.testing.assert_array_equal(made, array)


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
def test_small_arrays_keep_type_and_values(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    made = tensor(array)
    assert made.dtype == dtype
    np.testing.assert_array_equal(made, array)


def test_stored_values_are_the_memory_of_the_variable():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    variable = keras.Variable(values, dtype="float32")
    one, other = stored_values(variable), stored_values(variable)
    copied = "read_value() copies: converter.backend.tensorflow.stored_values relies on a view"
    assert np.shares_memory(one, other), copied
    assert one.dtype == np.float32
    np.testing.assert_array_equal(one, values)


def test_stored_values_of_a_large_variable_that_was_assigned_an_array():
    array = aligned((LARGE // 4,))
    array[...] = 2.0
    variable = keras.Variable(array, dtype="float32")
    variable.assign(tensor(array))
    copied = "assign() copies: converter.loading.weights relies on memory that is taken over"
    assert address(stored_values(variable)) == address(array), copied
