"""Every loss with its gradient, with and without weights of rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlpcore.nn.losses import loss as named_loss
from mlpcore.selfcheck.bounds import FUNCTION_ROUNDINGS, Bounds
from mlpcore.selfcheck.fallbacks import note_missing_kernels
from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place, wide

_CLASSES = 11

CASES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("cross_entropy", {}),
    ("cross_entropy", {"label_smoothing": 0.1}),
    ("cross_entropy", {"class_weight": tuple(0.5 + k / 4 for k in range(_CLASSES))}),
    ("cross_entropy", {"ignore_index": 2}),
    ("binary_cross_entropy", {}),
    ("binary_cross_entropy", {"pos_weight": 3.0}),
    ("nll", {}),
    ("mse", {}),
    ("mae", {}),
    ("huber", {"delta": 0.75}),
    ("poisson", {}),
)
"""Names and settings."""


def check(place: Place, findings: Findings, *, name: str, settings: Mapping[str, Any]) -> None:
    """Check the mean loss of logits that are known, and its gradient dz."""
    note_missing_kernels(place, findings)
    loss = named_loss(name, **settings)
    model = place.identity(_CLASSES)
    for rows in (1, 67) if place.quick else (1, 2, 67, 300):
        z = place.random(rows, _CLASSES, scale=3.0)
        targets = [_targets(place, name, rows)]
        if name == "cross_entropy" and not settings:
            targets.append(_distributions(place, rows))
        weights = (None, np.abs(place.random(rows, seed=6)) + 0.5)
        for t in targets:
            for weight in weights:
                _compare(place, findings, model, loss, z, t, weight)


def _compare(
    place: Place, findings: Findings, model: Any, loss: Any, z: Any, t: Any, weight: Any
) -> None:
    found, grads = model.value_and_grad(z, t, loss=loss, sample_weight=weight, intermediates=True)
    z64 = wide(z)
    t64 = t if t.dtype.kind == "i" else wide(t)
    weight64 = None if weight is None else wide(weight)
    exact, exact_dz = loss(np, z64, t64, weight64)
    off, off_dz = _bounds(Bounds(place.dtype), loss, z64, t64, weight64)
    findings.within("the loss", found, exact, off)
    findings.within("dz", grads.layers[0].dz, exact_dz, off_dz)


def _bounds(bounds: Bounds, loss: Any, z: Any, t: Any, weight: Any) -> tuple[float, Any]:
    """Return the bounds of a mean loss and of its gradient, for what each term is off."""
    terms, slopes = loss(np, z, t, weight, "none")
    term_off, slope_off = _of_terms(bounds, loss, z, t)
    row_weights = np.broadcast_to(1.0 if weight is None else weight, len(z))
    total = _total_weight(loss, z, t, row_weights)
    by_row = row_weights if terms.ndim == 1 else row_weights[:, None]
    rounding = bounds.gamma(terms.size + 12)  # of the sums of terms and of weights, and the shares
    value = (term_off * by_row + np.zeros(terms.shape)).sum() + rounding * np.abs(terms).sum()
    slope = slope_off * row_weights[:, None] + rounding * np.abs(slopes)
    return float(value / total) + bounds.tiny, slope / total + bounds.tiny


def _of_terms(bounds: Bounds, loss: Any, z: Any, t: Any) -> tuple[Any, Any]:
    """Return how far a term l of the loss, and its slope, may be off before weights of rows.

    l = log Σ exp(z) - z_t of a cross-entropy has the relative error of the sum and is rounded on
    the scale of z; the logarithms of a binary cross-entropy are elementwise functions of z.  Of a
    Poisson loss e^z is, and the difference is rounded on the scale of what it is a difference of.
    Everything else is a few roundings of l itself, which are counted with those of the mean.
    """
    largest = max(_numbers(loss.settings))
    if loss.name == "cross_entropy":
        size = np.abs(z).max(axis=1)
        relative = bounds.gamma(z.shape[1] + FUNCTION_ROUNDINGS + 4 * float(size.max(initial=0.0)))
        return largest * (relative + bounds.gamma(8) * (1 + size)), largest * relative
    if loss.name == "binary_cross_entropy":
        g = largest * bounds.gamma(FUNCTION_ROUNDINGS)
        return g * (1 + np.abs(z)), g
    if loss.name == "poisson":
        mean, g = np.exp(z), bounds.gamma(FUNCTION_ROUNDINGS)
        return g * (mean + np.abs(t * z)), g * (mean + t)
    return 0.0, 0.0


def _total_weight(loss: Any, z: Any, t: Any, row_weights: Any) -> float:
    """Return what the mean divides by: the weights of rows, times those of the labels' classes."""
    settings = dict(loss.settings)
    if loss.expects != "classes":
        return float(row_weights.sum() * z.shape[1])
    counts = row_weights * 1.0
    if t.ndim == 1:
        if settings.get("class_weight") is not None:
            counts = counts * np.asarray(settings["class_weight"])[t]
        counts = np.where(t == settings.get("ignore_index"), 0.0, counts)
    return max(float(counts.sum()), float(np.finfo(np.float64).tiny))


def _numbers(settings: Any) -> list[float]:
    """Return one and the numbers of settings, those of tuples among them but not an index."""
    found: list[float] = []
    for name, value in settings:
        if name != "ignore_index":
            found += [float(v) for v in np.ravel(np.asarray(value, np.float64))]
    return [*found, 1.0]


def _targets(place: Place, name: str, rows: int) -> Any:
    if name in ("cross_entropy", "nll"):
        return place.labels(rows, _CLASSES)
    if name == "binary_cross_entropy":
        return np.random.default_rng(7).random((rows, _CLASSES)).astype(place.dtype)
    t = place.random(rows, _CLASSES, seed=7)
    return np.abs(t) if name == "poisson" else t


def _distributions(place: Place, rows: int) -> Any:
    t = np.random.default_rng(8).random((rows, _CLASSES)) + 0.1
    return (t / t.sum(axis=1, keepdims=True)).astype(place.dtype)
