"""The mappings that may stand in a recipe: a range, a choice, and metadata."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from converter.coreml.interface import OWN_KEYS
from converter.recipe.values import Count, Positive


class Strict(BaseModel):
    """A mapping of known keys, of which nothing changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def misplaced(key: str, message: str) -> PydanticCustomError:
    """Return an error that belongs to `key` of a mapping, though the whole mapping is known."""
    return PydanticCustomError("inside", "{message}", {"message": message, "key": key})


class Range(Strict):
    """A number that the app may change between `min` and `max`, both included."""

    default: float | None = Field(
        default=None, description="The value unless the app chooses another."
    )
    min: Annotated[float, Field(ge=0)] = Field(default=0.0, description="The smallest value.")
    max: float = Field(default=1.0, description="The largest value.")

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.min >= self.max:
            raise misplaced("min", f"{self.min:g} is not less than max, {self.max:g}")
        if self.default is not None and not self.min <= self.default <= self.max:
            raise misplaced("default", f"{self.default:g} is not in {self.min:g} … {self.max:g}")
        return self


class Choice(Strict):
    """A whole number that the app may change to any of `allowed`, or from `min` to `max`."""

    default: Positive | None = Field(
        default=None, description="The value unless the app chooses another."
    )
    allowed: tuple[Positive, ...] = Field(
        default=(), min_length=1, description="The values, in any order."
    )
    min: Count = Field(default=1, description="The smallest value, if `max` is given.")
    max: Count | None = Field(default=None, description="The largest value, instead of `allowed`.")

    @property
    def values(self) -> tuple[int, ...]:
        """All values that the app may choose; none if that is left open."""
        return self.allowed or (tuple(range(self.min, self.max + 1)) if self.max else ())

    @model_validator(mode="after")
    def _consistent(self) -> Choice:
        if self.allowed and self.max:
            raise misplaced("max", "is given beside allowed; keep one of them")
        if self.max and self.min > self.max:
            raise misplaced("min", f"{self.min} is more than max, {self.max}")
        if self.default and self.values and self.default not in self.values:
            text = f"{self.min} … {self.max}" if self.max else _listed(self.allowed)
            raise misplaced("default", f"{self.default} is not in {text}")
        return self


def _listed(values: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, values[:12]))
    return shown if len(values) <= 12 else f"{shown}, …"


class Metadata(Strict):
    """What the model file says about itself; Xcode shows it."""

    author: str | None = Field(default=None, description="Who made the model.")
    license: str | None = Field(default=None, description="Under which terms it may be used.")
    version: str | None = Field(default=None, description="Version of the model, in quotes: '1.0'.")
    description: str | None = Field(default=None, description="What the model does, in a sentence.")
    features: dict[str, str] = Field(
        default={}, description="Name of an input, output or training input: what it means."
    )
    user_defined: dict[str, str] = Field(default={}, description="Any other pairs of key and text.")

    @model_validator(mode="after")
    def _foreign(self) -> Metadata:
        for key in self.user_defined:
            if key.startswith(OWN_KEYS):
                raise misplaced("user_defined", f"'{key}' is a key that this tool writes itself")
        return self
