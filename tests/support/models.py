"""The small classifier that tests of models make variants of."""

from mlpcore import MLP


def model(**changes):
    """Return an MLP of 4 inputs, 6 hidden units and 3 classes, but for `changes`."""
    return MLP(**({"sizes": [4, 6, 3], "output": "softmax", "seed": 0} | changes))
