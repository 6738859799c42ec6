"""What holds for every test."""

import gc
import logging
import random
import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.long import LONG
from tests.page.chromium import CHROMIUM
from tests.page.chromium import MISSING as NO_CHROMIUM
from tests.swift.compiler import MISSING, version

SWIFT = tuple(f"tests/swift/test_{name}.py" for name in ("compiler", "matrix", "running"))
"""The tests that ask the Swift compiler."""

BROWSER = "tests/page/test_browser.py"
"""The tests that open pages."""

# Tests import coremltools themselves, which then says of every part of Core ML that it is not here.
logging.getLogger("coremltools").setLevel(logging.ERROR)

# No test depends on the clock, so neither does what is drawn at random.
settings.register_profile("any", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any")


def pytest_configure(config):
    """Where no test is chosen, choose those that are not slow; what is named by its path runs."""
    is_chosen = config.option.markexpr or config.option.keyword or LONG
    if config.args_source is config.ArgsSource.TESTPATHS and not is_chosen:
        config.option.markexpr = "not slow"


def pytest_sessionstart():
    """Hear interrupts; in the background of a script commands, and what they start, ignore them."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module", autouse=True)
def _kept():
    """What is imported or kept for ever: let no later garbage collection go through it again.

    coremltools collects twice in each conversion.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Keras draws the seeds of a layer's weights from here when the layer is made."""
    random.seed(0)


def pytest_terminal_summary(terminalreporter):
    """Say whether Swift was compiled and run, and pages opened: `.ci/run` repeats the lines."""
    skipped = [r for r in terminalreporter.getreports("skipped") if MISSING in str(r.longrepr)]
    passed = [r for r in terminalreporter.getreports("passed") if r.nodeid.startswith(SWIFT)]
    if skipped:
        terminalreporter.write_line(f"Swift: skipped {len(skipped)} of its tests: {MISSING}")
    elif passed:
        terminalreporter.write_line(f"Swift: compiled and run with Swift {version()}")
    unopened = [r for r in terminalreporter.getreports("skipped") if NO_CHROMIUM in str(r.longrepr)]
    opened = [r for r in terminalreporter.getreports("passed") if r.nodeid.startswith(BROWSER)]
    if unopened:
        terminalreporter.write_line(f"Browser: skipped {len(unopened)} of its tests: {NO_CHROMIUM}")
    elif opened:
        terminalreporter.write_line(f"Browser: pages opened with {CHROMIUM}")
