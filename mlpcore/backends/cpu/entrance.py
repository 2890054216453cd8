"""What is done to a batch before the first product of fused stages."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpcore.backends.cpu.ready import contiguous_rows
from mlpcore.backends.fused_stages import FusedStages
from mlpcore.backends.parameters import ParameterBuffer
from mlpcore.kernels.reference.operation import Call, RandomKey
from mlpcore.lazy_imports import lazy_module

if TYPE_CHECKING:
    from mlpcore.backends.cpu import layers
else:  # what few networks need
    layers = lazy_module("mlpcore.backends.cpu.layers")


class Entrance:
    """Standardisation, and in training noise and dropout, on a whole batch.

    Parameters
    ----------
    fused : FusedStages
        What comes after it.
    state : ParameterBuffer
        Where mean and scale are.
    dtype : dtype
        float32 or float64.

    Attributes
    ----------
    open : bool
        Whether a batch enters as it is.
    """

    def __init__(self, fused: FusedStages, state: ParameterBuffer, dtype: Any) -> None:
        self._steps = [
            (step.position, layers.layer_kernels(step.operation, dtype) or step.operation)
            for step in fused.entering
        ]
        self._standardize = None
        if fused.standardize is not None:
            mean, scale = fused.standardize
            self._standardize = state.views[mean], state.views[scale]
        self.open = self._standardize is None and not self._steps

    def forward(self, x: Any, random: RandomKey | None = None) -> tuple[Any, Sequence[Call]]:
        """Return what enters the first product, as rows of contiguous numbers.

        With it comes what `backward` needs.
        """
        x = contiguous_rows(x)
        if self._standardize is not None:
            mean, scale = self._standardize
            x = (x - mean) * scale
        calls = []
        for position, computing in self._steps:
            key = random and RandomKey(random.seed, random.step, position, random.row)
            call = Call(np, training=True, random=key, saved={})
            x = computing.forward(call, x)
            calls.append(call)
        return x, calls

    def backward(self, dx: Any, calls: Sequence[Call]) -> Any:
        """Return the gradient of what came, for that of what went on."""
        for (_, computing), call in zip(reversed(self._steps), reversed(calls), strict=True):
            dx = computing.backward(call, dx)
        if self._standardize is not None:
            dx *= self._standardize[1]
        return dx
