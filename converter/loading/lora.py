"""LoRA: two small matrices beside a kernel, in HDF5 files; here they are merged into it.

A layer with LoRA computes with ``kernel + alpha / rank * a @ b``. Into a ``.keras`` zip Keras
writes that sum (``save_own_variables`` of ``keras.layers.Dense``), into HDF5 the three arrays. The
model is built without LoRA, so that its kernels are what the device learns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.keras_file import Dataset, StoredLayer
from converter.keras_file.graph import every_layer


@dataclass(frozen=True)
class Merged:
    """An array still on disk, as a `Dataset` is: ``base + scale * a @ b``."""

    base: Dataset
    a: Dataset
    b: Dataset
    scale: float

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the kernel."""
        return tuple(self.base.shape)

    def __getitem__(self, key: tuple[()]) -> npt.NDArray[np.float32]:
        """Return the whole array."""
        product = np.matmul(self.a[()], self.b[()])
        total: npt.NDArray[np.float32] = self.base[()] + np.float32(self.scale) * product
        return total


def merged(arrays: Sequence[tuple[str, Dataset]], owner: StoredLayer) -> list[tuple[str, Dataset]]:
    """Return the `arrays` of a layer or nested model with LoRA's matrices merged into kernels.

    A kernel under LoRA is frozen and so stands behind; it goes where it stood without LoRA.
    """
    found = dict(arrays)
    scales = {layer.stored_name: _scale(layer.config) for layer in every_layer(owner)}
    done: dict[str, Dataset] = {}
    for name, array in arrays:
        layer, _, last = name.rpartition("/")
        kernels = [other for other in found if _is_under_lora(other, layer, found)]
        for kernel in kernels:
            a, b = (_beside(kernel, letter) for letter in "ab")
            scale = scales.get(layer.rpartition("/")[2], 1.0)
            done.setdefault(kernel, Merged(found[kernel], found[a], found[b], scale))
        if not re.match(r"lora_\w+_[ab](:0)?$", last):
            done.setdefault(name, array)
    return list(done.items())


def _is_under_lora(name: str, layer: str, found: Mapping[str, Dataset]) -> bool:
    return name.rpartition("/")[0] == layer and _beside(name, "a") in found


def _beside(name: str, letter: str) -> str:
    """Return the name of a matrix: ``dense/lora_kernel_a`` beside ``dense/kernel``."""
    layer, slash, last = name.rpartition("/")
    kernel, colon, number = last.partition(":")
    return f"{layer}{slash}lora_{kernel}_{letter}{colon}{number}"


def _scale(config: Mapping[str, Any]) -> float:
    rank = config.get("lora_rank")
    return (config.get("lora_alpha") or rank) / rank if rank else 1.0
