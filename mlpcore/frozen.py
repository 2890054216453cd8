"""A network with parameters that never change: what serves predictions, and nothing else."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlpcore.backends.base import FrozenPrediction, Mode
from mlpcore.backends.bound import BoundProgram
from mlpcore.backends.cpu.compiled import why_not
from mlpcore.backends.cpu.num_threads import check_num_threads
from mlpcore.backends.registry import backend
from mlpcore.device import Device, resolve
from mlpcore.lazy_imports import importing
from mlpcore.network import Network
from mlpcore.prediction import predict
from mlpcore.program import lower


class FrozenPredictor:
    """Predicts as a model did when it was frozen.  Made by `MLP.freeze`.

    Whatever happens to the model, the results stay the same, bit for bit.  Any number of threads
    may call it at once, and forked children too.  It can be pickled; it cannot be changed.

    Parameters
    ----------
    network : Network
        What is computed.
    values : mapping of str to ndarray
        The parameters and the state by name; they are copied.
    dtype : numpy.dtype
        float32 or float64.
    device : Device
        Where the parameters go.  On a GPU a call takes the same way as one of the model.
    num_threads : int, optional
        As for a model.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpcore import MLP
    >>> frozen = MLP([4, 8, 3], output="softmax", device="cpu", seed=0).freeze()
    >>> x, y = np.zeros((2, 4), np.float32), np.empty((2, 3), np.float32)
    >>> frozen(x, out=y) is y
    True
    """

    __slots__ = ("__weakref__", "_bound", "_direct", "_network", "_short")

    def __init__(
        self,
        network: Network,
        values: Mapping[str, np.ndarray[Any, Any]],
        *,
        dtype: np.dtype[Any],
        device: Device,
        num_threads: int | None = None,
    ) -> None:
        self._network = network
        self._bound = BoundProgram(lower(network), backend(device), dtype)
        self._bound.settings.num_threads = check_num_threads(num_threads)
        self._bound.assign(values)
        self._direct: FrozenPrediction | None = self._bound.frozen(network.output)
        # A bound method, because it is called faster than an object with `__call__`.
        self._short = _nothing if self._direct is None else self._direct.__call__

    def __call__(self, x: Any, out: Any = None) -> Any:
        """Return the prediction for `x`.

        Parameters
        ----------
        x : array, shape (..., features)
            Whatever the model takes; C-contiguous NumPy arrays of the dtype go the shortest way.
        out : array, shape (..., out), optional
            Where the result goes, as for calling the model.

        Returns
        -------
        array, shape (..., out)
            `out`, or without it a new array of the kind that came in.

        Raises
        ------
        TypeError, ValueError
            As from calling the model.
        """
        y = self._short(x, out)
        return predict(self._bound, self._direct, self._network.output, x, out) if y is None else y

    def jit_function(self) -> Any:
        """Return a function ``predict(x, out)`` for use inside functions compiled by Numba.

        It writes the prediction for `x` to `out` and returns nothing.  Both are C-contiguous arrays
        of this predictor's dtype without memory in common, of shapes (features,) and (out,) or
        (rows, features) and (rows, out).  Arrays of other types are refused when Numba compiles the
        call, and what does not fit raises ValueError when it runs.

        The results have the same bits as those of calling the predictor.  It runs on the thread
        that calls it, so that loops over ``numba.prange`` may call it from all of theirs, and
        without the GIL where the function around it is compiled with ``nogil=True``.

        Compiled functions that call it keep the weights and the code alive.  Numba cannot keep such
        functions on disk: with ``cache=True`` it warns and compiles them in each process.

        Returns
        -------
        callable
            A function that compiled functions can call; called from Python it does the same.  Where
            NUMBA_DISABLE_JIT is set it is this predictor.

        Raises
        ------
        RuntimeError
            If this predictor does not run on compiled kernels; the message says why.
        ImportError
            If Numba is not installed.

        Examples
        --------
        >>> import numba
        >>> import numpy as np
        >>> from mlpcore import MLP
        >>> policy = MLP([2, 16, 1], "tanh", device="cpu", seed=0).freeze().jit_function()
        >>> @numba.njit
        ... def rollout(state, steps):
        ...     action = np.empty(1, np.float32)
        ...     for _ in range(steps):
        ...         policy(state, action)
        ...         state[0] += np.float32(0.05) * state[1]
        ...         state[1] += np.float32(0.05) * (action[0] - state[0])
        ...     return state
        >>> rollout(np.array([1, 0], np.float32), 100).shape
        (2,)
        """
        if self._direct is not None:
            return self._direct.jit_function() or self
        if self.device.kind != "cpu":
            reason = f"it is on {self.device}; freeze model.to('cpu')"
        else:
            reason = why_not() or self._what_is_apart()
        raise RuntimeError(f"this predictor has no function for Numba: {reason}")

    def _what_is_apart(self) -> str:
        """Return why the kernels do not predict with it in one call."""
        with importing():
            from mlpcore.backends.fused_stages import not_fused
        others = not_fused(self._bound.plan(Mode.INFERENCE).program)
        found = f"not {', '.join(others)}" if others else "in no other order"
        return f"its kernels compute products, each with a bias and an activation, but {found}"

    @property
    def network(self) -> Network:
        """What is computed."""
        return self._network

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of parameters and results: float32 or float64."""
        return self._bound.dtype

    @property
    def device(self) -> Device:
        """Where the parameters are."""
        return self._bound.backend.device

    @property
    def num_threads(self) -> int | None:
        """How many threads of the CPU a call uses; None leaves it to `mlpcore.threads`."""
        return self._bound.settings.num_threads

    def __copy__(self) -> "FrozenPredictor":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "FrozenPredictor":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        parts = self.dtype, str(self.device), self.num_threads
        return _unpickled, (self._network, self._bound.values(), *parts)

    def __repr__(self) -> str:
        with importing():
            from mlpcore.inspect.describe import describe
        return describe(type(self).__name__, self._network, self._bound)


def _unpickled(
    network: Network,
    values: Mapping[str, np.ndarray[Any, Any]],
    dtype: np.dtype[Any],
    device: str,
    num_threads: int | None,
) -> FrozenPredictor:
    """Return the predictor that was pickled."""
    where = resolve(device)
    return FrozenPredictor(network, values, dtype=dtype, device=where, num_threads=num_threads)


def _nothing(_x: Any, _out: Any = None) -> Any:
    """Predict nothing the short way."""
    return None
