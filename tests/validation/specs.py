"""Small Core ML models for the tests of the validator, built from protobuf messages alone."""

from converter.coreml.mlmodel import Model_pb2, NeuralNetwork_pb2, network


def feature(features, name, shape=None, dtype="DOUBLE", image=None, kind=None):
    """Add a feature: an array of `shape`, an `image` (colour space, height, width), or a `kind`."""
    added = features.add(name=name)
    if image is not None:
        space, added.type.imageType.height, added.type.imageType.width = image
        added.type.imageType.colorSpace = added.type.imageType.ColorSpace.Value(space)
    elif kind is not None:
        getattr(added.type, kind).SetInParent()
    else:
        array = added.type.multiArrayType
        array.shape.extend(shape or ())
        array.dataType = array.ArrayDataType.Value(dtype)
    return added


def new_model(kind="neuralNetwork", version=4):
    model = Model_pb2.Model(specificationVersion=version)
    getattr(model, kind).SetInParent()
    return model


class Layers:
    """Adds layers to a network one after the other, each reading the one before it."""

    def __init__(self, net, first="image"):
        self.net = net
        self.last = first

    def add(self, kind, name, inputs=None, outputs=None, **params):
        layer = self.net.layers.add(name=name)
        layer.input.extend([self.last] if inputs is None else inputs)
        layer.output.extend([name] if outputs is None else outputs)
        message = getattr(layer, kind)
        message.SetInParent()
        for field, value in params.items():
            if isinstance(value, (list, tuple)):
                getattr(message, field).extend(value)
            elif value is None:
                getattr(message, field).SetInParent()
            else:
                setattr(message, field, value)
        if layer.output:
            self.last = layer.output[0]
        return layer

    def convolution(self, name, inputs, outputs, kernel=3, updatable=False, **params):
        params.setdefault("valid", None)
        layer = self.add("convolution", name, kernelChannels=inputs, outputChannels=outputs,
                         kernelSize=[kernel, kernel], hasBias=True, **params)  # fmt: skip
        fill(layer.convolution.weights, inputs * outputs * kernel * kernel, updatable)
        fill(layer.convolution.bias, outputs, updatable)
        layer.isUpdatable = updatable
        return layer

    def dense(self, name, inputs, outputs, updatable=False):
        layer = self.add("innerProduct", name, inputChannels=inputs, outputChannels=outputs,
                         hasBias=True)  # fmt: skip
        fill(layer.innerProduct.weights, inputs * outputs, updatable)
        fill(layer.innerProduct.bias, outputs, updatable)
        layer.isUpdatable = updatable
        return layer

    def activation(self, name, kind="ReLU"):
        return self.add("activation", name, **{kind: None})

    def pooling(self, name, size=2, **params):
        params.setdefault("valid", None)
        return self.add("pooling", name, kernelSize=[size, size], stride=[size, size], **params)


def fill(weights, count, updatable=False):
    weights.floatValue.extend([0.5] * count)
    weights.isUpdatable = updatable


def allowed(parameter, default, *values, low=None, high=None):
    """Set a default, and a set of `values` or a range."""
    parameter.defaultValue = default
    if values:
        parameter.set.values.extend(values)
    elif high is not None:
        parameter.range.minValue, parameter.range.maxValue = low, high


def add_training(model, inputs, target=("probabilities_true", [1], "INT32"), loss="softmax",
                 optimizer="sgdOptimizer", blob="probabilities"):  # fmt: skip
    """Make `model` updatable: loss, optimizer, epochs, training inputs."""
    model.isUpdatable = True
    update = network(model).updateParams
    added = update.lossLayers.add(name="loss")
    crossentropy, squared = added.categoricalCrossEntropyLossLayer, added.meanSquaredErrorLossLayer
    losses = crossentropy if loss == "softmax" else squared
    losses.input, losses.target = blob, target[0]
    chosen = getattr(update.optimizer, optimizer)
    allowed(chosen.learningRate, 0.01, low=0.0, high=1.0)
    allowed(chosen.miniBatchSize, 32, 1, 16, 32, 64)
    for name in ("beta1", "beta2", "eps") if optimizer == "adamOptimizer" else ("momentum",):
        allowed(getattr(chosen, name), 0.5, low=0.0, high=1.0)
    allowed(update.epochs, 10, low=1, high=1000)
    update.shuffle.defaultValue = True
    training = model.description.trainingInput
    for given in inputs:
        training.add().CopyFrom(given)
    feature(training, target[0], target[1], target[2])


