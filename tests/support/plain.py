"""A network in plain float64 NumPy, written apart from the library: the tests' own reference."""

import numpy as np


def forward(x, weights, biases, relu_last=False):
    """Return each layer's pre-activation and activation of a ReLU network with linear output."""
    zs, activations = [], [np.asarray(x, dtype=np.float64)]
    for i, (W, b) in enumerate(zip(weights, biases, strict=True)):
        z = activations[-1] @ np.asarray(W, dtype=np.float64).T + np.asarray(b, dtype=np.float64)
        last = i == len(weights) - 1 and not relu_last
        zs.append(z)
        activations.append(z if last else np.where(z > 0, z, 0))
    return zs, activations


def backward(dz, weights, zs, activations):
    """Return dW and db of each layer and dx, for the gradient of the logits."""
    dW, db = [None] * len(weights), [None] * len(weights)
    for i in reversed(range(len(weights))):
        dW[i] = dz.T @ activations[i]
        db[i] = dz.sum(axis=0)
        da = dz @ np.asarray(weights[i], dtype=np.float64)
        dz = da * (zs[i - 1] > 0) if i else da
    return dW, db, dz


def cross_entropy(logits, labels):
    """Return the mean softmax cross-entropy of class labels, and its gradient by the logits."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(labels)
