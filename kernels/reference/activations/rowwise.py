"""Softmax and log-softmax over the last axis as activations: each result depends on a whole row."""

from .. import softmax as rows
from ..operation import Scope
from ..typing import Array, Namespace
from .function import ActivationFunction


def _softmax(xp: Namespace, z: Array) -> Array:
    return rows.softmax(xp, z)


def _softmax_product(xp: Namespace, z: Array, a: Array, da: Array) -> Array:  # noqa: ARG001
    return rows.softmax_backward(xp, a, da)


def _log_softmax(xp: Namespace, z: Array) -> Array:
    return rows.log_softmax(xp, z)


def _log_softmax_product(xp: Namespace, z: Array, a: Array, da: Array) -> Array:  # noqa: ARG001
    return rows.log_softmax_backward(xp, a, da)


SOFTMAX = ActivationFunction("softmax", _softmax, product=_softmax_product, scope=Scope.ROW)
LOG_SOFTMAX = ActivationFunction(
    "log_softmax", _log_softmax, product=_log_softmax_product, scope=Scope.ROW
)
