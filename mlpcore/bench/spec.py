"""What a benchmark measures, a network, a mode and a place, and the numbers that everybody gets."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Mode: TypeAlias = Literal["inference", "training"]
MODES: tuple[Mode, ...] = ("inference", "training")
DTYPES = ("float32", "float64")
Optimizer: TypeAlias = Literal["sgd", "adam"]
LEARNING_RATES: dict[Optimizer, float] = {"sgd": 0.01, "adam": 0.0001}
"""By optimizer, the rate of the two steps that are checked: large enough to change the loss."""

STEADY_RATE = 1e-7
"""The rate of the steps that are timed: thousands of them on one batch leave the network as it was.

At a rate that learns, the batch would soon be known by heart, and Adam's averages of gradients that
have become zero would fade into subnormal numbers, which processors treat tens of times slower: the
timing would be one of that.
"""

Array: TypeAlias = NDArray[Any]
Parameters: TypeAlias = tuple[tuple[Array, Array], ...]
"""W of shape (out, in) and b of shape (out,) of each layer."""


@dataclass(frozen=True)
class Spec:
    """The work that every contender does.

    Inference is x to logits: no output activation.  Training is one step: forward, softmax
    cross-entropy from logits and class indices, averaged over the batch, backward, and plain SGD or
    Adam with β1 = 0.9, β2 = 0.999 and ε = 1e-8 (D. Kingma, J. Ba, arXiv:1412.6980, algorithm 1).

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
    optimizer : {"sgd", "adam"}
        What updates the parameters in training.
    learning_rate : float, optional
        Its rate; that of `LEARNING_RATES` if none is given.

    Raises
    ------
    ValueError
        If there are fewer than two widths, one is not positive, or mode, dtype or optimizer is
        unknown.
    """

    layers: tuple[int, ...]
    activation: str = "relu"
    mode: Mode = "inference"
    dtype: str = "float32"
    device: str = "cpu"
    threads: int = 1
    optimizer: Optimizer = "sgd"
    learning_rate: float = float("nan")

    def __post_init__(self) -> None:
        if len(self.layers) < 2:
            raise ValueError(f"expected at least two layer widths, got {list(self.layers)}")
        if min(self.layers) < 1:
            raise ValueError(f"expected positive layer widths, got {list(self.layers)}")
        if self.mode not in MODES:
            raise ValueError(f"unknown mode {self.mode!r}; known are {', '.join(MODES)}")
        if self.dtype not in DTYPES:
            raise ValueError(f"unknown dtype {self.dtype!r}; known are {', '.join(DTYPES)}")
        if self.optimizer not in LEARNING_RATES:
            known = ", ".join(LEARNING_RATES)
            raise ValueError(f"unknown optimizer {self.optimizer!r}; known are {known}")
        if math.isnan(self.learning_rate):  # the dataclass is frozen, hence the detour
            object.__setattr__(self, "learning_rate", LEARNING_RATES[self.optimizer])
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