def lenet(kind="neuralNetwork", updatable=True, optimizer="sgdOptimizer"):
    """A convolutional network like LeNet, small, every layer with weights updatable."""
    model = new_model(kind)
    feature(model.description.input, "image", [1, 12, 12])
    layers = Layers(network(model))
    layers.convolution("conv_1", 1, 2, 3, updatable)
    layers.activation("conv_1__activation")
    layers.pooling("pool_1")
    layers.add("flatten", "flatten_1", mode=1)
    layers.dense("dense_1", 50, 6, updatable)
    layers.activation("dense_1__activation")
    layers.dense("dense_2", 6, 4, updatable)
    layers.add("softmax", "softmax", outputs=["probabilities"])
    if kind == "neuralNetworkClassifier":
        feature(model.description.output, "probs", kind="dictionaryType")
        model.description.output[0].type.dictionaryType.stringKeyType.SetInParent()
        feature(model.description.output, "label", kind="stringType")
        model.description.predictedFeatureName = "label"
        model.description.predictedProbabilitiesName = "probs"
        model.neuralNetworkClassifier.labelProbabilityLayerName = "probabilities"
        model.neuralNetworkClassifier.stringClassLabels.vector.extend("abcd")
    else:
        feature(model.description.output, "probabilities", [4])
        if kind == "neuralNetworkRegressor":
            model.description.predictedFeatureName = "probabilities"
    if updatable:
        add_training(model, model.description.input, optimizer=optimizer)
    return model


def image_regression():
    """Image in, one number out, mean squared error behind a sigmoid, Adam."""
    model = new_model()
    feature(model.description.input, "photo", image=("RGB", 8, 8))
    layers = Layers(network(model), "photo")
    layers.convolution("conv", 3, 4, 3, same=None, valid=None).convolution.same.SetInParent()
    layers.activation("leaky", "leakyReLU")
    layers.pooling("pool", globalPooling=True)
    layers.dense("dense", 4, 1, updatable=True)
    layers.activation("score", "sigmoid")
    feature(model.description.output, "score", [1])
    add_training(model, model.description.input, ("score_true", [1], "DOUBLE"), "mse",
                 "adamOptimizer", "score")  # fmt: skip
    return model


def neighbors():
    """An updatable k-nearest-neighbours classifier with two samples."""
    model = new_model("kNearestNeighborsClassifier")
    model.isUpdatable = True
    feature(model.description.input, "features", [2], "FLOAT32")
    feature(model.description.output, "label", kind="stringType")
    model.description.predictedFeatureName = "label"
    params = model.kNearestNeighborsClassifier
    allowed(params.numberOfNeighbors, 1, low=1, high=10)
    params.uniformWeighting.SetInParent()
    params.stringClassLabels.vector.extend(["a", "b"])
    params.defaultStringLabel = "a"
    index = params.nearestNeighborsIndex
    index.numberOfDimensions = 2
    for values in ((0.0, 1.0), (1.0, 0.0)):
        index.floatSamples.add().vector.extend(values)
    index.linearIndex.SetInParent()
    index.squaredEuclideanDistance.SetInParent()
    for given in (*model.description.input, *model.description.output):
        model.description.trainingInput.add().CopyFrom(given)
    return model


