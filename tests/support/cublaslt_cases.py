"""Layers for the tests of cuBLASLt: random arrays of odd shapes and alignments, and bounds."""

from dataclasses import dataclass

import cupy
import numpy as np
from hypothesis import strategies as st

DTYPES = ["float32", "float64"]

# How far cuBLASLt's tanh-GELU may be from the exact one, relative to |z|: its accuracy is not
# documented; in float32 this is the tolerance of the tests of NVIDIA's nvmath-python.
GELU_ERROR = {"float32": 2e-5, "float64": 1e-13}


@dataclass(frozen=True)
class Layer:
    """Sizes of a layer and its batch, and by how many elements the arrays miss alignment."""

    rows: int
    inputs: int
    outputs: int
    dtype: str
    shift: int = 0
    seed: int = 0

    @property
    def eps(self) -> float:
        return float(np.finfo(self.dtype).eps)

    def random(self, *shape: int, name: int = 0) -> np.ndarray:
        numbers = np.random.default_rng([self.seed, name]).standard_normal(shape)
        return numbers.astype(self.dtype)

    @property
    def x(self) -> np.ndarray:
        return self.random(self.rows, self.inputs, name=1)

    @property
    def W(self) -> np.ndarray:  # noqa: N802
        return self.random(self.outputs, self.inputs, name=2)

    @property
    def b(self) -> np.ndarray:
        return self.random(self.outputs, name=3)

    @property
    def dz(self) -> np.ndarray:
        return self.random(self.rows, self.outputs, name=4)

    def on_device(self, array: np.ndarray) -> cupy.ndarray:
        """Copy an array to an address that is `shift` elements after an aligned one."""
        place = self.empty(*array.shape)
        place[...] = cupy.asarray(array)
        return place

    def empty(self, *shape: int) -> cupy.ndarray:
        """An array of NaN at such an address."""
        count = int(np.prod(shape))
        memory = cupy.full(count + self.shift, np.nan, self.dtype)
        return memory[self.shift :].reshape(shape)


def layers(*, least_outputs: int = 1) -> st.SearchStrategy[Layer]:
    size = st.integers(1, 40)
    return st.builds(
        Layer,
        rows=size,
        inputs=st.one_of(size, st.sampled_from([64, 128, 129])),
        outputs=st.one_of(st.integers(least_outputs, 40), st.sampled_from([64, 128, 129])),
        dtype=st.sampled_from(DTYPES),
        shift=st.integers(0, 4),
        seed=st.integers(0, 2**16),
    )


def product(A: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A B in float64, and how far any order of summation in A's dtype may be off: K eps |A| |B|."""
    eps = np.finfo(A.dtype).eps
    A64, B64 = A.astype(np.float64), B.astype(np.float64)
    return A64 @ B64, (A.shape[1] + 1) * eps * (np.abs(A64) @ np.abs(B64))


def affine(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """z = x Wᵀ + b in float64, and the bound of what is computed."""
    z, bound = product(layer.x, layer.W.T)
    z = z + layer.b.astype(np.float64)
    return z, bound + layer.eps * (np.abs(z) + np.abs(layer.b))


def sums(a: np.ndarray, a_bound: np.ndarray | float, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """The sums of a over the rows, and the bound of what is computed."""
    total = a.sum(axis=0)
    added = (len(a) + 1) * eps * (np.abs(a) + a_bound).sum(axis=0)
    return total, added + np.broadcast_to(a_bound, a.shape).sum(axis=0)


def gelu_tanh(z: np.ndarray) -> np.ndarray:
    """z/2 (1 + tanh u), u = √(2/π) (z + 0.044715 z³) (Hendrycks and Gimpel, 2016)."""
    return z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def gelu_tanh_derivative(z: np.ndarray) -> np.ndarray:
    """(1 + tanh u)/2 + z/2 (1 - tanh² u) u'."""
    t = np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))
    return (1 + t + z * (1 - t**2) * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z**2)) / 2


def mask_bits(mask: cupy.ndarray, width: int) -> np.ndarray:
    """The bits of ReLU's mask as booleans, shape (rows, width)."""
    return np.unpackbits(mask.get(), axis=1, bitorder="little")[:, :width].astype(bool)


def within(got: cupy.ndarray, expected: np.ndarray, bound: np.ndarray) -> None:
    """Every element differs by at most its bound."""
    difference = np.abs(got.get().astype(np.float64) - expected)
    assert difference.shape == expected.shape
    assert np.all(difference <= bound), f"{np.max(difference - bound)} above its bound"
