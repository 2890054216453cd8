"""The parameters of an estimator, checked before any work."""

import math
from collections.abc import Mapping
from typing import Any

from mlpcore.checks import not_negative, positive, whole_number
from mlpcore.names import unknown
from mlpcore.sklearn.solver import check_solver

ACTIVATIONS = {"logistic": "sigmoid"}
"""scikit-learn's names where they differ; all others are the library's."""

_LEARNING_RATES = ("constant", "invscaling", "adaptive")


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Raise TypeError or ValueError if a parameter of an estimator is none, or out of range.

    Those that the network, the optimizer and the trainer are made with are checked there.
    """
    check_solver(parameters["solver"])
    if parameters["learning_rate"] not in _LEARNING_RATES:
        raise unknown("learning_rate", parameters["learning_rate"], _LEARNING_RATES)
    for name in ("max_iter", "max_fun"):
        whole_number(parameters[name], name, 1)
    for name in ("alpha", "tol", "power_t"):
        not_negative(parameters[name], name)
    positive(parameters["learning_rate_init"], "learning_rate_init")
    if parameters["n_iter_no_change"] != math.inf:
        whole_number(parameters["n_iter_no_change"], "n_iter_no_change", 1)
    if parameters["batch_size"] != "auto":
        whole_number(parameters["batch_size"], "batch_size", 1)
    part = not_negative(parameters["validation_fraction"], "validation_fraction")
    if parameters["early_stopping"] and not 0 < part < 1:
        raise ValueError(
            f"validation_fraction must lie between 0 and 1 for early_stopping, got {part:g}"
        )
    if parameters["solver"] == "lbfgs":
        _check_full_batch(parameters)


def _check_full_batch(parameters: Mapping[str, Any]) -> None:
    """Raise ValueError for what L-BFGS, which takes no steps on batches, cannot do."""
    dropout = parameters["dropout"]
    given = {
        "norm": parameters["norm"] not in (None, "layer"),
        "dropout": any(dropout) if isinstance(dropout, list | tuple) else bool(dropout),
        "schedule": parameters["schedule"] is not None,
        "clip_norm": parameters["clip_norm"] is not None,
        "callbacks": bool(parameters["callbacks"]),
        "solver_settings": bool(parameters["solver_settings"]),
    }
    wrong = [name for name, there in given.items() if there]
    if wrong:
        raise ValueError(
            f"solver='lbfgs' looks at all rows at once and knows nothing of {', '.join(wrong)}; "
            "leave it away, or take another solver"
        )


def hidden_widths(spec: Any) -> tuple[int, ...]:
    """Return the widths of the hidden layers, from a number or a sequence of them."""
    widths = tuple(spec) if hasattr(spec, "__iter__") else (spec,)
    try:
        return tuple(whole_number(width, "hidden_layer_sizes", 1) for width in widths)
    except (TypeError, ValueError) as error:
        message = f"hidden_layer_sizes must be positive whole numbers, got {spec!r}"
        raise type(error)(message) from None


def resolve_activation(spec: Any) -> Any:
    """Return what an `MLP` takes for an activation of the user, or a list of them."""
    if isinstance(spec, list):
        return [resolve_activation(each) for each in spec]
    return ACTIVATIONS.get(spec, spec) if isinstance(spec, str) else spec
