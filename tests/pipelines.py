"""Models in pipelines, as Core ML wants the one that learns: the last."""

from converter.coreml.mlmodel import Model_pb2


def in_pipeline(inner, names=()):
    """Return a pipeline of an empty network and then `inner`; `names` are those of both."""
    spec = Model_pb2.Model(specificationVersion=4, isUpdatable=True)
    spec.description.CopyFrom(inner.description)
    spec.pipeline.models.add(specificationVersion=4).neuralNetwork.SetInParent()
    spec.pipeline.models.add().CopyFrom(inner)
    spec.pipeline.names[:] = names
    return spec
