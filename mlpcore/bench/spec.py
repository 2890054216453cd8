"""What a benchmark measures, a network, a mode and a place, and the numbers that everybody gets."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Mode: TypeAlias = Literal["inference", "training"]
MODES: tuple[Mode, ...] = ("inference", "training")
DTYPES = ("float32", "float64")

Array: TypeAlias = NDArray[Any]
Parameters: TypeAlias = tuple[tuple[Array, Array], ...]
"""W of shape (out, in) and b of shape (out,) of each layer."""


@dataclass(frozen=True)
class Spec:
    """The work that every contender does.

    Inference is x to logits: no output activation.  Training is one step: forward, softmax
    cross-entropy from logits and class indices, averaged over the batch, backward, and plain SGD.

    Attributes
    ----------
    layers : tuple of int
        The widths, input first.
    activation : str
        The activation between the layers; the last layer has none.
    mode : {"inference", "training"}
        What is measured.
    dtype : {"float32", "float64"}
        The type of parameters, inputs and outputs.
    device : str
        Where the model of this library runs: ``"cpu"`` or ``"cuda:0"``.
    threads : int
        How many threads the process was started with for each library.
    learning_rate : float
        The step of SGD, small: thousands of timed steps on one batch must stay far from overflow.

    Raises
    ------
    ValueError
        If there are fewer than two widths, one is not positive, or mode or dtype is unknown.
    """

    layers: tuple[int, ...]
    activation: str = "relu"
    mode: Mode = "inference"
    dtype: str = "float32"
    device: str = "cpu"
    threads: int = 1
    learning_rate: float = 0.01

    def __post_init__(self) -> None:
        if len(self.layers) < 2:
            raise ValueError(f"expected at least two layer widths, got {list(self.layers)}")
        if min(self.layers) < 1:
            raise ValueError(f"expected positive layer widths, got {list(self.layers)}")
        if self.mode not in MODES:
            raise ValueError(f"unknown mode {self.mode!r}; known are {', '.join(MODES)}")
        if self.dtype not in DTYPES:
            raise ValueError(f"unknown dtype {self.dtype!r}; known are {', '.join(DTYPES)}")
        if self.threads < 1:
            raise ValueError(f"expected at least one thread, got {self.threads}")

    @property
    def epsilon(self) -> float:
        """The spacing of the dtype's numbers at one."""
        return float(np.finfo(self.dtype).eps)


def draw_parameters(spec: Spec, seed: int = 0) -> Parameters:
    """Return the parameters that every contender starts from.

    W is normal with variance 2 / in (K. He et al., arXiv:1502.01852, equation 10), b normal with
    standard deviation 0.1, so that a contender who forgets the bias is found out.
    """
    rng = np.random.default_rng(seed)
    return tuple(
        (
            (rng.standard_normal((out, in_)) * np.sqrt(2 / in_)).astype(spec.dtype),
            (rng.standard_normal(out) * 0.1).astype(spec.dtype),
        )
        for in_, out in pairwise(spec.layers)
    )


def draw_batch(spec: Spec, batch_size: int, seed: int = 1) -> tuple[Array, Array]:
    """Return x, standard normal of shape (batch_size, in), and int64 classes t, (batch_size,)."""
    rng = np.random.default_rng((seed, batch_size))
    x = rng.standard_normal((batch_size, spec.layers[0])).astype(spec.dtype)
    return x, rng.integers(0, spec.layers[-1], batch_size)
