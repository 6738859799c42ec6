"""What a model with new classes still shares with the Keras model from before: the proof of that.

Below a new head these are the features that it takes; beside spare classes the probabilities of
those that the model knew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from converter.coreml.mlmodel import Message
from converter.errors import ParityError
from converter.learning.answers import Answer
from converter.learning.network import Network
from converter.learning.new_classes import Ended
from converter.proof import keras_model, parity
from converter.trace.program import Array


@dataclass(frozen=True)
class Kept:
    """What Keras's model from before answers to the `inputs`, by name, of the Core ML model.

    `answer` are the probabilities ``[N, C]`` of its classes, to be found among those of the
    `output`; or, `are_features`, the features ``[N, F]`` below the last dense layer.
    """

    inputs: Mapping[str, Array]
    output: str
    answer: Answer
    are_features: bool


def kept(
    ended: Ended, network: Network, batch: Sequence[Array], inputs: Mapping[str, Array]
) -> Kept:
    """Return what Keras's model from before says to `batch`, which Core ML takes as `inputs`."""
    output = network.traced.interface.output
    if ended.kept is not None:
        answers = keras_model.keras_answers(ended.origin, batch)[ended.output]
        return Kept(inputs, output, ended.kept(answers), are_features=False)
    folded = [
        layer.name
        for made in network.lowered.net.weighted.values()
        if made.keras.name.split("/")[-1] == ended.head
        for layer in made.folded
    ]
    features = keras_model.keras_predictions(ended.features(folded), batch, 0)
    return Kept(inputs, output, Answer(features).flat(), are_features=True)


def kept_gap(written: Message, expected: Kept, tolerance: float, digits: bool) -> float:
    """Return how far `written` is from what is `expected` to be kept.

    The `digits` of small probabilities count, unless the weights are stored in too few bits.

    Raises:
        ParityError: farther than `tolerance`.
    """
    if expected.are_features:
        found = parity.features(written, expected.inputs, expected.output)
        gap = parity.difference(expected.answer.values, found)
        what = "the features below the new head differ"
    else:
        answer = parity.predict(written, expected.inputs, expected.output)
        known = expected.answer.values.shape[1]
        before = answer.before[:, :known] if digits and answer.before is not None else None
        gap = parity.gap(expected.answer, Answer(answer.values[:, :known], before), digits)
        what = "the probabilities of the classes from before differ"
    if gap > tolerance:
        raise ParityError(
            f"{what} from Keras's by {gap:.1e} of their range (allowed {tolerance:.0e}); nothing "
            "was written; please report this model"
        )
    return gap
