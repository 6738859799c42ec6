"""Files with channels first: before Keras 3.15 not every processor can run their convolutions."""

import numpy as np
import pytest

FILES = ("keras122_channels_first.h5", "keras224_theano.h5")


def skip_unless_run_here(name):
    from converter.backend.tensorflow import keras, tf

    version = tuple(map(int, keras.__version__.split(".")[:2]))
    if name not in FILES or version >= (3, 15):
        return
    image, kernel = np.ones((1, 1, 3, 3), np.float32), np.ones((2, 2, 1, 1), np.float32)
    try:
        keras.ops.conv(image, kernel, data_format="channels_first")
    except tf.errors.UnimplementedError:
        pytest.skip(f"Keras {keras.__version__} computes channels first on other processors only")
