"""The Python API: a Keras model, or a .mlmodel, in; an updatable Core ML model in memory out.

>>> import converter
>>> model = converter.convert("models/lenet.h5", layers=["dense_5", "dense_6"])
>>> model
<UpdatableModel 'lenet': dense_5, dense_6 learn by adam, 2.3 MB>
>>> [finding.text() for finding in model.validate()]
[]
>>> model.report.parity < 1e-5
True
"""

from __future__ import annotations

import functools
import html
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeAlias, TypedDict, TypeVar

from converter.arithmetic import Arithmetic, arithmetic_of
from converter.conversion.report import Report, report_of
from converter.coreml import mlmodel
from converter.coreml.inspection import COLUMNS, size_text
from converter.coreml.mlmodel import Message
from converter.coreml.optimizers import TRAINING
from converter.errors import DataError, MakeUpdatableError, UsageError, in_python
from converter.files import write_bytes
from converter.paths import MODEL_ENDING, PAGE_ENDING, Input, Output, check_outputs
from converter.recipe import Choice, Metadata, Objective, Range, Recipe
from converter.recipe.reading import from_flags, read
from converter.validation import validate
from converter.validation.finding import Finding

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Unpack

    from converter.coreml.encoding import Precision
    from converter.data import Layout
    from converter.device import Verdict
    from converter.proof.update import Verification
    from converter.runtime import History, Samples, Score
    from converter.studies.answer import Answer
    from converter.weights.extraction import Extracted

    Array: TypeAlias = npt.NDArray[np.generic]
    Inputs: TypeAlias = Array | Mapping[str, Array]


class Options(TypedDict, total=False):
    """What `convert` can be told: the settings of a recipe (see `converter.recipe.Recipe`)."""

    weights: str | Path
    layers: Sequence[str]
    output: str
    signature: str
    input_shape: tuple[int, ...]
    allow_unsafe: bool
    layout: Literal["auto", "network", "pipeline"]
    frozen_weights: Precision
    calibration: str | Path
    loss: Objective
    optimizer: Literal["sgd", "adam"]
    learning_rate: float | Range
    momentum: float | Range
    beta_1: float | Range
    beta_2: float | Range
    epsilon: float | Range
    epochs: int | Choice
    batch_size: int | Choice
    shuffle: bool
    seed: int
    image: Literal["rgb", "bgr", "gray"]
    scale: float
    bias: tuple[float, ...]
    classes: Sequence[str] | Sequence[int] | Path
    new_head: bool | Literal["glorot", "zeros"]
    spare_classes: int
    input_name: str
    output_name: str
    label_name: str
    knn: bool | str
    neighbors: int | Choice
    knn_weighting: Literal["uniform", "inverse_distance"]
    knn_index: Literal["linear", "kd_tree"]
    knn_leaf_size: int
    default_label: str | int
    knn_samples: Path
    knn_scale: float
    metadata: Metadata
    verify: bool
    tolerance: float
    verify_update: bool


P = ParamSpec("P")
T = TypeVar("T")


