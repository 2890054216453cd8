"""The small problem that tests of training share, and its numbers on the host."""

import numpy as np

from mlpcore import MLP


def host(array):
    """Return an array of either kind as a NumPy array of its own memory."""
    return array.get() if hasattr(array, "get") else np.array(array)


def weights(model):
    """Return copies of the parameters by name, on the host."""
    return {name: host(view) for name, view in model.parameters().items()}


def same(first, second):
    """Whether two such mappings hold the same bits."""
    return first.keys() == second.keys() and all(
        np.array_equal(first[name].view(np.uint8), second[name].view(np.uint8)) for name in first
    )


def classifier(**changes):
    """Return a model of 4 inputs, two hidden layers and 3 classes, but for `changes`."""
    given = {"sizes": [4, 6, 5, 3], "activation": "tanh", "output": "softmax", "seed": 0}
    return MLP(**(given | {"dtype": "float64"} | changes))


def batch(rows=12, dtype="float64", seed=1):
    """Return inputs and labels for it."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, 4)).astype(dtype), rng.integers(0, 3, rows)


def descent(model, x, t, *, sample_weight=None, **options):
    """Return by how much a step of gradient descent at rate 1 lowers each parameter: its gradient.

    The model is left as the step made it.
    """
    before = weights(model)
    trainer = model.trainer(optimizer="sgd", lr=1.0, **options)
    for _ in range(options.get("accumulate", 1)):
        trainer.step(x, t, sample_weight)
    after = weights(model)
    return {name: before[name] - after[name] for name in before}
