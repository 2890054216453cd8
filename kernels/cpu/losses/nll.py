r"""The negative log-likelihood of a label under log-probabilities: l = -z_t, dz_k = -[k = t].

A label outside [0, classes) makes l and dz of its row NaN.  No settings: the weight of the class is
part of the weight of the row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .panel import loss_kernel

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Real


def write_nll(module: Module) -> None:
    """Write the kernel ``nll``."""
    with loss_kernel(module, "nll") as rows:
        f = rows.f
        at_label = f.variable(f.number(0.0))
        with rows.each_class() as (k, hit):
            at_label.value = hit.select(rows.z[k], at_label.value)
        zero: Real = rows.known.select(f.number(0.0), float("nan"))
        with rows.each_class() as (k, hit):
            rows.put_dz(k, hit.select(-1.0, zero))
        rows.put_loss((zero - at_label.value) * rows.weight)
