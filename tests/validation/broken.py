"""For every rule, models that break it: `CASES` holds (code, base model, how to break it)."""

import math

from converter.coreml.mlmodel import network
from tests.validation import specs
from tests.validation.specs import Layers, allowed, feature, fill


def layer(model, name):
    return next(layer for layer in network(model).layers if layer.name == name)


def update(model):
    return network(model).updateParams


def sgd(model):
    return update(model).optimizer.sgdOptimizer


def loss(model):
    return update(model).lossLayers[0]


def crossentropy(model):
    return loss(model).categoricalCrossEntropyLossLayer


def target(model):
    return model.description.trainingInput[-1].type


def first_array(model):
    return model.description.input[0].type.multiArrayType


def first_image(model):
    return model.description.input[0].type.imageType


def insert_before_loss(model, kind, activation=None, **params):
    """Put a layer between the last dense layer and the softmax."""
    layers = Layers(network(model), "dense_2")
    if activation:
        layers.activation("between", activation)
    else:
        layers.add(kind, "between", **params)
    added = network(model).layers
    softmax = layer(model, "softmax")
    softmax.input[0] = "between"
    kept = type(softmax)()
    kept.CopyFrom(softmax)
    added.remove(softmax)
    added.add().CopyFrom(kept)
    return layer(model, "between")


def batchnorm(model, name, source, channels):
    added = Layers(network(model), source).add("batchnorm", name, channels=channels)
    for weights in ("gamma", "beta", "mean", "variance"):
        fill(getattr(added.batchnorm, weights), channels)
    return added


def only_layer(kind, shape=(4, 6, 6), exact=False, version=4, inputs=None, **params):
    """A frozen network of one layer from blob x to blob y."""
    model = specs.new_model(version=version)
    feature(model.description.input, "x", shape)
    network(model).arrayInputShapeMapping = int(exact)
    added = Layers(network(model), "x").add(kind, "only", inputs, ["y"], **params)
    feature(model.description.output, "y")
    return model, getattr(added, kind)


def one(kind, *args, **params):
    return lambda: only_layer(kind, *args, **params)[0]


def weighted(kind, counts, **params):
    """A network of one layer with the given number of weights in each field."""

    def build():
        model, message = only_layer(kind, **params)
        for name, count in counts.items():
            fill(getattr(message, name), count)
        return model

    return build


def state(model):
    added = feature(model.description.state, "memory", kind="stateType")
    added.type.stateType.arrayType.shape.append(2)


def loop_around(model, kind):
    """Add a layer of control flow at the end."""
    return getattr(Layers(network(model), "x").add(kind, "flow", [], []), kind)


def batchnorm_on_path(model):
    between = batchnorm(model, "between", "dense_2", 4)
    softmax = layer(model, "softmax")
    kept = [type(softmax)(), type(softmax)()]
    kept[0].CopyFrom(between)
    kept[1].CopyFrom(softmax)
    kept[1].input[0] = "between"
    layers = network(model).layers
    layers.remove(between)
    layers.remove(softmax)
    layers.extend(kept)


def order_dependent():
    """An updatable layer behind one without gradient, which the search meets only later.

    The loss reads an LSTM. Its first input comes straight from an updatable dense layer, its second
    from the same one through a leaky ReLU.
    """
    model = specs.new_model()
    feature(model.description.input, "x", [3])
    layers = Layers(network(model), "x")
    layers.dense("dense", 3, 3, updatable=True)
    layers.activation("leaky", "leakyReLU")
    lstm = network(specs.recurrent("uniDirectionalLSTM")).layers[0]
    added = network(model).layers.add()
    added.CopyFrom(lstm)
    del added.input[:], added.output[:]
    added.input.extend(["dense", "leaky", "leaky"])
    added.output.extend(["y", "hidden", "cell"])
    feature(model.description.output, "y", [2])
    specs.add_training(model, model.description.input, ("y_true", [2], "DOUBLE"), "mse", blob="y")
    return model


def scaler():
    """A frozen model that scales a vector."""
    model = specs.new_model("scaler")
    feature(model.description.input, "x", [2])
    feature(model.description.output, "y", [2])
    model.scaler.scaleValue.extend([0.5, 2.0])
    return model