def _in_python(function: Callable[P, T]) -> Callable[P, T]:
    """Let what `function` raises name arguments where it names options of the command line."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except MakeUpdatableError as error:
            error.args = (in_python(str(error)),)
            raise

    return wrapped


@_in_python
def convert(
    model: str | Path | Any, *, recipe: str | Path | None = None, **options: Unpack[Options]
) -> UpdatableModel:
    """Convert a trained Keras model to an updatable Core ML model, in memory.

    Args:
        model: the path of an ``.h5`` or ``.keras`` file, a SavedModel, a model of TensorFlow.js or
            Teachable Machine, or a ``.json`` with `weights` in a file of their own; or a live
            ``keras.Model``, which is left as it is.
        recipe: the path of a recipe in YAML; `options` win over it.
        options: the settings of a recipe, by the same names and in the same units: `layers` are
            names or globs, `input_shape` is ``(height, width, channels)`` without the batch,
            `learning_rate` a number or a `Range`, `epochs` a number or a `Choice`. Of a recipe,
            ``output_path`` and ``on_device`` do not count: call `save` and `on_device`.

    Returns:
        The model, checked by the rules of Core ML, and compared with Keras unless ``verify=False``.

    Raises:
        MakeUpdatableError: in one line, what is wrong and what to do; its subclasses say what kind
            of thing (see `converter.errors`).
    """
    from converter.loading import compile_settings_of
    from converter.loading.live import check_live

    is_file = isinstance(model, (str, Path))
    if not is_file:
        check_live(model)
    source = Path(model if isinstance(model, (str, Path)) else f"{model.name}.keras")
    flags = {"model": source, **_plain(options)}
    chosen = read(Path(recipe), flags) if recipe is not None else from_flags(flags)
    if "on_device" in options:
        raise UsageError("on_device is for the command line; convert, then call .on_device()")
    if not is_file and chosen.weights is not None:
        raise UsageError("weights are for a model in a file; here call model.load_weights(...)")
    if chosen.output_path is not None:
        chosen = chosen.model_copy(update={"output_path": None})
    from converter.conversion import story

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "converted.mlmodel"
        if is_file:
            in_folder = chosen.model_copy(update={"output_path": target})
            report = story.convert_file(in_folder)
        else:
            prepared = story.prepare(model, compile_settings_of(model), chosen)
            report = story.write(prepared, target, chosen)
        spec = mlmodel.read(target)
    return UpdatableModel(spec, report, chosen, None if is_file else model)


@_in_python
def load(path: str | Path) -> UpdatableModel:
    """Open the ``.mlmodel`` at `path`, made by this tool or by another one.

    Returns:
        The same kind of object as from `convert`. It does not carry the Keras model: `verify` is
        told it by ``against``.

    Raises:
        ModelFileError: the file cannot be read, or is no model.
    """
    from converter.conversion.metadata import recipe_of

    source = Path(path)
    spec = mlmodel.read(source)
    report = report_of(spec, source.stat().st_size)
    return UpdatableModel(spec, report, recipe_of(spec), _source=source)


@_in_python
def average(models: Sequence[str | Path], weights: Sequence[float] | None = None) -> UpdatableModel:
    """Return the mean of `models`, paths of ``.mlmodel`` files that descend from one file.

    They are read one after the other, so that any number of them takes the memory of a few.
    `weights` are what each counts, in any unit, such as its number of samples.

    Raises:
        UsageError: there are no models, or the weights do not fit them.
        DataError: a model does not descend from the same file as the first; it says what differs.
    """
    from converter.weights.average import average as averaged

    spec = averaged([Path(path) for path in models], weights)
    return replace(load(models[0]), spec=spec)


@_in_python
def study(
    file: str | Path | None = None,
    *,
    scheduler: str | None = None,
    scheduler_file: str | Path | None = None,
    workers: int | None = None,
    memory_limit: str | None = None,
    **settings: Any,
) -> Answer:
    """Tell which settings to ship, from how many users fare with them.

    Processes are started for it: a script has to call it below ``if __name__ == "__main__":``.

    Args:
        file: the path of a study in YAML; `settings` win over it.
        scheduler: address of a running scheduler of Dask; by default, processes are started here.
        scheduler_file: or the file in which it has written its address.
        workers: how many processes to start here; by default one for each core.
        memory_limit: what a worker may take, such as "2GB".
        settings: those of a study (see `converter.studies.Study`), by the same names:
            ``models=["Model.mlmodel"], users={"data": "users/"}``. Results are kept in the file
            `results`, by default ``study.results``, and a study goes on from it.

    Returns:
        The answer, with `save`, `plot` and `write_recipe`.

    Raises:
        MakeUpdatableError: in one line, what is wrong and what to do.
    """
    from contextlib import closing

    from converter.studies.answer import answer
    from converter.studies.cluster import Where
    from converter.studies.model import RESULTS
    from converter.studies.reading import as_flags, from_flags
    from converter.studies.reading import read as read_study
    from converter.studies.running import prepare, run_on
    from converter.studies.store import Store

    flags = as_flags(settings)
    told = read_study(Path(file), flags) if file is not None else from_flags(flags)
    place = None if scheduler_file is None else Path(scheduler_file)
    where = Where(scheduler, place, workers, memory_limit)
    results = told.place(Path(file) if file is not None else None)
    check_outputs(told.inputs(), [Output("results", results, RESULTS)])
    prepared = prepare(told, where.most_bytes)
    with closing(Store(results)) as store:
        run_on(prepared, store, where)
        return answer(prepared, store)


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` as a YAML file would hold them."""
    return {
        key: value.model_dump(exclude_unset=True)
        if isinstance(value, (Range, Choice, Metadata))
        else value
        for key, value in options.items()
        if value is not None
    }