def drawings():
    """A frozen network that embeds small drawings, and nearest neighbours without a sample yet.

    The form of Apple's UpdatableDrawingClassifier, as its published metadata tell: features, types,
    kinds of layers, members without names; here with fewer channels.
    """
    embedding = new_model(version=4)
    feature(embedding.description.input, "drawing", image=("GRAYSCALE", 28, 28))
    layers = Layers(network(embedding), "drawing")
    for number, (inputs, size) in enumerate(((1, 3), (2, 4), (2, 2))):
        layers.convolution(f"conv_{number}", inputs, 2, size)
        layers.activation(f"conv_{number}__activation")
        layers.pooling(f"pool_{number}")
    layers.add("flatten", "flatten")
    layers.dense("dense", 8, 4)
    layers.add("activation", "dense__activation", outputs=["embedding"], ReLU=None)
    feature(embedding.description.output, "embedding", [4], "FLOAT32")
    last = neighbors()
    shown, params = last.description, last.kNearestNeighborsClassifier
    for features in (shown.input, shown.trainingInput):
        features[0].name = "embedding"
        features[0].type.multiArrayType.shape[0] = 4
    feature(shown.output, "labelProbs", kind="dictionaryType")
    shown.output[1].type.dictionaryType.stringKeyType.SetInParent()
    shown.predictedProbabilitiesName = "labelProbs"
    allowed(params.numberOfNeighbors, 5, low=1, high=1000)
    del params.stringClassLabels.vector[:]
    params.defaultStringLabel = "unknown"
    params.nearestNeighborsIndex.numberOfDimensions = 4
    params.nearestNeighborsIndex.ClearField("floatSamples")
    model = pipeline(embedding, last, kind="pipelineClassifier")
    model.pipelineClassifier.pipeline.ClearField("names")
    model.description.predictedFeatureName = "label"
    model.description.predictedProbabilitiesName = "labelProbs"
    return model


def extractor(version=4):
    """A frozen network that makes the input of `dense_head`."""
    model = new_model(version=version)
    feature(model.description.input, "image", [1, 12, 12])
    layers = Layers(network(model))
    layers.convolution("conv_1", 1, 2, 3)
    layers.activation("swish", "softplus")
    layers.pooling("pool_1")
    layers.add("flatten", "features")
    feature(model.description.output, "features", [50])
    return model


def dense_head(features=50):
    """An updatable dense network."""
    model = new_model()
    feature(model.description.input, "features", [features])
    layers = Layers(network(model), "features")
    layers.dense("dense_2", features, 4, updatable=True)
    layers.add("softmax", "softmax", outputs=["probabilities"])
    feature(model.description.output, "probabilities", [4])
    add_training(model, model.description.input)
    return model


def house_prices():
    """Three inputs, two of them through embeddings, and one linear output under mean squared error.

    The form of models that trained on phones (denissimon/distributed-model-training).
    """
    model = new_model()
    for name, size in (("numbers", 3), ("street", 1), ("town", 1)):
        feature(model.description.input, name, [size])
    layers = Layers(network(model))
    for name in ("street", "town"):
        added = layers.add("embedding", f"embedding_{name}", [name], inputDim=5, outputChannels=2)
        fill(added.embedding.weights, 10)
        layers.add("permute", f"permute_{name}", axis=[2, 1, 0, 3])
        layers.add("flatten", f"flat_{name}")
    layers.add("concat", "concat", ["flat_street", "flat_town", "numbers"])
    layers.dense("dense_1", 7, 4, updatable=True)
    layers.activation("relu_1")
    layers.dense("dense_2", 4, 1, updatable=True)
    feature(model.description.output, "dense_2", [1])
    add_training(model, model.description.input, ("price", [1], "DOUBLE"), "mse", blob="dense_2")
    update = network(model).updateParams
    del update.optimizer.sgdOptimizer.miniBatchSize.set.values[:]
    allowed(update.optimizer.sgdOptimizer.miniBatchSize, 32, 32)
    allowed(update.epochs, 500, 500)
    return model


def pipeline(*models, kind="pipeline", updatable=True):
    """A pipeline of `models`; by default a frozen extractor and an updatable head."""
    members = models or (extractor(), dense_head())
    result = new_model(kind)
    result.isUpdatable = updatable
    chain = result.pipeline if kind == "pipeline" else getattr(result, kind).pipeline
    for index, member in enumerate(members):
        chain.models.add().CopyFrom(member)
        chain.names.append(f"model_{index}")
    result.description.input.extend(members[0].description.input)
    result.description.output.extend(members[-1].description.output)
    if updatable:
        result.description.trainingInput.extend(members[0].description.input)
        result.description.trainingInput.extend(members[-1].description.trainingInput[1:])
    return result


