"""The products of interpreted stages, each computed as a network of one layer.

So they have what the engine has: packed weights that are made again only when the parameters have
changed, the choice of kernel, chunk and threads, and the canonical sums, whose bits depend on
neither the batch nor the threads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mlpcore.backends.base import Run
from mlpcore.backends.cpu.compiled_network import CompiledNetwork
from mlpcore.backends.cpu.num_threads import num_threads
from mlpcore.backends.cpu.pass_record import PassRecord
from mlpcore.backends.cpu.ready import contiguous_rows
from mlpcore.backends.fused_stages import FusedStage, FusedStages
from mlpcore.kernels.cpu.product.words import FORWARD

LARGEST_KEPT = 1 << 24
"""Bytes of the largest record that a layer keeps for its next pass."""


class AffineLayer:
    """z = x Wᵀ + b and its gradients, with the parameters of one model.

    Parameters
    ----------
    run : Run
        A pass through that model.
    weight, bias : str
        The names of W and b; without a bias None.
    """

    def __init__(self, run: Run, weight: str, bias: str | None) -> None:
        outputs, features = run.parameters.views[weight].shape
        self._weight, self._bias = weight, bias
        self._features, self._outputs = features, outputs
        stage = FusedStage(weight, bias, None, features, outputs)
        self._network = CompiledNetwork(FusedStages(0, (stage,)), run.parameters, run.state_buffer)
        self._spare: list[PassRecord] = []

    def forward(self, run: Run, x: Any) -> Any:
        """Return z, shape (rows, outputs)."""
        x = self._rows(x, self._features, "the input")
        threads = num_threads(run.settings.num_threads)
        if run.records is None or len(x) == 0:
            return self._network.predict(x, threads)
        # As training steps compute it, which need not pack weights that the next step changes.
        with self._record(len(x)) as passed:
            z = np.empty((len(x), self._outputs), x.dtype)
            passed.set_input(contiguous_rows(x))
            passed.set_output(z)
            passed.run(FORWARD, threads)
        return z

    def backward(self, run: Run, x: Any, dz: Any, *, need_dx: bool) -> Any:
        """Write dW and db into ``run.gradients``; return dx, shape (rows, features), if needed."""
        x = contiguous_rows(self._rows(x, self._features, "the input"))
        dz = self._rows(dz, self._outputs, "dz")
        if len(dz) != len(x):
            raise ValueError(f"dz has {len(dz)} rows for an input of {len(x)}")
        if len(x) == 0:
            run.gradients[self._weight][...] = 0
            if self._bias is not None:
                run.gradients[self._bias][...] = 0
            return np.empty_like(x) if need_dx else None
        threads, places = num_threads(run.settings.num_threads), run.gradients
        with self._record(len(x)) as passed:
            passed.set_input(x)
            return self._network.backward(passed, dz, places, threads, input_gradient=need_dx)

    @contextmanager
    def _record(self, rows: int) -> Iterator[PassRecord]:
        """Give a record for a batch of `rows` rows: the one of the last pass, if it fits."""
        try:
            passed = self._spare.pop()  # so that no other thread has it
        except IndexError:
            passed = None
        if passed is None or passed.rows != rows:
            passed = PassRecord(self._network.table, rows, keep_z=False)
        yield passed
        # Whoever passed the arrays may want their memory back.
        passed.set_input(_NOTHING)
        passed.set_output(_NOTHING)
        passed.set_result_gradient(_NOTHING, None)
        if not self._spare and passed.num_bytes <= LARGEST_KEPT:
            self._spare.append(passed)

    def _rows(self, x: Any, features: int, what: str) -> Any:
        """Return `x` in the dtype of the model; the kernels read what they are told to, unseen."""
        if x.ndim != 2 or x.shape[1] != features:
            raise ValueError(
                f"{what} of the product with {self._weight} has shape {x.shape}; "
                f"expected (rows, {features})"
            )
        return np.asarray(x, dtype=self._network.table.dtype)


def affine_layer(run: Run, weight: str, bias: str | None) -> AffineLayer:
    """Return the layer of a model that has these parameters; the same for all its plans."""
    key = AffineLayer, weight, bias, id(run.parameters)  # prediction may have its own
    found = run.settings.copies.get(key)
    if found is None:
        # Of two threads that come here, both get the one that was first.
        found = run.settings.copies.setdefault(key, AffineLayer(run, weight, bias))
    layer: AffineLayer = found
    return layer


_NOTHING = np.empty((0, 1))
