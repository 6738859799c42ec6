"""A Keras file becomes a live model and its compile settings; no code in the file is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter import keras_file
from converter.backend import keras
from converter.compile_settings import CompileSettings, Loss, compile_settings
from converter.errors import KerasFileError

__all__ = ["CompileSettings", "LoadedModel", "Loss", "compile_settings_of", "load"]


@dataclass(frozen=True)
class LoadedModel:
    """A live Keras model, built, its weights set, not compiled; and how it had been compiled."""

    model: Any
    compile_settings: CompileSettings | None


def load(
    path: Path, *, allow_unsafe: bool = False, input_shape: tuple[int, ...] | None = None
) -> LoadedModel:
    """Load the model in `path`, an ``.h5`` or ``.keras`` file of any Keras version.

    `input_shape` (without the batch axis, such as ``(224, 224, 3)``) fills dimensions that the
    file leaves open. Python code in the file (Lambda layers) runs only if `allow_unsafe`.

    Raises:
        KerasFileError: the file is missing, damaged, weights only, unsafe or not understood.
    """
    stored = keras_file.read(path)
    for layer in keras_file.stored_code(stored.architecture):
        if not allow_unsafe:
            raise KerasFileError(
                f"{path}: layer {layer!r} carries Python code that would have to be run; "
                "if you trust the file, pass --allow-unsafe"
            )
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=not allow_unsafe)
        model = _with_fixed_input(model, input_shape, path)
    except KerasFileError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise KerasFileError(f"{path}: Keras cannot open it ({reason})") from error
    return LoadedModel(model, compile_settings(stored.training, output_names(model)))


def _with_fixed_input(model: Any, shape: tuple[int, ...] | None, path: Path) -> Any:
    """Return `model` with every dimension but the batch known."""
    if not model.built and shape is not None:
        model.build((None, *shape))
    if not model.built:
        raise KerasFileError(
            f"{path}: does not say the shape of its input; give it: --input-shape 224,224,3"
        )
    open_inputs = [tensor for tensor in model.inputs if None in tuple(tensor.shape)[1:]]
    if not open_inputs:
        return model
    if shape is None:
        stored = ",".join("?" if n is None else str(n) for n in open_inputs[0].shape[1:])
        raise KerasFileError(
            f"{path}: leaves dimensions of its input open ({stored}); give them: "
            "--input-shape 224,224,3"
        )
    fixed = keras.Input(shape, name=open_inputs[0].name)
    copy = keras.models.clone_model(model, input_tensors=fixed)
    copy.set_weights(model.get_weights())
    return copy


def compile_settings_of(model: Any) -> CompileSettings | None:
    """Return how the live `model` was compiled, or None if it was not."""
    training = model.get_compile_config() if getattr(model, "compiled", False) else None
    if training is None:
        return None
    optimizer = keras.saving.serialize_keras_object(model.optimizer)
    return compile_settings({**training, "optimizer": optimizer}, output_names(model))


def output_names(model: Any) -> list[str]:
    """Return the name of every output of `model`: that of the layer it comes from."""
    names = getattr(model, "output_names", None)  # Keras gives it to functional models only
    return list(names) if names else [model.layers[-1].name]
