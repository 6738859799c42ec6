"""The samples of the job as Core ML takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from CoreML import MLDictionaryFeatureProvider, MLFeatureValue
from Foundation import NSDictionary

from converter.device.worker.bridge import multi_array, need, url

PREDICTED_SAMPLES = 8


def providers(job: Any, folder: Path, model: Any, training: bool) -> list[Any]:
    """Return the samples as feature providers, with their answers if they are for training."""
    with np.load(folder / "samples.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    chosen = [n for n, f in enumerate(job["features"]) if training or f["is_input"]]
    count = job["count"] if training else min(job["count"], PREDICTED_SAMPLES)
    found = []
    for sample in range(count):
        values = {
            job["features"][n]["name"]: feature_value(
                job, folder, n, sample, arrays.get(f"feature.{n}"), model
            )
            for n in chosen
        }
        features = NSDictionary.dictionaryWithDictionary_(values)
        made = MLDictionaryFeatureProvider.alloc().initWithDictionary_error_(features, None)
        found.append(need(made, f"sample {sample} could not be made"))
    return found


def feature_value(job: Any, folder: Path, number: int, sample: int, values: Any, model: Any) -> Any:
    """Return one feature of one sample, of the kind that the file declares."""
    feature = job["features"][number]
    if feature["kind"] == "multiArray":
        array = multi_array(values[sample], feature["dtype"])
        return MLFeatureValue.featureValueWithMultiArray_(array)
    if feature["kind"] == "int64":
        return MLFeatureValue.featureValueWithInt64_(int(values[sample]))
    if feature["kind"] == "string":
        return MLFeatureValue.featureValueWithString_(str(values[sample]))
    described = model.modelDescription().trainingInputDescriptionsByName()
    constraint = described.objectForKey_(feature["name"]).imageConstraint()
    picture = url(folder / f"image.{number}.{sample}.png")
    loaded = MLFeatureValue.featureValueWithImageAtURL_constraint_options_error_(
        picture, constraint, None, None
    )
    return need(loaded, f"image {sample} could not be read")
