"""What takes the steps: scikit-learn's parameters of a solver as an optimizer."""

from collections.abc import Mapping
from typing import Any

from mlpcore.checks import positive
from mlpcore.names import unknown
from mlpcore.optim import Optimizer, optimizer
from mlpcore.optim.table import names

SOLVERS = ("lbfgs", *(name for name in names() if name not in ("momentum", "nesterov")))
"""What `solver` may be; momentum is a parameter of its own here."""

_WITH_MEANS = ("adam", "adamw", "nadam", "radam")
"""Those whose running means are what ``beta_1``, ``beta_2`` and ``epsilon`` speak of."""


def check_solver(name: Any) -> None:
    """Raise ValueError if there is no such solver."""
    if name not in SOLVERS:
        raise unknown("solver", name, SOLVERS)


def make_optimizer(parameters: Mapping[str, Any], scale: float) -> Optimizer:
    """Return the optimizer that an estimator's parameters describe.

    Parameters
    ----------
    parameters : mapping of str to object
        Those of the estimator.
    scale : float
        c of the objective: gradients of J / c are what the optimizer will see.

    Returns
    -------
    Optimizer
        One whose steps are those that gradients of J would give.  Gradient descent has c times the
        rate; where the gradient is divided by its own size, c goes into what is added to that.

    Raises
    ------
    TypeError, ValueError
        If a setting is unknown or out of range.
    """
    name = parameters["solver"]
    rate = positive(parameters["learning_rate_init"], "learning_rate_init")
    settings: dict[str, Any] = {"lr": rate}
    if name == "sgd":
        momentum = parameters["momentum"]
        nesterov = bool(parameters["nesterovs_momentum"]) and momentum > 0
        settings = {"lr": rate * scale, "momentum": momentum, "nesterov": nesterov}
    elif name in _WITH_MEANS:
        settings |= {
            "beta1": parameters["beta_1"],
            "beta2": parameters["beta_2"],
            "eps": positive(parameters["epsilon"], "epsilon") / scale,
        }
    own = parameters["solver_settings"] or {}
    if "lr" in own:
        raise ValueError("solver_settings has 'lr'; give learning_rate_init")
    return optimizer(name, **{**settings, **own})


def rate_scale(name: str, scale: float) -> float:
    """Return the factor between the rate of an optimizer and that of the user, c for ``"sgd"``."""
    return scale if name == "sgd" else 1.0