def exact():
    """A frozen network with exact shapes and layers younger than iOS 12."""
    model = new_model()
    feature(model.description.input, "tokens", [1, 3, 8])
    net = network(model)
    net.arrayInputShapeMapping = NeuralNetwork_pb2.EXACT_ARRAY_MAPPING
    layers = Layers(net, "tokens")
    layers.add("transpose", "transposed", axes=[0, 2, 1])
    layers.add("expandDims", "expanded", axes=[0])
    layers.add("squeeze", "squeezed", axes=[0])
    layers.add("reshapeStatic", "reshaped", targetShape=[4, 6])
    matmul = layers.add("batchedMatmul", "product", weightMatrixFirstDimension=6,
                        weightMatrixSecondDimension=2)  # fmt: skip
    fill(matmul.batchedMatmul.weights, 12)
    layers.add("addBroadcastable", "sum", ["product", "product"])
    layers.add("reduceMean", "mean", axes=[-1], keepDims=True)
    layers.add("concatND", "joined", ["sum", "mean"], axis=1)
    layers.add("sliceStatic", "sliced", beginIds=[0, 0], endIds=[2, 3], strides=[1, 1],
               beginMasks=[False, False], endMasks=[False, False])  # fmt: skip
    layers.add("softmaxND", "probabilities", axis=-1)
    for layer, rank in ((net.layers[0], 3), (net.layers[-1], 2)):
        layer.inputTensor.add(rank=rank)
        layer.outputTensor.add(rank=rank)
    feature(model.description.output, "probabilities", [2, 3])
    return model


def control_flow():
    """A loop with a condition network, a branch and a copy."""
    model = new_model()
    feature(model.description.input, "x", [3])
    net = network(model)
    net.arrayInputShapeMapping = NeuralNetwork_pb2.EXACT_ARRAY_MAPPING
    layers = Layers(net, "x")
    layers.add("copy", "y")
    loop = layers.add("loop", "loop", [], [], conditionVar="go").loop
    Layers(loop.conditionNetwork, "y").add("lessThan", "less", outputs=["go"], alpha=9.0)
    body = Layers(loop.bodyNetwork, "y")
    body.add("addBroadcastable", "more", ["y", "x"])
    body.add("copy", "back", outputs=["y"])
    branch = layers.add("branch", "branch", ["go"], []).branch
    Layers(branch.ifBranch, "y").add("ceil", "up", outputs=["z"])
    Layers(branch.elseBranch, "y").add("floor", "down", outputs=["z"])
    feature(model.description.output, "z", [3])
    return model


def many_layers():
    """A frozen network of rank 5 blobs with nearly every layer that iOS 12 knew."""
    model = new_model(version=3)
    feature(model.description.input, "image", [4, 8, 8])
    layers = Layers(network(model))
    layers.convolution("conv", 2, 4, 3, nGroups=2, same=None).convolution.same.SetInParent()
    norm = layers.add("batchnorm", "norm", channels=4).batchnorm
    for weights in (norm.gamma, norm.beta, norm.mean, norm.variance):
        fill(weights, 4)
    layers.add("scale", "scale", shapeScale=[4], hasBias=True, shapeBias=[1])
    fill(network(model).layers[-1].scale.scale, 4)
    fill(network(model).layers[-1].scale.bias, 1)
    fill(layers.add("bias", "bias", shape=[4, 1, 1]).bias.bias, 4)
    layers.activation("prelu", "PReLU").activation.PReLU.alpha.floatValue.append(0.1)
    layers.add("padding", "padding", constant=None)
    layers.add("unary", "unary", type=6)
    layers.add("lrn", "lrn", localSize=3, k=1.0)
    layers.add("mvn", "mvn")
    layers.add("l2normalize", "l2")
    layers.add("upsample", "upsample", scalingFactor=[2, 2])
    layers.pooling("pool", includeLastPixel=None).pooling.includeLastPixel.SetInParent()
    crop = layers.add("crop", "crop").crop.cropAmounts
    for _ in range(2):
        crop.borderAmounts.add(startEdgeSize=1, endEdgeSize=1)
    layers.add("resizeBilinear", "resize", targetSize=[8, 8])
    layers.add("split", "split", outputs=["half_1", "half_2"], nOutputs=2)
    layers.add("concat", "concat", ["half_1", "half_2"])
    layers.add("slice", "slice", startIndex=0, endIndex=-1, stride=1, axis=0)
    fill(layers.add("loadConstant", "constant", [], shape=[3, 1, 1]).loadConstant.data, 3)
    layers.add("add", "add", ["slice", "constant"])
    layers.add("multiply", "multiply", alpha=2.0)
    layers.add("average", "average", ["add", "multiply"])
    layers.add("max", "max", ["add", "average"])
    layers.add("min", "min", ["add", "max"])
    layers.add("reorganizeData", "blocks", blockSize=2)
    layers.add("permute", "permute", axis=[0, 2, 3, 1])
    layers.add("reshape", "reshape", targetShape=[3, 8, 8])
    layers.add("reduce", "reduce", axis=1)
    layers.add("dot", "dot", ["reduce", "reduce"])
    fill(layers.add("embedding", "embedding", inputDim=5, outputChannels=2).embedding.weights, 10)
    layers.add("sequenceRepeat", "repeat", nRepetitions=2)
    layers.add("flatten", "flat")
    custom = layers.add("custom", "custom", className="Custom").custom
    custom.weights.add().floatValue.append(1.0)
    feature(model.description.output, "custom", [2])
    return model


