"""Random networks and batches, and how to run them on any instruction set and number of threads."""

import os
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import strategies as st

from mlpcore import MLP
from mlpcore.backends.cpu import cost_model
from mlpcore.kernels.cpu.codegen.instruction_set import VARIABLE, supported
from mlpcore.nn import activations

ISAS = tuple(isa.name for isa in supported())
WIDTHS = (1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 32, 33, 61, 64, 67, 127, 128, 129, 255, 256, 257, 509)
OUTPUTS = ("identity", "softmax", "sigmoid", "log_softmax")

LOSS_OF = {
    "identity": "mse",
    "softmax": "cross_entropy",
    "log_softmax": "cross_entropy",
    "sigmoid": "binary_cross_entropy",
}


@dataclass(frozen=True)
class Example:
    """A network as it is made, and the seed of its numbers and of its data."""

    sizes: tuple[int, ...]
    activation: tuple[str, ...]
    output: str
    bias: bool
    standardize: bool
    dtype: str
    seed: int

    def model(self, isa=ISAS[0] if ISAS else None):
        """Return the model, its kernels being those of `isa`; equal for equal examples."""
        with instruction_set(isa):
            made = MLP(
                self.sizes,
                list(self.activation),
                self.output,
                bias=self.bias,
                standardize=self.standardize,
                dtype=self.dtype,
                seed=self.seed,
            )
            made._bound.assign(self._values(made))
            made(np.zeros((1, self.sizes[0]), self.dtype))  # now it keeps to these kernels
        return made

    def _values(self, made):
        """Return the initial numbers, but biases that are not zero and means that are no round."""
        rng = np.random.default_rng(self.seed)
        values = made._bound.values()
        return {
            name: value if value.ndim == 2 else rng.uniform(0.5, 1.5, value.shape)
            for name, value in values.items()
        }

    def batch(self, rows):
        """Return `rows` rows of input; equal for equal examples."""
        rng = np.random.default_rng(self.seed + 1)
        return rng.standard_normal((rows, self.sizes[0])).astype(self.dtype)

    def gradient(self, rows):
        """Return a gradient of the logits of `rows` rows."""
        rng = np.random.default_rng(self.seed + 2)
        return rng.standard_normal((rows, self.sizes[-1])).astype(self.dtype)

    @property
    def loss(self):
        """The loss that belongs to the output."""
        return LOSS_OF[self.output]

    def targets(self, rows):
        """Return targets of that loss."""
        rng = np.random.default_rng(self.seed + 3)
        if self.loss == "cross_entropy":
            return rng.integers(0, self.sizes[-1], rows)
        return (rng.random((rows, self.sizes[-1])) < 0.5).astype(self.dtype)


@st.composite
def examples(draw, *, most_layers=4, dtypes=("float32", "float64")):
    """Draw an `Example`."""
    layers = draw(st.integers(1, most_layers))
    sizes = draw(st.lists(st.sampled_from(WIDTHS), min_size=layers + 1, max_size=layers + 1))
    count = draw(st.sampled_from((layers - 1, layers)))
    chosen = draw(st.lists(st.sampled_from(activations.names()), min_size=count, max_size=count))
    return Example(
        tuple(sizes),
        tuple(chosen),
        draw(st.sampled_from(OUTPUTS)),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from(dtypes)),
        draw(st.integers(0, 1000)),
    )


isas = st.sampled_from(ISAS or (None,))


@contextmanager
def instruction_set(name):
    """Let what is compiled in the block be compiled for `name`."""
    with pytest.MonkeyPatch.context() as patch:
        if name is not None:
            patch.setitem(os.environ, VARIABLE, name)
        yield


@contextmanager
def all_work_is_shared():
    """Let calls of any size be shared among as many threads as may take part."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost_model, "FEW_FLOPS_PER_THREAD", 1)
        patch.setattr(cost_model, "SPREAD_FLOPS_PER_THREAD", 1)
        patch.setattr(cost_model, "MANY_FLOPS_PER_THREAD", 1)
        patch.setattr(cost_model, "SPREAD_PASS_FLOPS_PER_THREAD", 1)
        yield
