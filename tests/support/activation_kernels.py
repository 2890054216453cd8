"""The CPU's activation kernels, called with arrays."""

import functools

import numpy as np
from support.written_kernels import unshared

from mlpcore.kernels.cpu.activations import EMITTERS
from mlpcore.kernels.cpu.activations.flat_map import write_activation
from mlpcore.kernels.reference.activations import ACTIVATIONS

OTHER_SETTINGS = [
    ("leaky_relu", {"slope": 0.25}),
    ("leaky_relu", {"slope": -1.0}),
    ("elu", {"alpha": 0.5}),
    ("celu", {"alpha": 2.5}),
    ("celu", {"alpha": 0.25}),
    ("sin", {"omega": 30.0}),
]
CASES = [(name, {}) for name in EMITTERS] + OTHER_SETTINGS
IDS = [name + "".join(f"-{v}" for v in given.values()) for name, given in CASES]

ACCURACY = {
    "identity": (0, 0),
    "relu": (0, 0),
    "leaky_relu": (0.5, 0),
    "elu": (1.2, 0.5),
    "selu": (2, 1.5),
    "celu": (1.2, 0.5),
    "gelu": (7.5, 1.5),
    "gelu_tanh": (200, 2),
    "silu": (3.5, 2),
    "mish": (4.6, 2),
    "sigmoid": (2.5, 0.5),
    "hard_sigmoid": (1.2, 0.1),
    "hard_swish": (2, 1.5),
    "tanh": (2.7, 1.5),
    "softplus": (3, 1),
    "softsign": (1.6, 2),
    "sin": (1.6, 0.7),
}
"""The largest errors in float32: of a in ulp, and of f'(z) in units of the last place of 1."""


@functools.cache
def _kernels(name, isa, dtype):
    count = len(ACTIVATIONS[name].defaults)
    return unshared(lambda module: write_activation(module, name, count), isa, dtype)


def _settings(name, given, dtype):
    values = dict(ACTIVATIONS[name].defaults) | given
    return np.array([values[key] for key in sorted(values)], dtype)


def forward(name, z, isa, given, out=None):
    """Return a = f(z) of the contiguous array `z`, in `out` if it is given."""
    a = np.empty_like(z) if out is None else out
    numbers = _settings(name, given, z.dtype)
    kernel = _kernels(name, isa, z.dtype).function(f"{name}_forward")
    kernel(z.ctypes.data, a.ctypes.data, z.size, numbers.ctypes.data)
    return a


def backward(name, z, da, isa, given, out=None):
    """Return dz, giving the kernel nothing but what it says that it reads."""
    keeps = EMITTERS[name].keeps
    a = forward(name, z, isa, given)
    dz = np.empty_like(z) if out is None else out
    numbers = _settings(name, given, z.dtype)
    kernel = _kernels(name, isa, z.dtype).function(f"{name}_backward")
    kernel(
        z.ctypes.data if keeps == "z" else 0,
        a.ctypes.data if keeps == "a" else 0,
        da.ctypes.data,
        dz.ctypes.data,
        z.size,
        numbers.ctypes.data,
    )
    return dz