def recurrent(kind="uniDirectionalLSTM"):
    """One recurrent layer over vectors of 3, states of 2."""
    states = {"simpleRecurrent": 1, "gru": 1, "uniDirectionalLSTM": 2, "biDirectionalLSTM": 4}[kind]
    model = new_model(version=1)
    for name, size in (("x", 3), *((f"s{i}", 2) for i in range(states))):
        feature(model.description.input, name, [size])
    outputs = ["y", *(f"t{i}" for i in range(states))]
    layer = Layers(network(model), "x").add(
        kind, "recurrent", [f.name for f in model.description.input], outputs,
        inputVectorSize=3, outputVectorSize=2,
    )  # fmt: skip
    params = getattr(layer, kind)
    both = kind == "biDirectionalLSTM"
    for weights in (params.weightParams.add(), params.weightParams.add()) if both else (
        params.weightParams if kind == "uniDirectionalLSTM" else params,
    ):  # fmt: skip
        for field in weights.DESCRIPTOR.fields:
            if field.message_type is None or field.message_type.name != "WeightParams":
                continue
            if field.name.endswith(("WeightMatrix", "weightMatrix")):
                fill(getattr(weights, field.name), 6)
            elif field.name.endswith(("RecursionMatrix", "recursionMatrix")):
                fill(getattr(weights, field.name), 4)
            elif field.name.endswith(("BiasVector", "biasVector", "PeepholeVector")):
                fill(getattr(weights, field.name), 2)
    if kind == "simpleRecurrent":
        params.activation.tanh.SetInParent()
    fields = {
        "gru": ["activations"],
        "uniDirectionalLSTM": ["activations"],
        "biDirectionalLSTM": ["activationsForwardLSTM", "activationsBackwardLSTM"],
    }
    for name in fields.get(kind, []):
        for _ in range(3):
            getattr(params, name).add().sigmoid.SetInParent()
    feature(model.description.output, "y", [4 if both else 2])
    return model


MODELS = {
    "lenet": lenet,
    "lenet_adam": lambda: lenet(optimizer="adamOptimizer"),
    "classifier": lambda: lenet("neuralNetworkClassifier"),
    "regressor": lambda: lenet("neuralNetworkRegressor"),
    "frozen": lambda: lenet(updatable=False),
    "image_regression": image_regression,
    "house_prices": house_prices,
    "neighbors": neighbors,
    "drawings": drawings,
    "pipeline": pipeline,
    "pipeline_classifier": lambda: pipeline(
        extractor(), kind="pipelineClassifier", updatable=False
    ),
    "nested_pipeline": lambda: pipeline(extractor(), pipeline(dense_head())),
    "exact": exact,
    "control_flow": control_flow,
    "many_layers": many_layers,
    "simple_recurrent": lambda: recurrent("simpleRecurrent"),
    "gru": lambda: recurrent("gru"),
    "lstm": lambda: recurrent("uniDirectionalLSTM"),
    "bidirectional_lstm": lambda: recurrent("biDirectionalLSTM"),
}
"""Name -> a function that builds a model which Apple's validator accepts."""