def trees():
    """A tree ensemble, of which no rule knows more than the interface."""
    model = specs.new_model("treeEnsembleRegressor")
    feature(model.description.input, "x", kind="doubleType")
    feature(model.description.output, "y", kind="doubleType")
    model.description.predictedFeatureName = "y"
    return model


def low_softmax():
    """A softmax on two axes, whose rank no one declares."""
    model = specs.new_model()
    feature(model.description.input, "x", [2, 3])
    network(model).arrayInputShapeMapping = 1
    layers = Layers(network(model), "x")
    layers.activation("relu")
    layers.add("softmax", "softmax", outputs=["y"])
    feature(model.description.output, "y")
    return model


def half(weights, first=b"\0\0"):
    count = len(weights.floatValue)
    del weights.floatValue[:]
    weights.float16Value = first + b"\0\0" * (count - 1)


def halves(model, first):
    """Store the first dense layer as float16, with `first` as its first value."""
    half(dense(model).weights, first)
    half(dense(model).bias)


def dense(model):
    return layer(model, "dense_1").innerProduct


def constant(model):
    return layer(model, "constant").loadConstant.data


def quantized(model, scale):
    """Store the first dense layer in bytes, with one `scale`."""
    weights = dense(model).weights
    weights.rawValue = b"\1" * len(weights.floatValue)
    del weights.floatValue[:]
    weights.quantization.numberOfBits = 8
    weights.quantization.linearQuantization.scale.append(scale)


def borders(message, count):
    """Give a layer as many axes with borders."""
    del message.paddingAmounts.borderAmounts[:]
    for _ in range(count):
        message.paddingAmounts.borderAmounts.add()


def deconvolution():
    """A frozen network of one transposed convolution."""
    build = weighted("convolution", {"weights": 4 * 2 * 9}, shape=(4, 6, 6), kernelChannels=4,
                     outputChannels=2, isDeconvolution=True, stride=[2, 2], same=None)  # fmt: skip
    return build()


def deconvolved(model):
    return layer(model, "only").convolution


def mean_image(model, count, value=0.5, name="photo"):
    """Let a mean image of `count` values be subtracted."""
    step = network(model).preprocessing.add(featureName=name)
    step.meanImage.meanImage.extend([value] * count)
    step.meanImage.SetInParent()


def again(field):
    """A function of a model that declares the first feature of a list twice."""

    def run(model):
        features = getattr(model.description, field)
        features.add().CopyFrom(features[0])

    return run


def samples(model):
    return model.kNearestNeighborsClassifier.nearestNeighborsIndex.floatSamples


def labels(model):
    return model.kNearestNeighborsClassifier.stringClassLabels.vector


def forget(model):
    """Let a k-nearest-neighbours classifier not have learned yet."""
    del samples(model)[:]
    del labels(model)[:]


def nearest(model):
    """Return the classifier at the end of a pipeline."""
    return model.pipelineClassifier.pipeline.models[-1]


def asked(model):
    return model.kNearestNeighborsClassifier.numberOfNeighbors


def empty_neighbors():
    model = specs.neighbors()
    forget(model)
    return model


def nothing(model):
    pass


def clear(name):
    return lambda model: model.ClearField(name)


def put(path, value):
    """A function of a model that sets the field at a dotted path."""
    *parents, last = path.split(".")

    def run(model):
        message = model
        for name in parents:
            message = message[int(name)] if name.isdigit() else getattr(message, name)
        setattr(message, last, value)

    return run


def drop(path, place=-1):
    """A function of a model that removes one item of the repeated field at a dotted path."""

    def run(model):
        message = model
        for name in path.split("."):
            message = message[int(name)] if name.isdigit() else getattr(message, name)
        del message[place]

    return run


INDEX = "kNearestNeighborsClassifier.nearestNeighborsIndex"

