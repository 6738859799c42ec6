"""The reference runtime: runs and trains a Core ML model anywhere, from its bytes alone."""

from __future__ import annotations

from converter.runtime.prediction import predict

__all__ = ["predict"]
