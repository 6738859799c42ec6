"""How Core ML counts, decoded from the record of the small trainings that a Mac has done.

    answers = decode(record.read(path))
    arithmetic.write(out, about(…), known(answers))

Nothing here needs TensorFlow or a Mac.
"""

from __future__ import annotations

from converter.calibration.decoding import Answer, decode, known

__all__ = ["Answer", "decode", "known"]