CASES = [
    ("M101", "lenet", clear("specificationVersion")),
    ("M101", "lenet", put("specificationVersion", 11)),
    ("M102", "frozen", clear("neuralNetwork")),
    ("M103", "frozen", drop("description.input")),
    ("M103", "frozen", drop("description.output")),
    ("M104", "lenet", put("description.input.0.name", "")),
    ("M104", "lenet", lambda m: m.description.output[0].ClearField("type")),
    ("M104", "lenet", state),
    ("M104", "classifier", lambda m: feature(m.description.output, "d", kind="dictionaryType")),
    ("M105", "lenet", lambda m: first_array(m).ClearField("shape")),
    ("M105", "lenet", lambda m: first_array(m).ClearField("dataType")),
    ("M105", "lenet", put("description.input.0.type.multiArrayType.dataType", 65552)),
    ("M105", "lenet", lambda m: first_array(m).enumeratedShapes.shapes.add(shape=[1, 9, 9])),
    ("M105", "lenet", lambda m: first_array(m).shapeRange.sizeRanges.add(lowerBound=1)),
    ("M105", "lenet", put("description.input.0.type.multiArrayType.intDefaultValue", 1)),
    ("M106", "image_regression", lambda m: first_image(m).ClearField("width")),
    ("M106", "image_regression", lambda m: first_image(m).ClearField("colorSpace")),
    ("M106", "image_regression", lambda m: first_image(m).enumeratedSizes.sizes.add(width=9)),
    ("M107", "lenet", put("description.defaultFunctionName", "main")),
    ("M108", "lenet", put("description.output.0.type.isOptional", True)),
    ("M108", "lenet", put("description.input.0.type.isOptional", True)),
    ("M108", "neighbors", put("description.input.0.type.isOptional", True)),
    ("M109", "classifier", lambda m: m.neuralNetworkClassifier.ClearField("stringClassLabels")),
    ("M109", "classifier", lambda m: m.neuralNetworkClassifier.int64ClassLabels.vector.append(1)),
    ("M109", "classifier", lambda m: m.description.ClearField("predictedFeatureName")),
    ("M109", "classifier", put("description.predictedProbabilitiesName", "label")),
    ("M110", "regressor", put("description.predictedFeatureName", "elsewhere")),
    ("M111", "lenet", lambda m: feature(m.description.output, "z", kind="doubleType")),
    ("M112", "lenet", lambda m: first_array(m).shape.append(1)),
    ("M112", "exact", lambda m: first_array(m).shapeRange.sizeRanges.add()),
    ("M113", "frozen", lambda m: insert_before_loss(m, "softmaxND")),
    ("M113", "lenet", put("neuralNetwork.imageInputShapeMapping", 1)),
    ("M114", "lenet", put("description.output.0.name", "elsewhere")),
    ("M114", "classifier", put("neuralNetworkClassifier.labelProbabilityLayerName", "elsewhere")),
    ("M115", scaler, lambda m: feature(m.description.input, "more", [2])),
    ("M115", scaler, lambda m: m.description.input[0].type.stringType.SetInParent()),
    ("M116", scaler, lambda m: m.scaler.shiftValue.extend([1.0, 2.0, 3.0])),
    ("L201", "frozen", lambda m: m.neuralNetwork.ClearField("layers")),
    ("L202", "frozen", lambda m: layer(m, "softmax").ClearField("softmax")),
    ("L203", "frozen", lambda m: layer(m, "pool_1").input.__setitem__(0, "nowhere")),
    ("L203", "frozen", lambda m: layer(m, "pool_1").input.__setitem__(0, "pool_1")),
    ("L204", "frozen", lambda m: layer(m, "pool_1").output.__setitem__(0, "image")),
    ("L204", "frozen", lambda m: layer(m, "pool_1").output.__setitem__(0, "conv_1")),
    ("L205", "frozen", lambda m: layer(m, "pool_1").input.append("conv_1")),
    ("L205", "many_layers", lambda m: layer(m, "concat").input.pop()),
    ("L206", "exact", lambda m: layer(m, "sum").inputTensor.add(rank=2)),
    ("L206", "exact", lambda m: layer(m, "mean").outputTensor.add(rank=2, dimValue=[1])),
    ("L206", "exact", lambda m: m.description.output[0].type.multiArrayType.shape.append(1)),
    ("L207", one("softmax", [1, 4], exact=True), nothing),
    ("L208", "frozen", lambda m: layer(m, "conv_1").convolution.ClearField("valid")),
    ("L208", "many_layers", lambda m: layer(m, "padding").padding.ClearField("constant")),
    ("L209", "frozen", lambda m: layer(m, "conv_1").convolution.weights.floatValue.pop()),
    ("L209", "frozen", lambda m: half(layer(m, "conv_1").convolution.bias)),
    ("L209", "frozen", lambda m: layer(m, "conv_1").convolution.ClearField("weights")),
    ("L210", "frozen", lambda m: layer(m, "dense_1").innerProduct.weights.floatValue.pop()),
    ("L210", "frozen", put("neuralNetwork.layers.4.innerProduct.int8DynamicQuantize", True)),
    ("L211", "many_layers", lambda m: layer(m, "norm").batchnorm.beta.floatValue.pop()),
    (
        "L211",
        weighted(
            "layerNormalization",
            {"gamma": 6, "beta": 5},
            shape=(2, 3),
            exact=True,
            normalizedShape=[2, 3],
        ),
        nothing,
    ),
    (
        "L212",
        "simple_recurrent",
        lambda m: layer(m, "recurrent").simpleRecurrent.ClearField("activation"),
    ),
    ("L212", "gru", lambda m: layer(m, "recurrent").gru.resetGateWeightMatrix.floatValue.pop()),
    ("L212", "lstm", lambda m: layer(m, "recurrent").uniDirectionalLSTM.activations.pop()),
    (
        "L212",
        "bidirectional_lstm",
        lambda m: layer(m, "recurrent").biDirectionalLSTM.weightParams.pop(),
    ),
    ("L213", "many_layers", lambda m: layer(m, "bias").bias.shape.append(1)),
    ("L213", "many_layers", lambda m: layer(m, "scale").scale.bias.floatValue.append(1.0)),
    ("L213", "many_layers", lambda m: layer(m, "constant").loadConstant.ClearField("data")),
    ("L213", "many_layers", lambda m: layer(m, "embedding").embedding.weights.floatValue.pop()),
    ("L214", "frozen", lambda m: layer(m, "conv_1__activation").activation.ClearField("ReLU")),
    ("L215", "exact", lambda m: layer(m, "transposed").transpose.ClearField("axes")),
    ("L215", "many_layers", lambda m: layer(m, "permute").permute.axis.pop()),
    ("L215", "many_layers", lambda m: layer(m, "crop").crop.ClearField("cropAmounts")),
    ("L215", "many_layers", lambda m: layer(m, "upsample").upsample.scalingFactor.pop()),
    ("L215", "many_layers", lambda m: layer(m, "custom").custom.ClearField("className")),
    ("L216", "exact", lambda m: setattr(layer(m, "probabilities").softmaxND, "axis", 2)),
    ("L216", "exact", lambda m: layer(m, "expanded").expandDims.axes.append(0)),
    ("L217", "many_layers", lambda m: layer(m, "slice").slice.ClearField("stride")),
    ("L217", "many_layers", lambda m: setattr(layer(m, "lrn").lrn, "k", -1.0)),
    ("L217", one("clip", [4], exact=True, minVal=2.0, maxVal=1.0), nothing),
    ("L218", one("pooling3d", [1, 2, 4, 4, 4], exact=True), nothing),
    ("L218", one("convolution3d", [1, 2, 4, 4, 4], exact=True), nothing),
    ("L219", "control_flow", lambda m: layer(m, "loop").loop.ClearField("conditionVar")),
    ("L219", "control_flow", lambda m: layer(m, "branch").branch.ClearField("ifBranch")),
    ("L219", "control_flow", lambda m: loop_around(m, "loopBreak")),
    ("U101", "lenet", put("specificationVersion", 3)),
    ("U102", scaler, put("isUpdatable", True)),
    (
        "U103",
        "lenet",
        lambda m: [setattr(each, "isUpdatable", False) for each in m.neuralNetwork.layers],
    ),
    ("U103", "lenet", lambda m: setattr(layer(m, "pool_1"), "isUpdatable", True)),
    ("U104", "lenet", lambda m: insert_before_loss(m, "activation", "leakyReLU")),
    ("U104", "lenet", lambda m: insert_before_loss(m, "add", alpha=1.0)),
    ("U105", "lenet", put("neuralNetwork.layers.0.convolution.bias.isUpdatable", False)),
    (
        "U105",
        "lenet",
        put("neuralNetwork.layers.4.innerProduct.weights.quantization.numberOfBits", 8),
    ),
    ("U106", "lenet", put("neuralNetwork.layers.2.name", "conv_1")),
    ("U106", "lenet", lambda m: setattr(loss(m), "name", "softmax")),
    ("U107", "lenet", lambda m: update(m).lossLayers.add(name="second")),
    ("U107", "lenet", lambda m: loss(m).ClearField("categoricalCrossEntropyLossLayer")),
    ("U108", "lenet", lambda m: setattr(crossentropy(m), "input", "dense_2")),
    ("U108", "lenet", lambda m: setattr(crossentropy(m), "target", "dense_2")),
    (
        "U108",
        "image_regression",
        lambda m: setattr(loss(m).meanSquaredErrorLossLayer, "input", "photo"),
    ),
    ("U109", "lenet", lambda m: update(m).ClearField("optimizer")),
    ("U109", "lenet", lambda m: sgd(m).ClearField("miniBatchSize")),
    ("U109", "lenet_adam", lambda m: update(m).optimizer.adamOptimizer.ClearField("eps")),
    ("U110", "lenet", lambda m: update(m).ClearField("epochs")),
    ("U111", "lenet", lambda m: setattr(sgd(m).learningRate, "defaultValue", 2.0)),
    ("U111", "lenet", lambda m: sgd(m).miniBatchSize.set.values.remove(32)),
    ("U111", "lenet", lambda m: allowed(update(m).epochs, 10, low=0, high=20)),
    ("U112", "lenet", drop("description.trainingInput")),
    ("U112", "lenet", put("description.trainingInput.0.name", "photo")),
    ("U112", "lenet", put("description.trainingInput.1.name", "wrong")),
    ("U112", "lenet", put("description.trainingInput.0.type.multiArrayType.dataType", 131104)),
    ("P101", "pipeline", drop("pipeline.names")),
    ("P101", "pipeline", lambda m: m.pipeline.names.__setitem__(1, "model_0")),
    ("P102", "pipeline", put("description.input.0.name", "photo")),
    ("P102", "pipeline", put("description.output.0.type.multiArrayType.dataType", 131104)),
    ("P103", "pipeline", put("pipeline.models.1.isUpdatable", False)),
    ("P103", "pipeline", put("isUpdatable", False)),
    ("K101", "neighbors", drop("kNearestNeighborsClassifier.stringClassLabels.vector")),
    ("K101", "neighbors", lambda m: m.kNearestNeighborsClassifier.ClearField("uniformWeighting")),
    (
        "K101",
        "neighbors",
        put("kNearestNeighborsClassifier.nearestNeighborsIndex.numberOfDimensions", 3),
    ),
    ("K101", "neighbors", put("kNearestNeighborsClassifier.numberOfNeighbors.defaultValue", 11)),
    ("S301", "lenet", lambda m: first_array(m).shape.__setitem__(1, 16)),
    ("S302", one("pooling", kernelSize=[9, 9], valid=None), nothing),
    ("S303", one("reshape", targetShape=[4, 6, 7]), nothing),
    ("S304", "many_layers", lambda m: layer(m, "constant").loadConstant.shape.__setitem__(1, 3)),
    ("S305", "frozen", lambda m: m.description.output[0].type.multiArrayType.shape.append(2)),
    ("S306", "classifier", lambda m: m.neuralNetworkClassifier.stringClassLabels.vector.pop()),
    ("S307", low_softmax, nothing),
    ("S308", "frozen", lambda m: Layers(network(m), "conv_1").activation("dead")),
    ("S309", "frozen", lambda m: layer(m, "dense_1").innerProduct.ClearField("weights")),
    ("S302", one("resizeBilinear", targetSize=[0, 4]), nothing),
    ("S302", one("cropResize", targetSize=[4, 0], inputs=["x", "x"]), nothing),
    ("S302", one("upsample", scalingFactor=[0, 2]), nothing),
    ("S302", one("pooling", kernelSize=[0, 2], valid=None), nothing),
    ("S302", "frozen", lambda m: layer(m, "conv_1").convolution.dilationFactor.extend([0, 1])),
    ("S302", deconvolution, lambda m: deconvolved(m).outputShape.extend([0, 12])),
    ("S310", "frozen", lambda m: layer(m, "conv_1").convolution.stride.append(2)),
    ("S310", "frozen", lambda m: layer(m, "conv_1").convolution.kernelSize.append(3)),
    ("S310", "frozen", lambda m: layer(m, "conv_1").convolution.dilationFactor.append(2)),
    ("S310", "frozen", lambda m: borders(layer(m, "conv_1").convolution.valid, 1)),
    ("S310", "frozen", lambda m: borders(layer(m, "conv_1").convolution.valid, 3)),
    ("S310", "frozen", lambda m: layer(m, "pool_1").pooling.stride.append(2)),
    ("S310", "frozen", lambda m: layer(m, "pool_1").pooling.kernelSize.pop()),
    ("S310", "frozen", lambda m: borders(layer(m, "pool_1").pooling.valid, 1)),
    (
        "S310",
        "many_layers",
        lambda m: layer(m, "pool").pooling.includeLastPixel.paddingAmounts.append(1),
    ),
    ("S310", deconvolution, lambda m: deconvolved(m).outputShape.append(12)),
    ("S311", "many_layers", lambda m: setattr(layer(m, "split").split, "nOutputs", 4)),
    ("S312", "many_layers", lambda m: layer(m, "lrn").lrn.ClearField("localSize")),
    ("S313", "image_regression", lambda m: mean_image(m, 0)),
    ("S313", "image_regression", lambda m: mean_image(m, 3)),
    ("O201", "lenet", lambda m: update(m).ClearField("lossLayers")),
    ("O202", "lenet", batchnorm_on_path),
    (
        "O203",
        "lenet",
        lambda m: [
            half(layer(m, "dense_2").innerProduct.weights),
            half(layer(m, "dense_2").innerProduct.bias),
        ],
    ),
    (
        "O204",
        "image_regression",
        lambda m: [
            half(layer(m, "conv").convolution.weights),
            half(layer(m, "conv").convolution.bias),
        ],
    ),
    ("O205", order_dependent, nothing),
    ("O206", "lenet", lambda m: layer(m, "conv_1").convolution.dilationFactor.extend([2, 2])),
    ("O207", "lenet", lambda m: Layers(network(m), "pool_1").convolution("lost", 2, 2, 1, True)),
    ("O208", order_dependent, nothing),
    ("O210", "lenet", lambda m: target(m).multiArrayType.shape.__setitem__(0, 4)),
    ("O210", "lenet", lambda m: target(m).stringType.SetInParent()),
    ("O211", "lenet", lambda m: setattr(target(m).multiArrayType, "dataType", 65568)),
    ("O212", "image_regression", lambda m: target(m).multiArrayType.shape.__setitem__(0, 4)),
    ("O212", "image_regression", lambda m: target(m).imageType.SetInParent()),
    (
        "O213",
        "image_regression",
        lambda m: first_image(m).enumeratedSizes.sizes.add(width=8, height=8),
    ),
    ("O214", "lenet", put("neuralNetwork.arrayInputShapeMapping", 1)),
    ("O215", "lenet", lambda m: setattr(sgd(m).momentum, "defaultValue", 5.0)),
    ("O215", "lenet", lambda m: setattr(sgd(m).learningRate, "defaultValue", float("nan"))),
    ("O215", "lenet", lambda m: sgd(m).miniBatchSize.set.values.append(-5)),
    (
        "O216",
        "lenet",
        lambda m: sgd(m).miniBatchSize.set.CopyFrom(type(sgd(m).miniBatchSize.set)(values=[32])),
    ),
    ("O217", "lenet", put("isUpdatable", False)),
    ("O218", "pipeline", drop("description.trainingInput")),
    ("O218", "neighbors", drop("description.trainingInput")),
    ("O231", "pipeline", lambda m: m.pipeline.names.__setitem__(1, "")),
    ("O219", "pipeline", put("pipeline.models.0.specificationVersion", 5)),
    ("O220", "nested_pipeline", nothing),
    ("O222", "lenet", lambda m: target(m).multiArrayType.enumeratedShapes.SetInParent()),
    ("O223", "lenet", lambda m: setattr(loss(m), "name", "")),
    ("O224", trees, nothing),
    ("O225", "frozen", nothing),
    (
        "O226",
        "classifier",
        lambda m: m.neuralNetworkClassifier.stringClassLabels.vector.__setitem__(3, "a"),
    ),
    ("O227", "lenet", again("input")),
    ("O227", "lenet", again("output")),
    ("O227", "lenet", again("trainingInput")),
    ("O228", "frozen", lambda m: setattr(layer(m, "pool_1").pooling, "type", 9)),
    ("O228", "frozen", lambda m: setattr(layer(m, "flatten_1").flatten, "mode", 9)),
    (
        "O228",
        "many_layers",
        lambda m: setattr(layer(m, "resize").resizeBilinear.mode, "samplingMethod", 9),
    ),
    ("O229", "lenet", lambda m: dense(m).weights.floatValue.__setitem__(3, math.nan)),
    ("O229", "lenet", lambda m: dense(m).bias.floatValue.__setitem__(0, -math.inf)),
    ("O229", "frozen", lambda m: halves(m, b"\x00\x7e")),
    ("O229", "frozen", lambda m: halves(m, b"\x00\xfc")),
    ("O229", "frozen", lambda m: quantized(m, math.inf)),
    ("O229", "many_layers", lambda m: constant(m).floatValue.__setitem__(0, math.nan)),
    ("O229", "neighbors", lambda m: samples(m)[0].vector.__setitem__(1, math.nan)),
    ("O229", "image_regression", lambda m: mean_image(m, 192, math.nan)),
    ("O230", "neighbors", lambda m: first_array(m).shape.__setitem__(0, 3)),
    ("O230", empty_neighbors, put(f"{INDEX}.numberOfDimensions", 0)),
    ("O230", empty_neighbors, put(f"{INDEX}.numberOfDimensions", -2)),
    ("O230", "drawings", lambda m: first_array(nearest(m)).shape.append(2)),
    ("O241", "neighbors", lambda m: m.description.input[0].type.doubleType.SetInParent()),
    ("O241", "neighbors", lambda m: feature(m.description.input, "more", [2], "FLOAT32")),
    ("O242", "neighbors", lambda m: target(m).int64Type.SetInParent()),
    ("O242", "drawings", lambda m: target(m).int64Type.SetInParent()),
    ("O242", "neighbors", put("description.trainingInput.0.type.multiArrayType.dataType", 65600)),
    ("O243", "neighbors", put("kNearestNeighborsClassifier.numberOfNeighbors.defaultValue", 3)),
    ("O243", empty_neighbors, put("isUpdatable", False)),
    ("O215", "neighbors", lambda m: allowed(asked(m), 1, 1, 0)),
]

