"""The weights that learn: out of a model and in, from a device, and into Keras again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.api.contents import Contents
from converter.api.errors import naming_arguments
from converter.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Self

    from converter.weights.extraction import Extracted


class Weights(Contents):
    """The part of an `UpdatableModel` that has what was learned."""

    @property
    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """The weights that learn, copies by name: ``dense_5/kernel``, in Keras's shape and order.

        Raises:
            TrainingError: nothing learns in the model, or it keeps samples instead of weights.
        """
        from converter.weights import tensors

        return tensors.weights(self.spec)

    def get_weights(self) -> list[npt.NDArray[np.float32]]:
        """Return the `weights` as a list, as ``keras.Model.get_weights`` does."""
        return list(self.weights.values())

    @naming_arguments
    def set_weights(self, weights: Sequence[Any] | Mapping[str, Any]) -> None:
        """Put in `weights`, a list as `get_weights` gives it, or arrays by name, in this model.

        Raises:
            DataError: there are more or fewer than the model has, one is of another shape, or holds
                what is no finite number. Then nothing is changed.
        """
        from converter.weights import tensors

        names = [tensor.name for tensor in tensors.tensors(self.spec)]
        if not isinstance(weights, Mapping):
            given = list(weights)
            if len(given) != len(names):
                raise DataError(
                    f"weights: holds {len(given)} arrays, but the model has {len(names)}: "
                    f"{', '.join(names)}"
                )
            weights = dict(zip(names, given, strict=True))
        tensors.put(self.spec, weights)

    @naming_arguments
    def adopt(self, personal: str | Path) -> Self:
        """Return this model with what a device has learned, from the `personal` one that it saved.

        That is a ``.mlmodelc`` folder, or a file that ``exportWeights(to:)`` or
        ``exportModel(to:)`` of the generated Swift trainer has written. Nothing of it is run.

        Raises:
            DataError: it is none of these, or does not descend from this model.
        """
        from converter.weights.adopting import adopt

        return replace(self, spec=adopt(self.spec, Path(personal)))

    @naming_arguments
    def extract(
        self,
        into: str | Path,
        path: str | Path,
        *,
        weights: str | Path | None = None,
        allow_unsafe: bool = False,
    ) -> Extracted:
        """Write to `path` the Keras file `into`, which the model was made of, with what it learned.

        `path` ends in ``.keras`` or ``.h5``. `weights` are those of `into`, if they are in a file
        of their own; `allow_unsafe` runs Python code stored in it.

        Raises:
            UnsupportedError: what was learned has no place in Keras.
            NotUpdatableError: `into` is not the file that the model was converted from.
            ParityError: with what was learned, Keras predicts something else.
        """
        from converter.weights.extraction import extract

        apart = None if weights is None else Path(weights)
        return extract(self.spec, Path(into), Path(path), apart, allow_unsafe=allow_unsafe)
