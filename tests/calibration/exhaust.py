"""Decodes what the reference runtime leaves under every arithmetic there is: 169,344 records.

    python -m tests.calibration.exhaust            # with records made by the runtime: minutes
    python -m tests.calibration.exhaust --numpy    # made in NumPy

Prints a table for each field: what is true (rows) against what is decoded (columns). An answer that
names several ways is right if the true one is among them and all of them leave the same. Exits
with 1 if an answer is wrong.
"""

import argparse
import functools
import itertools
import sys
import time
from collections import Counter
from dataclasses import replace

import numpy as np

from converter.arithmetic import KERAS, OPTIONS, Arithmetic
from converter.arithmetic.told import TOLD
from converter.calibration import decode
from converter.calibration.prediction import predicted
from converter.calibration.questions import depends
from converter.device.trainings import TRAININGS
from tests.calibration.records import record_of


def by_runtime(training, arithmetic):
    from tests.runtime.calibrated import left_by_runtime

    return left_by_runtime(training, arithmetic)


def remembered(compute):
    """Return `compute`, done once for all that a training depends on."""

    @functools.cache
    def done(training, *matters):
        return compute(
            training, replace(KERAS, **dict(zip(depends(training), matters, strict=True)))
        )

    def left(training, arithmetic):
        return done(training, *(getattr(arithmetic, field) for field in depends(training)))

    return left


def leave_the_same(options, field, truth, left):
    """Tell whether no training, and no loss told of one, differs between `options`."""
    for training in TRAININGS:
        found = [left(training, replace(truth, **{field: option})) for option in options]
        ways = [TOLD[option if field == "loss" else truth.loss] for option in options]
        told = [[way(losses, each.sizes) for losses in each.losses]
                for way, each in zip(ways, found, strict=True)]  # fmt: skip
        if np.ptp([each.weights for each in found], axis=0).max() > 2e-6:
            return False
        if field == "loss" and np.ptp(told, axis=0).max() > 2e-6:
            return False
    return True


def label(answer):
    return " = ".join(sorted(map(str, answer.options))) or "none of these"


def table(field, counts):
    """Print how often what was decoded as what."""
    print(f"\n{field}")
    for truth in OPTIONS[field]:
        found = {said: n for (true, said), n in counts.items() if true == truth}
        listed = "; ".join(f"{said}: {n}" for said, n in sorted(found.items(), key=lambda p: -p[1]))
        print(f"  {truth!s:<50} -> {listed}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--numpy", action="store_true", help="make the records in NumPy")
    parser.add_argument("--every", type=int, default=1, help="take every n-th arithmetic only")
    parser.add_argument("--first", type=int, default=0, help="begin with the n-th, from 0")
    args = parser.parse_args()
    left = remembered(predicted if args.numpy else by_runtime)
    counts, wrong, least = {field: Counter() for field in OPTIONS}, 0, np.inf
    same = functools.cache(functools.partial(leave_the_same, left=remembered(predicted)))
    started = time.time()
    products = itertools.product(*OPTIONS.values())
    for number, options in enumerate(itertools.islice(products, args.first, None, args.every)):
        truth = Arithmetic(**dict(zip(OPTIONS, options, strict=True)))
        for answer in decode(record_of(truth, left, seed=number)):
            true = getattr(truth, answer.field)
            counts[answer.field][true, label(answer)] += 1
            alone = answer.options == (true,)
            tied = true in answer.options and same(
                tuple(sorted(answer.options, key=str)), answer.field, truth
            )
            wrong += not (alone or tied)
            least = min(least, answer.runner_up_difference)
    for field, found in counts.items():
        table(field, found)
    print(f"\n{number + 1} records in {time.time() - started:.0f} s; {wrong} wrong answers; the "
          f"nearest runner-up was off by {least:.1e}")  # fmt: skip
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