@dataclass(frozen=True, repr=False, eq=False)
class UpdatableModel:
    """A Core ML model that learns, in memory.

    Attributes:
        spec: the protobuf message ``Model``, as coremltools knows it.
        report: what the conversion did: layers, interface, update, size, parity, notes.
        recipe: everything that the conversion was told; None of a model of another tool.
        history: how the training went, if the model comes from `train`.
    """

    spec: Message
    report: Report
    recipe: Recipe | None
    _keras: Any = field(default=None)
    history: History | None = None
    _source: Path | None = None

    @_in_python
    def save(self, path: str | Path) -> Path:
        """Write the model to `path`, which ends in ``.mlmodel``; return it.

        Raises:
            OutputError: the file cannot be written, or is what the model was made of.
        """
        target = Path(path)
        check_outputs(self._inputs(), [Output("", target, MODEL_ENDING)])
        mlmodel.write(self.spec, target)
        return target

    @_in_python
    def save_page(self, path: str | Path) -> Path:
        """Write what there is to see of the model to `path`, an ``.html`` page; return it.

        It is one file that needs no network: its size by layer, its picture, what learns and how,
        what the rules find; how it compares with Keras, or how its training went.

        Raises:
            MissingDependencyError: what draws the page is not installed.
            OutputError: the file cannot be written, or is what the model was made of.
        """
        from converter.page import document
        from converter.page.model import core_ml_sections
        from converter.page.notes import notes
        from converter.page.parity import parity

        target = Path(path)
        check_outputs(self._inputs(), [Output("", target, PAGE_ENDING)])
        first, about = [], []
        if self.history is not None:
            from converter.page.training import training

            first = [training(self.history)]
        elif self._source is None:
            about = [parity(self.report)]
        sections = [
            *first,
            *core_ml_sections(self.spec, self.spec.ByteSize(), *about),
            *notes(self.report.notes),
        ]
        write_bytes(target, document(self._name, sections).encode())
        return target

    @property
    def _name(self) -> str:
        """What the file is called that the model was made of."""
        return (self._source or (self.recipe.model if self.recipe else Path("model"))).stem

    def _inputs(self) -> list[Input]:
        """Return the files that the model was made of."""
        if self._source is not None:
            return [Input("of load", self._source)]
        assert self.recipe is not None, "a converted model has one"
        if self._keras is None:
            return self.recipe.inputs()
        # The path of a live model is made up.
        return [each for each in self.recipe.inputs() if each.path != self.recipe.model]

    def validate(self) -> list[Finding]:
        """Return what the rules of Core ML find in the model; nothing but warnings is expected."""
        return validate.validate_bytes(mlmodel.serialize(self.spec), must_be_updatable=True)

    @_in_python
    def verify(
        self,
        steps: int = 2,
        samples: int | None = None,
        seed: int = 0,
        *,
        against: str | Path | Any = None,
        weights: str | Path | None = None,
        allow_unsafe: bool = False,
    ) -> Verification:
        """Compare predictions and `steps` update steps with those of the Keras model.

        That is `against`, the path of a Keras file or a live ``keras.Model``, by default the one
        that was converted. The file is read again, with its `weights` if they are in a file of
        their own; a live model has its own weights again afterwards. `samples` is the size of a
        mini-batch of random samples, `allow_unsafe` runs Python code stored in the file.
        ``result.passed()`` tells whether both agree.

        Raises:
            UsageError: the model has been trained since, so that it must differ; or it was loaded
                and `against` is not given.
            ParityError: the models predict different things.
        """
        from converter.proof.update import verify

        twin = self._keras_model(against, weights, allow_unsafe)
        return verify(_copy(self.spec), twin, steps, samples, seed)

    @_in_python
    def on_device(self, timeout: float = 600.0) -> Verdict:
        """Run one update in Core ML itself, in a process of its own, and return what came of it.

        Anywhere but on a Mac with pyobjc, ``outcome`` is ``Outcome.NOT_RUN``. `timeout` in seconds.
        """
        from converter import device

        return device.check(self.spec, timeout=timeout)

    def _keras_model(
        self, against: str | Path | Any, weights: str | Path | None, allow_unsafe: bool
    ) -> Any:
        """Return the live Keras model to compare with."""
        from converter import keras_file
        from converter.conversion.new_classes import original, renewed_again
        from converter.loading import compile_settings_of
        from converter.loading.live import check_live

        if isinstance(against, (str, Path)):
            apart = None if weights is None else Path(weights)
            keras_file.check_kind(Path(against), apart)
            made = original(self.spec, Path(against), weights=apart, allow_unsafe=allow_unsafe)
            return made.model
        if weights is not None:
            raise UsageError("weights are those of a model in a file; give its path: against")
        if against is not None:
            check_live(against)
            return against
        if self.history is not None:
            raise UsageError(
                "the model has been trained; verify the one that was converted, or give the Keras "
                "model that is like it: against"
            )
        if self._source is not None or self.recipe is None:
            raise UsageError("a loaded model does not carry its Keras model; give it: against")
        if self._keras is not None:
            model, settings, recipe = self._keras, compile_settings_of(self._keras), self.recipe
        else:
            from converter.conversion.source import load_source

            source = load_source(self.recipe)
            model, settings = source.loaded.model, source.loaded.compile_settings
            recipe = source.left
        return renewed_again(model, settings, recipe, self.spec).model

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

    @_in_python
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

    @_in_python
    def adopt(self, personal: str | Path) -> UpdatableModel:
        """Return this model with what a device has learned, from the `personal` one that it saved.

        That is a ``.mlmodelc`` folder, or a file that ``exportWeights(to:)`` or
        ``exportModel(to:)`` of the generated Swift trainer has written. Nothing of it is run.

        Raises:
            DataError: it is none of these, or does not descend from this model.
        """
        from converter.weights.adopting import adopt

        return replace(self, spec=adopt(self.spec, Path(personal)))

    @_in_python
    def predict(
        self, x: Inputs, *, layout: Layout = "auto", scale: float = 1.0
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the outputs for samples, by name, computed by the reference runtime.

        32 samples are computed at once, which matters where
        `converter.runtime.depends_on_batch` names a layer.

        Args:
            x: ``[N, H, W, C]`` as in Keras or ``[N, C, H, W]`` as in Core ML (`layout` decides
                where both fit), ``[N, steps, C]`` or ``[N, C, 1, steps]`` for signals,
                ``[N, H, W]`` for gray images, ``[N, C]`` for vectors; a mapping by name
                for several inputs. An image input takes pixels from 0 to 255.
            layout: "auto", "nhwc" or "nchw".
            scale: factor on the values.

        Returns:
            Arrays ``[N, C]`` or ``[N, C, H, W]``; of a classifier the probabilities
            ``[N, classes]`` and the labels ``[N]``.

        Raises:
            DataError: `x` does not fit the model.
        """
        from converter import runtime

        return runtime.predict_samples(self.spec, self._samples(x, layout, scale))

    @_in_python
    def train(
        self,
        x: Inputs,
        y: Any,
        *,
        test: tuple[Inputs, Any] | None = None,
        layout: Layout = "auto",
        scale: float = 1.0,
        arithmetic: str | Path | Arithmetic = "keras",
        **numbers: float | bool | None,
    ) -> UpdatableModel:
        """Return the model after an update on samples, as the device would do it.

        It is done by the reference runtime; this model stays as it is.

        Args:
            x: samples, as for `predict`.
            y: class indices ``[N]``, labels ``[N]``, one-hot ``[N, classes]``, or values.
            test: other samples and answers, to score before training and after every epoch.
            layout: as for `predict`.
            scale: as for `predict`.
            arithmetic: "keras", "coreml", the path of a JSON file, or a
                `converter.arithmetic.Arithmetic`.
            numbers: ``epochs``, ``batch_size``, ``learning_rate``, ``momentum``, ``beta_1``,
                ``beta_2``, ``epsilon``, ``shuffle``, ``seed``; by default those of the model, and
                only what the model allows.

        Returns:
            The trained model, with its `history`.

        Raises:
            UsageError: a number is unknown or not allowed.
            ArithmeticFileError: the file of arithmetic is not as it should be.
            DataError: samples or answers do not fit the model.
            TrainingError: the loss is no longer a number.
        """
        from converter import runtime

        if unknown := sorted(set(numbers) - set(TRAINING)):
            raise UsageError(f"train: {unknown[0]} is no setting; there are {', '.join(TRAINING)}")
        spec = _copy(self.spec)
        counting = arithmetic if isinstance(arithmetic, Arithmetic) else arithmetic_of(arithmetic)
        settings = replace(runtime.settings(spec, **numbers), arithmetic=counting)
        runtime.check(spec, settings)
        data = runtime.Labelled(self._samples(x, layout, scale), y)
        held_out = None
        if test is not None:
            held_out = runtime.Labelled(self._samples(test[0], layout, scale), test[1])
        history = runtime.train(spec, data, settings, held_out)
        return replace(self, spec=spec, history=history)

    @_in_python
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

    @_in_python
    def evaluate(
        self,
        x: Inputs,
        y: Any,
        *,
        layout: Layout = "auto",
        scale: float = 1.0,
        batch_size: int = 32,
    ) -> Score:
        """Return the mean ``loss`` over samples and, of classes, the ``accuracy``.

        Args:
            x: samples, as for `predict`.
            y: answers, as for `train`.
            layout: as for `predict`.
            scale: as for `predict`.
            batch_size: samples computed at once.

        Raises:
            DataError: samples or answers do not fit the model.
        """
        from converter import runtime

        data = runtime.Labelled(self._samples(x, layout, scale), y)
        return runtime.evaluate(self.spec, data, batch_size)

    def _samples(self, x: Inputs, layout: Layout, scale: float) -> Samples:
        import numpy as np

        from converter.data import Reading
        from converter.data.arrays import converted
        from converter.runtime import ArraySamples

        inputs = self.spec.description.input
        given = x if isinstance(x, Mapping) else {inputs[0].name: x}
        names = [feature.name for feature in inputs]
        if sorted(given) != sorted(names):
            raise UsageError(f"the model takes {', '.join(names)}; given: {', '.join(given)}")
        how = Reading(layout, scale)
        return ArraySamples({f.name: converted(np.asarray(given[f.name]), f, how) for f in inputs})

    def __repr__(self) -> str:
        report = self.report
        by = f" learn by {report.update.optimizer}" if report.update else " learn"
        learn = f"{report.learning}{by}" if report.learning else "nothing learns"
        return f"<UpdatableModel '{self._name}': {learn}, {size_text(report.size)}>"

    def _repr_html_(self) -> str:
        """Return a table of the layers, for notebooks."""
        report = self.report
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        rows = "".join(
            _row(layer.cells(), "b" if layer.updatable else "span")
            for part in (report, *report.models)
            for layer in part.layers
        )
        facts = [
            f"inputs: {'; '.join(map(str, report.inputs))}",
            f"outputs: {'; '.join(map(str, report.outputs))}",
            f"loss: {report.loss}; optimizer: {report.update.optimizer}"
            if report.update
            else f"learns {report.learning}",
            "parity: not checked"
            if report.parity is None
            else f"parity: {report.parity:.1e}{report.caution}",
            *report.notes,
        ]
        listed = "".join(f"<li>{html.escape(fact)}</li>" for fact in facts)
        title = html.escape(repr(self))
        return f"<p>{title}</p><table><tr>{head}</tr>{rows}</table><ul>{listed}</ul>"


def _row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<td><{tag}>{html.escape(c)}</{tag}></td>' for c in cells)}</tr>"


def _copy(spec: Message) -> Message:
    copy = type(spec)()
    copy.CopyFrom(spec)
    return copy
