"""Networks with the library's layers in every order that matters, and their random numbers."""

import numpy as np

from mlpcore.kernels.reference.operations import (
    Activation,
    BatchNorm,
    Dropout,
    GaussianNoise,
    LayerNorm,
    Residual,
    Standardize,
)
from mlpcore.network import Dense, Network

RELU, TANH = Activation("relu"), Activation("tanh")

LAYERED = {
    "dropout": (Dense(4, 6), TANH, Dropout(0.4), Dense(6, 3)),
    "input dropout and noise": (
        Standardize(),
        GaussianNoise(0.3),
        Dropout(0.2),
        Dense(4, 6),
        TANH,
        Dense(6, 3),
    ),
    "batch norm": (Dense(4, 6), BatchNorm(), TANH, Dense(6, 3)),
    "batch norm without bias": (Dense(4, 6, bias=False), BatchNorm(), TANH, Dense(6, 3)),
    "batch norm at the input": (BatchNorm(), Dense(4, 6), TANH, Dense(6, 3, bias=False)),
    "batch norm behind the activation": (Dense(4, 6), TANH, BatchNorm(), Dense(6, 3, bias=False)),
    "layer norm": (Dense(4, 6), LayerNorm(), TANH, Dense(6, 3)),
    "residual": (Dense(4, 6), TANH, Dense(6, 6), TANH, Residual(), Dense(6, 3)),
    "two that read one": (
        Dense(4, 5),
        TANH,
        Dense(5, 5),
        Residual(1),
        Dense(5, 5),
        Residual(2),
        Dense(5, 2),
    ),
    "two norms in a layer": (LayerNorm(), Dense(4, 6), BatchNorm(), BatchNorm(0.5), Dense(6, 3)),
    "all": (
        GaussianNoise(0.1),
        BatchNorm(),
        Dense(4, 6),
        BatchNorm(),
        TANH,
        Dropout(0.3),
        Dense(6, 6),
        LayerNorm(),
        TANH,
        Residual(),
        Dropout(0.2),
        Dense(6, 6, bias=False),
        TANH,
        BatchNorm(),
        Dense(6, 3),
    ),
}


def network(name):
    return Network(LAYERED[name])


def randomize(model, seed=0):
    """Give a model weights near its own and norms that are no identity; return it."""
    rng = np.random.default_rng(seed)
    values = {}
    for name, value in model._bound.values().items():
        if value.ndim == 2:
            values[name] = value + 0.1 * rng.normal(size=value.shape)
        else:
            values[name] = rng.uniform(0.3, 2.0, value.shape)
            if "variance" not in name and "scale" not in name:
                values[name] *= rng.choice([-1, 1], value.shape)
    model._bound.assign(values)
    return model
