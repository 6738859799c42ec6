"""What holds for every test."""

import gc
import random

import pytest


def pytest_collection_finish():
    """What is imported stays: let no later garbage collection go through all of it again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Keras draws the seeds of a layer's weights from here when the layer is made."""
    random.seed(0)
