"""The mean of many LeNets: time, beside that of reading the files, and peak memory.

    python tests/benchmarks/average.py [--models 1000]

The files are copies of models/lenet.h5, converted with its dense layers, each with its own random
weights. Beside the mean: reading the bytes, reading the messages (`mlmodel.read`), and reading the
weights in them, which any mean needs. Each figure is that of a process of its own, in seconds of
CPU time and of the clock. The mean is compared with NumPy's, in 64 bits, over some of the files.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from converter.coreml import mlmodel
from converter.weights.average import average
from converter.weights.tensors import tensors, weights

LENET = Path(__file__).parents[2] / "models" / "lenet.h5"
COMPARED = 50


def shipped(target):
    """Write the shipped model; TensorFlow stays in the process that this runs in."""
    import converter

    converter.convert(LENET, layers=["dense_5", "dense_6"], verify=False).save(target)


def personal(source, folder, count):
    spec, rng = mlmodel.read(source), np.random.default_rng(0)
    for number in range(count):
        for tensor in tensors(spec):
            size = tensor.order.shape
            tensor.put(rng.normal(size=size).astype(np.float32))
        mlmodel.write(spec, folder / f"{number}.mlmodel")


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def read_all(paths):
    for path in paths:
        mlmodel.read(path)


def read_bytes(paths):
    for path in paths:
        path.read_bytes()


def read_weights(paths):
    for path in paths:
        for tensor in tensors(mlmodel.read(path)):
            tensor.values()


def timed(work, paths):
    """Return seconds of the CPU and the clock, and the growth of the peak in MB."""
    mlmodel.read(paths[0])
    before, start, used = peak(), time.perf_counter(), time.process_time()
    work(paths)
    return time.process_time() - used, time.perf_counter() - start, peak() - before


def compared(paths):
    """Check that the mean is NumPy's, to the bit."""
    few = paths[:COMPARED]
    found = weights(average(few))
    every = [weights(mlmodel.read(path)) for path in few]
    for name, mean in found.items():
        expected = np.mean([each[name] for each in every], axis=0, dtype=np.float64)
        np.testing.assert_array_equal(mean, expected.astype(np.float32))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", type=int, default=1000)
    count = parser.parse_args().models
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for work, arguments in (
            (shipped, (place / "shipped.mlmodel",)),
            (personal, (place / "shipped.mlmodel", place, count)),
        ):
            with context.Pool(1) as pool:
                pool.apply(work, arguments)
        paths = [place / f"{number}.mlmodel" for number in range(count)]
        size = sum(path.stat().st_size for path in paths)
        print(f"{count} models, {size / 1e9:.2f} GB")
        figures = {}
        works = {"bytes": read_bytes, "messages": read_all, "weights": read_weights}
        for name, work in (*works.items(), ("average", average)):
            with context.Pool(1) as pool:
                figures[name] = pool.apply(timed, (work, paths))
            used, seconds, grown = figures[name]
            print(f"{name:<9} {used:6.2f} s CPU, {seconds:6.2f} s, peak grown by {grown:.0f} MB")
        for name in works:
            print(
                f"average / {name}: {figures['average'][0] / figures[name][0]:.2f} of the CPU time"
            )
        with context.Pool(1) as pool:
            pool.apply(compared, (paths,))
        print(f"the mean of {min(count, COMPARED)} equals NumPy's to the bit")


if __name__ == "__main__":
    main()
