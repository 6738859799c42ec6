"""Time of `validate` over the number of layers.

    python -m tests.benchmarks.validate_layers

A search through all names is one call, which the tests that count calls do not see. Work in
proportion to the layers takes ten times as long for ten times the layers, searches a hundred times.
"""

import time

from converter.validation import validate
from tests.validation.test_validate import trained


def seconds(count):
    model = trained(count)
    start = time.process_time()
    assert {finding.code for finding in validate.findings(model)} == {"U103"}
    return time.process_time() - start


def main():
    few, many = seconds(10_000), seconds(100_000)
    print(f"10,000 layers {few:.2f} s, 100,000 layers {many:.2f} s: {many / few:.1f} times as long")


if __name__ == "__main__":
    main()
