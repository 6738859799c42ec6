"""What holds for every test."""

import random

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Keras draws the seeds of a layer's weights from here when the layer is made."""
    random.seed(0)
