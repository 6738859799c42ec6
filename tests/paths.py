"""Where the files stand that tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "fixtures"
ZOO = FIXTURES / "keras_files"
"""Files written by real Keras versions from 1.2.2 to 3.15."""
MODELS = ROOT / "models"
