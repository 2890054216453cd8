"""Metrics by name, and which of them belong to a loss."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from mlpcore.names import unknown
from mlpcore.nn.losses import Loss
from mlpcore.training.metrics.accuracy import ACCURACY, BINARY_ACCURACY, top_k_accuracy
from mlpcore.training.metrics.confusion import (
    F1,
    F1_MACRO,
    PRECISION,
    PRECISION_MACRO,
    RECALL,
    RECALL_MACRO,
)
from mlpcore.training.metrics.metric import Better, Metric
from mlpcore.training.metrics.regression import MAE, R2, RMSE
from mlpcore.training.metrics.whole import ROC_AUC, own_metric

METRICS: Mapping[str, Metric] = {
    found.name: found
    for found in (
        ACCURACY,
        BINARY_ACCURACY,
        PRECISION,
        RECALL,
        F1,
        PRECISION_MACRO,
        RECALL_MACRO,
        F1_MACRO,
        ROC_AUC,
        MAE,
        RMSE,
        R2,
    )
}
"""The metrics by the name that `fit` and `evaluate` take; beside them ``top_3_accuracy`` and so
on for any number."""

MetricSpec: TypeAlias = str | Metric | Callable[[Any, Any], Any]
"""What names a metric: its name, a `Metric`, or a function of a user's own."""

_DEFAULTS: Mapping[str, tuple[Metric, ...]] = {
    "cross_entropy": (ACCURACY,),
    "nll": (ACCURACY,),
    "binary_cross_entropy": (BINARY_ACCURACY,),
}

_TOP_K = re.compile(r"top_([1-9][0-9]*)_accuracy")

RESERVED = ("loss", "objective", "seconds", "epoch")
"""Names of other curves in a history, and of its column of numbers in a file."""


def metric(spec: MetricSpec, *, name: str | None = None, better: Better | None = None) -> Metric:
    """Return the metric that `spec` names.

    Parameters
    ----------
    spec : str, Metric or callable
        A name out of `METRICS`, or ``"top_3_accuracy"`` and the like; a `Metric`; or a function of
        your own ``(y, t) -> number``.  It is called once an epoch, and by `evaluate`, with NumPy
        arrays of all rows: what the model predicts, shape (rows, out), and the targets.
    name : str, optional
        What to call a function of your own; by default its own name.
    better : {"larger", "smaller"}, optional
        Which values of it are better, for callbacks such as `EarlyStopping`.

    Returns
    -------
    Metric

    Raises
    ------
    ValueError
        If a name is unknown; the message lists the known ones.
    TypeError
        If `spec` is none of these, or a metric of the library's is to be called otherwise.
    """
    if callable(spec) and not isinstance(spec, Metric):
        found = own_metric(spec, name, better)
        if found.name in RESERVED or found.name.startswith("val_"):
            raise ValueError(
                f"a metric cannot be called {found.name!r}: name it with metric(name=)"
            )
        return found
    if name is not None or better is not None:
        raise TypeError("name= and better= go with a metric of your own, given as a function")
    if isinstance(spec, Metric):
        return spec
    if not isinstance(spec, str):
        raise TypeError(
            f"a metric is a name, a Metric, or a function (y, t) -> number; got {spec!r}"
        )
    top = _TOP_K.fullmatch(spec)
    if top is not None:
        return top_k_accuracy(int(top[1]))
    if spec not in METRICS:
        raise unknown("metric", spec, (*METRICS, "top_3_accuracy"))
    return METRICS[spec]


def resolve_metrics(
    specs: Sequence[MetricSpec] | MetricSpec | None, loss: Loss
) -> tuple[Metric, ...]:
    """Return the metrics to compute.

    Parameters
    ----------
    specs : sequence of str, Metric and callable, or one of them, or None
        None stands for the accuracy that belongs to a classification loss, and for nothing
        elsewhere, also for a loss of a user's own.
    loss : Loss
        The loss beside which they are computed.

    Raises
    ------
    TypeError, ValueError
        As `metric`, and if two different ones have the same name.
    """
    if specs is None:
        return _DEFAULTS.get(loss.name, ()) if loss.custom is None else ()
    if isinstance(specs, str | Metric) or callable(specs):
        specs = (specs,)
    chosen: dict[str, Metric] = {}
    for spec in specs:
        found = metric(spec)
        if chosen.setdefault(found.name, found) != found:
            raise ValueError(f"two metrics are called {found.name!r}: name one with metric(name=)")
    return tuple(chosen.values())
