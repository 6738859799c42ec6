"""Whether TensorFlow switches oneDNN on, and so what it can convolve, depends on the processor."""

import os
import subprocess
import sys

import pytest

from tests.paths import ROOT

WHAT_IT_DECIDES = [
    "tests/runtime/test_convolution.py::test_values_and_gradients_in_a_graph",
    "tests/proof/test_channels_first.py::test_both_layouts_compute_the_same",
    "tests/proof/test_channels_first.py::test_files_of_old_keras",
]


@pytest.mark.parametrize("onednn", ["0", "1"])
def test_the_processor_does_not_matter(onednn):
    """TensorFlow decides by the processor what this variable decides here."""
    options = ["-q", "-p", "no:cacheprovider", "-n", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *WHAT_IT_DECIDES],
        env=os.environ | {"TF_ENABLE_ONEDNN_OPTS": onednn}, cwd=ROOT, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