INTACT = {
    "two strides": ("frozen", lambda m: layer(m, "conv_1").convolution.stride.extend([1, 1])),
    "two borders": ("frozen", lambda m: borders(layer(m, "conv_1").convolution.valid, 2)),
    "default kernel": ("frozen", lambda m: layer(m, "conv_1").convolution.ClearField("kernelSize")),
    "global pooling": (
        one("pooling", kernelSize=[9, 9], globalPooling=True, valid=None),
        drop("neuralNetwork.layers.0.pooling.kernelSize"),
    ),
    "ignored dilation": (deconvolution, lambda m: deconvolved(m).dilationFactor.append(0)),
    "even local size": ("many_layers", lambda m: setattr(layer(m, "lrn").lrn, "localSize", 2)),
    "default target": (
        one("resizeBilinear", targetSize=[1, 1]),
        lambda m: layer(m, "only").resizeBilinear.ClearField("targetSize"),
    ),
    "mean image": ("image_regression", lambda m: mean_image(m, 192)),
    "mean of another": ("image_regression", lambda m: mean_image(m, 5, name="elsewhere")),
    "labels of samples": ("neighbors", lambda m: labels(m).__setitem__(1, "a")),
    "quantized": ("frozen", lambda m: quantized(m, 0.5)),
    "last value": ("many_layers", lambda m: setattr(layer(m, "reduce").reduce, "mode", 8)),
    "large weight": ("lenet", lambda m: dense(m).weights.floatValue.__setitem__(3, 3e38)),
    "large half": ("frozen", lambda m: halves(m, b"\xff\x7b")),
    "mask": ("many_layers", lambda m: constant(m).floatValue.__setitem__(0, -math.inf)),
    "row of values": ("neighbors", lambda m: first_array(m).shape.insert(0, 1)),
    "no samples yet": ("neighbors", forget),
    "a pipeline without names": ("pipeline", lambda m: m.pipeline.ClearField("names")),
    "as many samples as neighbors": ("neighbors", lambda m: setattr(asked(m), "defaultValue", 2)),
    "answers in an array": (
        "neighbors",
        lambda m: feature(m.description.output, "probs", [2], "DOUBLE"),
    ),
}
"""What looks like a broken model and is right: a model, and what is done to it."""
