"""The answer of a study in words."""

from __future__ import annotations

from converter.studies.answer import Answer
from converter.studies.figures import Estimate, Row
from converter.studies.writing import NEXT, row_of


def setting(row: Row, has_momentum: bool = True, model: str = "") -> str:
    """Return a setting in one line, such as ``rate 0.01, 5 epochs, batch 16``."""
    trial = row.trial
    momentum = f", momentum {trial.momentum:g}" if has_momentum and trial.momentum else ""
    epochs = f"{trial.epochs} epoch{'s' * (trial.epochs > 1)}"
    front = f"{model}: " if model else ""
    return f"{front}rate {trial.learning_rate:g}{momentum}, {epochs}, batch {trial.batch_size}"


def verdict(answer: Answer) -> list[str]:
    """Return what is recommended, from how many samples it helps, and what the next ones mean."""
    best, goal = answer.best, answer.study.goal
    name = setting(best, True, answer.models[best.trial.model].name)
    if answer.is_reached:
        found = [f"recommended: {name}"]
    else:
        missed = ", ".join(f"{what} by {by:.3f}" for what, by in best.misses(goal).items())
        found = [f"no setting reaches the goal; the nearest, {name}, misses {missed}"]
    start = answer.helps_from
    found.append(
        "it never helps the median user without making too many worse" if start is None
        else f"it helps the median user from {start} samples on"
    )  # fmt: skip
    for row in answer.ranked[1 : NEXT + 1]:
        model = answer.models[row.trial.model].name if len(answer.models) > 1 else ""
        found.append(f"instead {setting(row, model=model)}: {_beside(row, best, answer)}")
    return found


def _beside(row: Row, best: Row, answer: Answer) -> str:
    told = [
        f"median gain {row.median - best.median:+.3f}",
        f"made worse {row.worse.mean - best.worse.mean:+.3f}",
    ]
    if row.forgetting and best.forgetting:
        told.append(f"forgetting {row.forgetting.mean - best.forgetting.mean:+.3f}")
    misses = row_of(answer, row)["misses"]
    if misses:
        told.append(f"misses the goal's {misses.replace(' ', ', ')}")
    return ", ".join(told)


def goal_of(answer: Answer, row: Row) -> str:
    """Return whether a setting reaches the goal, and whether an app can choose it."""
    misses = ", ".join(row.misses(answer.study.goal))
    goal = f"misses {misses}" if misses else "reached"
    return f"{goal}; needs a new recipe" if row.trial.needs else goal


def estimate_of(estimate: Estimate | None, digits: int = 3) -> str:
    """Return an estimate with its interval, such as ``0.052 ± 0.004``."""
    if estimate is None:
        return "–"
    mean = f"{estimate.mean:.{digits}f}"
    return mean if estimate.half is None else f"{mean} ± {estimate.half:.{digits}f}"
