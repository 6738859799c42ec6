"""What is known of Core ML's arithmetic, how surely, and from where.

`python -m converter.arithmetic` prints the table of `docs/core-ml-arithmetic.md`.
"""

from __future__ import annotations

from typing import NamedTuple


class Evidence(NamedTuple):
    """How sure one field of `COREML` is, and what says so."""

    certainty: str
    source: str


S4TF = "[S4TF_CoreML_Test](https://github.com/JacopoMangiavacchi/S4TF_CoreML_Test)"
LOSSES = (
    "[MNIST-CoreML-Training](https://github.com/JacopoMangiavacchi/MNIST-CoreML-Training), "
    "[distributed-model-training](https://github.com/denissimon/distributed-model-training), "
    "[CoreML-TransferLearning-Demo]"
    "(https://github.com/JacopoMangiavacchi/CoreML-TransferLearning-Demo)"
)

EVIDENCE = {
    "squared_error": Evidence(
        "seen, for one output: mean over the mini-batch, factor 1; mean or sum over several "
        "outputs is open",
        f"five pairs of weights that Core ML wrote, in {S4TF}: reproduced to 1e-8 (mini-batches of "
        "1); half the gradient is excluded, a sum over mini-batches of 5 fits 100 times worse",
    ),
    "cross_entropy": Evidence("open", ""),
    "last_batch": Evidence("open", ""),
    "momentum": Evidence(
        "open", "Apple's header of BNNS has both classic and rate_outside; not Core ML's own"
    ),
    "adam": Evidence(
        "open", "Apple's header of BNNS has uncorrected_root; that is not Core ML's own"
    ),
    "order": Evidence(
        "open; samples are shuffled in the first epoch too, by one seed if none is set",
        f"two runs in {S4TF} had the same order, and that of libc++ with seed 0 gives what they "
        "wrote: two runs are few",
    ),
    "loss": Evidence("likely", f"losses of three apps: {LOSSES}"),
}
"""Field of `COREML` -> what is known."""
