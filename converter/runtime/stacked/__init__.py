"""The same model trained for many users at once, each with weights of their own."""

from __future__ import annotations

from converter.runtime.stacked.checks import ADAPTATION
from converter.runtime.stacked.engine import Engine, Outcome
from converter.runtime.stacked.pool import Pool, Rows, pool
from converter.runtime.stacked.threads import limit_threads

__all__ = ["ADAPTATION", "Engine", "Outcome", "Pool", "Rows", "limit_threads", "pool"]
