"""The reference runtime: runs and trains a Core ML model anywhere, from its bytes alone.

Its arithmetic is that of Keras with the same settings, unless `Settings.arithmetic` says otherwise:
Apple does not document Core ML's. See `converter.arithmetic`.
"""

from __future__ import annotations

from converter.runtime.answers import Answers, answers
from converter.runtime.history import Epoch, History, Labelled, Progress
from converter.runtime.loop import Score
from converter.runtime.plan import Plan, plan
from converter.runtime.prediction import (
    depends_on_batch,
    features_below,
    is_distribution,
    predict,
    predict_samples,
    predict_with_before,
)
from converter.runtime.settings import Settings
from converter.runtime.sources import ArraySamples, Samples
from converter.runtime.strands import prepare_threads
from converter.runtime.trainer import Trainer
from converter.runtime.update import check, evaluate, settings, train, way

__all__ = [
    "Answers",
    "ArraySamples",
    "Epoch",
    "History",
    "Labelled",
    "Plan",
    "Progress",
    "Samples",
    "Score",
    "Settings",
    "Trainer",
    "answers",
    "check",
    "depends_on_batch",
    "evaluate",
    "features_below",
    "is_distribution",
    "plan",
    "predict",
    "predict_samples",
    "predict_with_before",
    "prepare_threads",
    "settings",
    "train",
    "way",
]
