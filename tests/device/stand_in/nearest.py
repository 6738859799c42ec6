"""Part of the stand-in for pyobjc: neighbours of one array, a vote each; see ``objc.py``."""

import numpy as np

from converter.coreml import neighbors


def is_nearest(spec):
    return spec.WhichOneof("Type") == neighbors.KIND


def keep(spec, batch):
    """Add the samples of `batch`, dictionaries by name, to `spec`."""
    known = neighbors.read(spec)
    features, label = (feature.name for feature in spec.description.trainingInput)
    rows = [np.array(sample.objectForKey_(features)._value._memory) for sample in batch]
    labels = [sample.objectForKey_(label)._value for sample in batch]
    params = spec.kNearestNeighborsClassifier
    samples = np.concatenate([known.samples, rows]).astype(np.float32)
    neighbors.put_samples(params, samples, [*known.labels, *labels])


def votes(spec, sample):
    """Return the share of the vote that each class has which was found."""
    known = neighbors.read(spec)
    name = spec.description.input[0].name
    row = np.array(sample.objectForKey_(name)._value._memory)
    if not len(known.samples):
        return {known.default_label: 1.0}
    found = np.argsort(((known.samples - row) ** 2).sum(axis=1), kind="stable")[: known.count]
    labels = [known.labels[place] for place in found]
    return {label: labels.count(label) / len(labels) for label in labels}
