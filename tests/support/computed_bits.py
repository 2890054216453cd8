"""What models compute, as hashes: two machines or instruction sets agree where these do.

    python tests/support/computed_bits.py

prints a JSON object: the name of each result, and the hash of its bytes.  Parameters and data are
multiples of powers of two, and NumPy computes nothing that it rounds otherwise elsewhere, so that a
difference is one of kernels.
"""

import hashlib
import json
import logging
import sys

import numpy as np

from mlpcore import MLP
from mlpcore.backends.cpu.compiled import why_not
from mlpcore.nn import activations
from mlpcore.optim import names as optimizers

DTYPES = ("float32", "float64")

SIZES = {
    "narrow": [3, 1],
    "few blocks of terms": [600, 20, 33, 4],
    "wider than tiles": [13, 150, 70, 5],
}

ROWS = (1, 2, 5, 31, 130)
"""Batches that the kernels for few rows take, that the kernels for many take, and no multiples."""

OUTPUTS = ("softmax", "log_softmax", "sigmoid")

LOSSES = {
    "cross_entropy": "labels",
    "nll": "labels",
    "mse": "numbers",
    "mae": "numbers",
    "huber": "numbers",
    "binary_cross_entropy": "bits",
    "poisson": "bits",
}


def exact(rng, *shape, scale=1.0):
    """Return multiples of 2⁻⁸ in [-2, 2), times `scale`, a power of two."""
    return rng.integers(-512, 512, shape) * (scale / 256)


def perceptron(dtype, sizes, activation="relu", output="identity"):
    """Return a model with exact parameters."""
    model = MLP(sizes, activation=activation, output=output, dtype=dtype, device="cpu", seed=0)
    rng = np.random.default_rng(1)
    for view in model.parameters().values():
        view[...] = exact(rng, *view.shape, scale=0.125 if view.shape[-1] < 100 else 0.03125)
    return model


def targets(rng, kind, rows, outputs):
    """Return labels, numbers, or zeros and ones for a batch."""
    if kind == "labels":
        return rng.integers(0, outputs, rows)
    return exact(rng, rows, outputs) if kind == "numbers" else rng.integers(0, 2, (rows, outputs))


def predictions(dtype):
    """Yield the predictions of networks of each shape and with each activation and output."""
    for shape, sizes in SIZES.items():
        model = perceptron(dtype, sizes, output="softmax")
        for rows in ROWS:
            x = exact(np.random.default_rng(rows), rows, sizes[0])
            yield f"{shape}: {rows} rows", model(x)
    x = exact(np.random.default_rng(2), 37, 6, scale=2.0)
    for name in activations.names():
        model = perceptron(dtype, [6, 40, 5], activation=(name, name))
        yield f"{name}: 37 rows", model(x)
        yield f"{name}: 1 row", model(x[:1])
    for output in OUTPUTS:
        model = perceptron(dtype, [6, 40, 5], output=output)
        yield f"{output} at the end: 37 rows", model(x)
        yield f"{output} at the end: 1 row", model(x[:1])


def gradients(dtype):
    """Yield the gradients of each shape and with each activation, for given gradients by z."""
    for shape, sizes in SIZES.items():
        for rows in ROWS:
            rng = np.random.default_rng(rows)
            model = perceptron(dtype, sizes)
            _, cache = model.forward(exact(rng, rows, sizes[0]))
            found = model.backward(cache, exact(rng, rows, sizes[-1]))
            yield f"{shape}: {rows} rows", found.flat
            yield f"{shape}: {rows} rows, by the input", found.input
    rng = np.random.default_rng(3)
    x, dz = exact(rng, 37, 6, scale=2.0), exact(rng, 37, 5)
    for name in activations.names():
        model = perceptron(dtype, [6, 40, 5], activation=(name, name))
        yield name, model.backward(model.forward(x)[1], dz).flat


def training(dtype):
    """Yield the objectives of ten steps and the parameters they lead to."""
    rng = np.random.default_rng(4)
    sizes = SIZES["wider than tiles"]
    x = exact(rng, 96, sizes[0])
    runs = [("cross_entropy", optimizer) for optimizer in optimizers()]
    for loss, optimizer in [*runs, *((loss, "adam") for loss in LOSSES if loss != "cross_entropy")]:
        t = targets(rng, LOSSES[loss], 96, sizes[-1])
        model = perceptron(dtype, sizes, "gelu")
        trainer = model.trainer(loss, optimizer, l2=0.03125)
        steps = np.array([trainer.step(x, t) for _ in range(10)])
        yield f"{loss}, {optimizer}: objectives of ten steps", steps
        yield f"{loss}, {optimizer}: parameters", flat(model)


def flat(model):
    """Return all parameters in one vector."""
    return np.concatenate([np.ravel(view) for view in model.parameters().values()])


def computed():
    """Return the hash of each result by its name."""
    found = {}
    for dtype in DTYPES:
        for part in (predictions, gradients, training):
            for name, result in part(dtype):
                key = f"{dtype} {part.__name__}: {name}"
                assert key not in found
                found[key] = hashlib.sha256(np.ascontiguousarray(result).tobytes()).hexdigest()[:16]
    return found


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    hashes = computed()
    if why_not() is not None:
        sys.exit(f"no kernels: {why_not()}")
    json.dump(hashes, sys.stdout, indent=1)
