"""Whether TensorFlow switches oneDNN on, and so what it can convolve, depends on the processor."""

import os
import subprocess
import sys

import pytest

from converter.backend.tensorflow import tf
from tests.paths import ROOT

GRAPHS = "tests/runtime/test_convolution.py::test_values_and_gradients_in_a_graph"
WHAT_IT_DECIDES = [
    "tests/proof/test_channels_first.py::test_both_layouts_compute_the_same",
    *(f"{GRAPHS}[{case}]" for case in (
        "plain", "dilated", "groups", "groups dilated with stride",
        "one channel, dilated with stride", "depthwise, uneven stride",
        "depthwise, dilated with stride",
    )),
]  # fmt: skip
"""One convolution of each kind that the runtime computes in its own way."""


def has_onednn():
    """Return whether this process has it: only then can channels come first on a processor."""
    try:
        tf.nn.conv2d(tf.zeros((1, 2, 4, 4)), tf.zeros((1, 1, 2, 2)), 1, "VALID", data_format="NCHW")
    except tf.errors.UnimplementedError:
        return False
    return True


@pytest.mark.slow
def test_another_processor_does_not_matter():
    """TensorFlow decides by the processor what this variable decides here."""
    other = "0" if has_onednn() else "1"
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-n", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *WHAT_IT_DECIDES],
        env=os.environ | {"TF_ENABLE_ONEDNN_OPTS": other}, cwd=ROOT, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
