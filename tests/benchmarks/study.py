"""A study of many simulated writers: how long it takes, how much memory, and whether it is linear.

    python tests/benchmarks/study.py --data mnist.npz

The trained LeNet meets writers whose digits are those of MNIST, rotated, moved, scaled, some of
them inverted; four rates and three numbers of epochs are tried with each. For every number of
writers the study runs as a whole on this machine's cores, from its files to the answer.
"""

import argparse
import os
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

import converter
from converter.conversion.story import convert_file
from converter.recipe import Recipe

LENET = Path(__file__).parents[2] / "models" / "lenet.h5"

SHIFTS = {"rotation": 30.0, "translation": 4.0, "scale": 1.2, "inversion": 0.2, "label_skew": 1.0}
SETTINGS = {"learning_rate": [0.0003, 0.001, 0.003, 0.01], "epochs": [1, 5, 10],
            "batch_size": [10]}  # fmt: skip


class Watch(threading.Thread):
    """Looks every half a second how much memory and CPU time this process and its workers take."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self.largest, self.cpu, self.over = 0, 0, 0.0, threading.Event()

    def run(self):
        own = psutil.Process(os.getpid())
        while not self.over.wait(0.5):
            sizes, seconds = [], 0.0
            for process in [own, *own.children(recursive=True)]:
                try:
                    sizes.append(process.memory_info().rss)
                    seconds += sum(process.cpu_times()[:2])
                except psutil.Error:
                    continue
            self.peak, self.largest = max(self.peak, sum(sizes)), max(self.largest, *sizes)
            self.cpu = max(self.cpu, seconds)


def measured(model, data, users, samples, folder):
    watch = Watch()
    watch.start()
    before = sum(psutil.Process().cpu_times()[:2])
    started = time.perf_counter()
    answer = converter.study(
        models=[str(model)], settings=SETTINGS, samples=[samples], test_samples=20, seeds=[0],
        users={"simulated": {"data": str(data), "count": users, "shifts": SHIFTS}},
        scale="1/255", common_samples=200, results=str(folder / f"{users}.results"),
    )  # fmt: skip
    seconds = time.perf_counter() - started
    watch.over.set()
    watch.cpu -= before
    return answer, seconds, watch


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="mnist.npz of keras.datasets")
    parser.add_argument("--users", type=int, nargs="+", default=[500, 1000, 2000])
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--layers", default="dense_6")
    args = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        model = folder / "lenet.mlmodel"
        convert_file(Recipe(model=LENET, output_path=model, layers=args.layers.split(",")))
        for users in args.users:
            answer, seconds, watch = measured(model, args.data, users, args.samples, folder)
            best = answer.best
            print(
                f"{users} users × {len(answer.rows)} settings: {seconds:.0f} s, "
                f"{watch.cpu:.0f} s of CPU time, "
                f"{users / seconds:.1f} users/s, {users * len(answer.rows) / seconds:.0f} "
                f"trainings/s; peak {watch.peak / 1e9:.2f} GB in all processes, largest "
                f"{watch.largest / 1e9:.2f} GB; best: rate {best.trial.learning_rate:g}, "
                f"{best.trial.epochs} epochs, median gain {best.median:.3f}", flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
