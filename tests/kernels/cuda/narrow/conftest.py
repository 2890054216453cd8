"""Networks for the tests.  Those that launch need a CUDA device: a real one, or the double.

``PYTHONPATH=ci MLPCORE_TEST_DEVICE=cuda pytest -p gpu_on_cpu.pytest_plugin tests/kernels/cuda``
runs them with the double, and without the plugin on a real device.
"""

import os
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from mlpcore.kernels.cuda.narrow import NarrowKernels, NarrowLayer

if not os.environ.get("MLPCORE_TEST_DEVICE", "").startswith("cuda"):
    collect_ignore = ["test_forward.py", "test_mutants.py"]


@dataclass(frozen=True)
class Case:
    """A network with random parameters."""

    layers: tuple[NarrowLayer, ...]
    parameters: np.ndarray

    @property
    def dtype(self):
        return self.parameters.dtype

    def kernels(self):
        return NarrowKernels(self.layers, self.dtype)

    def weight(self, layer):
        flat = self.parameters[layer.weight : layer.weight + layer.inputs * layer.outputs]
        return flat.reshape(layer.outputs, layer.inputs)

    def bias(self, layer):
        return self.parameters[layer.bias : layer.bias + layer.outputs]

    def x(self, rows, seed=0):
        shape = rows, self.layers[0].inputs
        return np.random.default_rng([rows, seed]).normal(size=shape).astype(self.dtype)


@pytest.fixture(scope="session")
def network():
    """``network(widths, activations)``: each array of parameters begins at a multiple of 16.

    The activations take turns, those with a setting having 0.25.  What no array covers is NaN.
    """

    def network(widths, activations=("relu",), dtype=np.float32, biases=True):
        rng, layers, parts, end = np.random.default_rng(0), [], [], 0

        def place(values):
            nonlocal end
            start = end
            end += -(-values.size // 16) * 16
            parts.append((start, values.ravel()))
            return start

        for number, (inputs, outputs) in enumerate(pairwise(widths)):
            weight = place(rng.normal(size=(outputs, inputs)) / np.sqrt(inputs))
            bias = place(rng.normal(size=outputs)) if biases else None
            name = activations[number % len(activations)]
            layers.append(NarrowLayer(inputs, outputs, name, weight, bias, 0.25))
        parameters = np.full(end, np.nan, dtype)
        for start, values in parts:
            parameters[start : start + values.size] = values
        return Case(tuple(layers), parameters)

    return network
