"""What is relied on of operations of TensorFlow that are called by their names."""

import numpy as np

from converter.backend.keras import logits_of
from converter.backend.saved_model import keep_logits, operation
from converter.backend.tensorflow import keras, tf


def test_operations_that_tensorflow_lacks_or_keeps_to_itself_are_none():
    assert operation("NoSuchOperation") is None
    assert operation("_Arg") is None


def test_an_operation_is_called_with_its_attributes_and_gives_all_its_outputs():
    found = operation("Split")
    count = found.complete({})
    count["num_split"] = tf.compat.v1.AttrValue(i=2)
    first, second = found.run([np.int32(1), np.float32([[1, 2, 3, 4]])], count)
    assert first.numpy().tolist() == [[1, 2]]
    assert second.numpy().tolist() == [[3, 4]]
    assert found.places(count) == {"output": 0}


def test_kerass_losses_take_the_logits_that_are_kept():
    """From the probability 0 no logarithm could be taken; Keras takes the logits instead."""
    logits = tf.constant([[0.0, 200.0]])
    answer = tf.nn.softmax(logits)
    keep_logits(answer, logits)
    assert logits_of(answer) is logits
    loss = keras.losses.SparseCategoricalCrossentropy()(np.array([0]), answer)
    assert float(loss) == 200.0
