r"""The cross-entropy of softmax(z) against a class label.

With m = max z and s = Σ exp(z - m), which ascends over the classes,

.. math::
    l = (m - z_t) + \log s, \qquad dz_k = \frac{e^{z_k-m}}{s} - [k = t]

Neither term of l is negative, so nothing cancels.  A label outside [0, classes) makes l and dz of
its row NaN.  No settings: the weight of the class is part of the weight of the row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..math.exponential import exp_of_negative
from ..math.logarithm import log
from .panel import loss_kernel

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Real


def write_cross_entropy(module: Module) -> None:
    """Write the kernel ``cross_entropy``."""
    with loss_kernel(module, "cross_entropy") as rows:
        f = rows.f
        m = rows.largest()
        s, at_label = f.variable(f.number(0.0)), f.variable(f.number(0.0))
        with rows.each_class() as (k, hit):
            z = rows.z[k]
            e = exp_of_negative(z - m)
            s.value = s.value + e
            at_label.value = hit.select(z, at_label.value)
            rows.dz[k] = e
        known_s: Real = rows.known.select(s.value, float("nan"))
        reciprocal = 1.0 / known_s
        with rows.each_class() as (k, hit):
            one: Real = hit.select(f.number(1.0), 0.0)
            rows.put_dz(k, rows.dz[k].fma(reciprocal, -one))
        rows.put_loss(((m - at_label.value) + log(known_s)) * rows.weight)
