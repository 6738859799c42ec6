"""The recipe: all settings of one conversion, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import Field, PrivateAttr

from converter.files.paths import Input, stem
from converter.recipe.settings import Settings
from converter.recipe.values import Place


class Recipe(Settings):
    """One conversion: the Keras model, what shall learn, and how.

    What is not set (None) comes from the model's own ``compile`` settings where the file has
    them, else from the defaults in `docs/recipes.md`.
    """

    _written_paths: dict[str, str] = PrivateAttr(default_factory=dict)
    _files: tuple[Path, ...] = PrivateAttr(default=())

    def with_origin(self, files: Iterable[Path], paths: Mapping[str, str]) -> Recipe:
        """Return the same recipe, read from `files`, which name theirs as `paths` (key -> text)."""
        copy = self.model_copy()
        copy._files, copy._written_paths = tuple(files), dict(paths)
        return copy

    def inputs(self) -> list[Input]:
        """Return every file that the conversion reads: the model, labels, samples, recipes."""
        names = ("weights", "classes", "calibration", "knn_samples")
        others = ((name, getattr(self, name)) for name in names)
        named = [Input(key, path) for key, path in others if isinstance(path, Path)]
        return [Input("model", self.model), *named, *(Input("recipe", f) for f in self._files)]

    @property
    def is_pipeline(self) -> bool:
        """Whether what is frozen becomes a model of its own."""
        return self.layout == "pipeline" or self.frozen_weights != "float32"

    def written_path(self, key: str) -> str:
        """Return the path `key` as the recipe's file has it, else the bare name of the file.

        Neither depends on the working folder or on the machine.
        """
        return self._written_paths.get(key) or Path(getattr(self, key)).name

    def destination(self) -> Path:
        """Return where the result goes; by default to the working folder, not beside the model."""
        return self.output_path or Path(f"{stem(self.model)}Updatable.mlmodel")


class RecipeFile(Recipe):
    """What a recipe file may hold: a recipe, and what it builds on."""

    extends: Place | tuple[Place, ...] | None = Field(
        default=None,
        description="Recipes to start from, later ones and this one win; paths from here.",
    )
