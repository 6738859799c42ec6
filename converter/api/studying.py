"""`study`, which tells which settings to ship."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.api.errors import naming_arguments
from converter.files.paths import Output, check_outputs

if TYPE_CHECKING:
    from converter.studies.answer import Answer


@naming_arguments
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
