"""A personalization study: which settings to ship, found out on many users, real or simulated.

`model` says what a study can be told, `reading` makes it from YAML and flags; `running` runs it on
Dask, keeps results in a `store`, and `answer` says what they mean.
"""

from __future__ import annotations

from converter.studies.model import Goal, Settings, Shifts, Simulated, Study, Users

__all__ = ["Goal", "Settings", "Shifts", "Simulated", "Study", "Users"]
