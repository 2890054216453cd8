r"""The cross-entropy of softmax(z) against a distribution over the classes.

With the weights r of the terms, m = max z and s = Σ exp(z - m), all sums ascending over the
classes,

.. math::
    r_k = w_k \left((1-ε)\, q_k + ε/K\right), \qquad
    l = \sum_k r_k (m - z_k) + \log s \sum_k r_k, \qquad
    dz_k = \frac{e^{z_k-m}}{s} \sum_j r_j - r_k

A class with r = 0 contributes nothing, also one whose logit is -inf.  The settings are two numbers
and the weight w of each class.  For a label, whose q is one-hot, the two are what is in the
brackets at the label and elsewhere, 1 - ε + ε/K and ε/K; for a distribution they are 1 - ε and ε/K.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from ..math.exponential import exp_of_negative
from ..math.logarithm import log
from .panel import LossColumn, loss_kernel

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Int, Real

_SCALARS = 2


def write_smooth_cross_entropy(module: Module) -> None:
    """Write the kernel ``cross_entropy_smooth``, for labels; an unknown one makes its row NaN."""
    _write(module, "cross_entropy_smooth", _label_terms, labels=True)


def write_distribution_cross_entropy(module: Module) -> None:
    """Write the kernel ``cross_entropy_distributions``, for one number q for each element."""
    _write(module, "cross_entropy_distributions", _distribution_terms, labels=False)


@contextmanager
def _label_terms(rows: LossColumn) -> Iterator[tuple[Int, Real]]:
    here, rest = (rows.settings.real(slot).splat() for slot in range(_SCALARS))
    with rows.each_class() as (k, hit):
        yield k, hit.select(here, rest) * _class_weight(rows, k)


@contextmanager
def _distribution_terms(rows: LossColumn) -> Iterator[tuple[Int, Real]]:
    share, rest = (rows.settings.real(slot).splat() for slot in range(_SCALARS))
    with rows.each_target() as (k, q):
        yield k, share.fma(q, rest) * _class_weight(rows, k)


def _class_weight(rows: LossColumn, k: Int) -> Real:
    return rows.settings.real(k + _SCALARS).splat()


def _write(
    module: Module,
    name: str,
    terms: Callable[[LossColumn], AbstractContextManager[tuple[Int, Real]]],
    *,
    labels: bool,
) -> None:
    with loss_kernel(module, name) as rows:
        f = rows.f
        m = rows.largest()
        half_m = 0.5 * m
        s, total, distance = (f.variable(f.number(0.0)) for _ in range(3))
        with terms(rows) as (k, r):
            z = rows.z[k]
            total.value = total.value + r
            # Halves, since m - z may overflow where its product with a small r does not.
            d = (half_m - 0.5 * z).fma(r, distance.value)
            distance.value = r.equals(0.0).select(distance.value, d)
            e = exp_of_negative(z - m)
            s.value = s.value + e
            rows.dz[k] = e
        known_s: Real = rows.known.select(s.value, float("nan")) if labels else s.value
        loss = (distance.value + distance.value) + total.value * log(known_s)
        scale = total.value / known_s
        with terms(rows) as (k, r):
            rows.put_dz(k, rows.dz[k].fma(scale, -r))
        rows.put_loss(loss * rows.weight)
