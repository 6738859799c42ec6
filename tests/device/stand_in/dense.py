"""Part of the stand-in for pyobjc: how it trains the one layer of a calibration's models.

Mean gradient, the last mini-batch its own mean, momentum with the learning rate inside. That is
what the tests compute by hand, and says nothing of Core ML.
"""

import numpy as np

from converter.coreml import mlmodel


class Dense:
    """``y = W x + b`` and its samples ``x`` and ``y_true``, in the order in which they came."""

    def __init__(self, spec, samples):
        net = spec.neuralNetwork
        dense, sgd = net.layers[0].innerProduct, net.updateParams.optimizer.sgdOptimizer
        self.weights = [mlmodel.floats(p).astype(float) for p in (dense.weights, dense.bias)]
        self.weights[0] = self.weights[0].reshape(3, 2)
        self.speed = [np.zeros_like(array) for array in self.weights]
        self.rate, self.momentum = sgd.learningRate.defaultValue, sgd.momentum.defaultValue
        self.x, self.answers = (np.stack([s[name] for s in samples]) for name in ("x", "y_true"))

    def step(self, part):
        """Learn from the samples `part`, and return their mean loss before."""
        x, answers = self.x[part], self.answers[part]
        z = x @ self.weights[0].T + self.weights[1]
        if answers.shape[1] == 1:
            shares = np.exp(z) / np.exp(z).sum(1, keepdims=True)
            wanted = np.eye(3)[answers[:, 0].astype(int)]
            loss, error = -np.log((shares * wanted).sum(1)).mean(), shares - wanted
        else:
            loss, error = ((z - answers) ** 2).mean(), 2 * (z - answers) / 3
        gradients = error.T @ x / len(x), error.sum(0) / len(x)
        for array, speed, gradient in zip(self.weights, self.speed, gradients, strict=True):
            speed *= self.momentum
            speed -= self.rate * gradient
            array += speed
        return float(loss)

    def write_back(self, spec):
        """Put the weights into a model."""
        dense = spec.neuralNetwork.layers[0].innerProduct
        for params, array in zip((dense.weights, dense.bias), self.weights, strict=True):
            mlmodel.set_floats(params, array)
