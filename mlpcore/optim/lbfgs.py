"""L-BFGS on all rows at once, by SciPy: for small problems that are to be solved exactly.

The limited-memory method of J. Nocedal, "Updating quasi-Newton matrices with limited storage",
Mathematics of Computation 35 (1980), in the code of C. Zhu, R. Byrd, P. Lu and J. Nocedal, ACM TOMS
23 (1997), algorithm 778, which SciPy has.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, Self

import numpy as np

from mlpcore.checks import not_negative, positive, whole_number

__all__ = ["Iteration", "Result", "minimize"]

_RELATIVE_CHANGE = 64 * float(np.finfo(np.float64).eps)
"""Of J in an iteration, below which nothing more can be gained in double precision."""


class _Model(Protocol):
    """What is needed of an `mlpcore.MLP`."""

    def astype(self, dtype: Any) -> Self: ...
    def parameters(self) -> Any: ...
    def set_parameters(self, values: Any) -> None: ...
    def value_and_grad(self, x: Any, t: Any, loss: Any = ..., **options: Any) -> Any: ...


@dataclass(frozen=True)
class Iteration:
    """What a callback is told after an iteration.

    Attributes
    ----------
    number : int
        From 1.
    objective : float
        J.
    """

    number: int
    objective: float


@dataclass(frozen=True)
class Result:
    """How a minimisation ended.

    Attributes
    ----------
    objective : float
        J at the parameters that the model now has, before they were rounded to its dtype.
    largest_slope : float
        The largest |dJ/dp| of any parameter there.
    converged : bool
        Whether that is at most `tol`, or J could not be made smaller in double precision.
    iterations, evaluations : int
        How many there were; an evaluation is one pass forward and back over all rows.
    objectives : tuple of float
        J before the first iteration and after each.
    message : str
        Why it ended, as SciPy says it.
    """

    objective: float
    largest_slope: float
    converged: bool
    iterations: int
    evaluations: int
    objectives: tuple[float, ...]
    message: str


def minimize(
    model: _Model,
    x: Any,
    t: Any,
    *,
    loss: Any = None,
    l2: float = 0.0,
    sample_weight: Any = None,
    max_iter: int = 200,
    tol: float = 1e-5,
    memory: int = 10,
    max_evaluations: int | None = None,
    least_change: float = _RELATIVE_CHANGE,
    callback: Callable[[Iteration], bool | None] | None = None,
) -> Result:
    """Minimise the objective J = L + s of all rows by L-BFGS, and give the model the parameters.

    Parameters
    ----------
    model : MLP
        The model; it changes once, at the end.
    x, t, loss, l2, sample_weight
        As for `MLP.value_and_grad`.
    max_iter : int, default 200
        How many iterations there are at most; 0 measures only.
    tol : float, default 1e-5
        It ends where no |dJ/dp| is larger.
    memory : int, default 10
        How many steps the approximation of the second derivatives is made of.
    max_evaluations : int, optional
        After how many passes over the rows it ends at the latest; by default 15000, or 20 for each
        iteration if that is more.
    least_change : float
        It also ends where an iteration changes J by no more than this part of it; by default 64
        times the precision of float64, below which nothing can be gained.
    callback : callable, optional
        Called with an `Iteration` after each; what is true ends it there.

    Returns
    -------
    Result
        How it ended.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    TypeError, ValueError
        If something does not fit, or J is not finite at the beginning; the model is left as it was,
        as it is by anything that `callback` raises.

    Notes
    -----
    Everything is computed in float64, on a copy of the model, whatever its dtype: the line search
    compares values of J whose difference float32 does not resolve near a minimum.  A float32 model
    gets the parameters rounded.

    J is that of `MLP.value_and_grad`: dropout does not draw, and batch normalisation uses its
    running statistics, which stay as they are.
    """
    optimize = _scipy_optimize()
    max_iter = whole_number(max_iter, "max_iter", 0)
    options = {
        "maxiter": max_iter,
        "gtol": positive(tol, "tol"),
        "maxcor": whole_number(memory, "memory", 1),
        "ftol": not_negative(least_change, "least_change"),
        "maxfun": max(15_000, 20 * max_iter)
        if max_evaluations is None
        else whole_number(max_evaluations, "max_evaluations", 1),
    }
    l2 = not_negative(l2, "l2")
    working = model.astype(np.float64)
    shapes = {name: view.shape for name, view in working.parameters().items()}
    if isinstance(x, np.ndarray) and x.dtype == np.float32:
        x = x.astype(np.float64)  # once, not in every evaluation

    def evaluate(vector: Any) -> tuple[float, Any]:
        working.set_parameters(_split(vector, shapes))
        given = {"l2": l2, "sample_weight": sample_weight}
        value, gradients = working.value_and_grad(x, t, loss, **given)
        return float(value), _joined(gradients)

    if 0 in np.shape(t)[:1]:
        raise ValueError("L-BFGS needs at least one row, got none")
    start = _joined(working.parameters())
    value, slopes = evaluate(start)
    if not math.isfinite(value):
        raise ValueError(f"the objective is {value} at the model's parameters, so nothing descends")
    objectives = [value]
    largest = np.abs(slopes).max(initial=0.0)
    if max_iter == 0 or start.size == 0:
        reason = "STOP: no iteration was asked for"
        return Result(value, float(largest), bool(largest <= tol), 0, 1, (value,), reason)

    def report(intermediate_result: Any) -> None:
        objectives.append(float(intermediate_result.fun))
        if callback is not None and callback(Iteration(len(objectives) - 1, objectives[-1])):
            raise StopIteration

    found = optimize.minimize(
        evaluate, start, jac=True, method="L-BFGS-B", options=options, callback=report
    )
    model.set_parameters(_split(found.x, shapes))
    return Result(
        objective=float(found.fun),
        largest_slope=float(np.abs(found.jac).max()),
        converged=bool(found.status == 0),
        iterations=int(found.nit),
        evaluations=int(found.nfev) + 1,
        objectives=tuple(objectives),
        message=str(found.message),
    )


def _scipy_optimize() -> Any:
    try:
        return import_module("scipy.optimize")
    except ImportError as error:
        raise ImportError("L-BFGS needs SciPy: pip install 'mlpcore[scipy]'") from error


def _joined(named: Any) -> Any:
    """Return named arrays as one float64 vector in host memory."""
    flat = [np.ravel(_on_host(array)) for array in named.values()]
    return np.concatenate(flat, dtype=np.float64) if flat else np.zeros(0)


def _on_host(array: Any) -> Any:
    return array.get() if hasattr(array, "get") else np.asarray(array)


def _split(vector: Any, shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return a vector as named arrays, views of it."""
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])[:-1]
    parts = np.split(vector, ends)
    return {n: part.reshape(s) for (n, s), part in zip(shapes.items(), parts, strict=True)}
