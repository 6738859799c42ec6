"""What holds for every test."""

import gc
import os
import random

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Keras draws the seeds of a layer's weights from here when the layer is made."""
    random.seed(0)


def pytest_collection_finish(session):
    """Keep the modules, tables and layers of all tests out of the garbage collections to come."""
    gc.collect()
    gc.freeze()


def pytest_configure():
    """Give each of several processes one thread: theirs would only wait for each other."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        from converter.backend.tensorflow import tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
