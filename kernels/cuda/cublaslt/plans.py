"""The plans of this process, one for each problem and device, and the handle of each device."""

from __future__ import annotations

import ctypes
import threading

from .library import library
from .plan import Plan
from .problem import Problem
from .refused import Refused

_lock = threading.Lock()
_handles: dict[int, ctypes.c_void_p] = {}
_plans: dict[tuple[int, Problem], Plan | str] = {}


def plan_for(device: int, problem: Problem) -> Plan:
    """Return the plan of a problem on the current device, whose number is `device`.

    Raises
    ------
    Refused
        If the library is absent or has no algorithm; that is remembered too.
    """
    plan = _plans.get((device, problem))
    if plan is None:
        plan = _make(device, problem)
    if isinstance(plan, str):
        raise Refused(plan)
    return plan


def _make(device: int, problem: Problem) -> Plan | str:
    import cupy

    with _lock:
        lt = library(cupy.cuda.runtime.runtimeGetVersion() // 1000)
        if device not in _handles:
            # A handle belongs to the device that is current now.  It is never destroyed: when
            # Python ends, CUDA may have ended before it.
            handle = ctypes.c_void_p()
            lt.call("cublasLtCreate", ctypes.byref(handle))
            _handles[device] = handle
        made: Plan | str
        try:
            made = Plan(lt, _handles[device], problem)
        except Refused as refusal:
            made = str(refusal)
        return _plans.setdefault((device, problem), made)


def forget_plans() -> None:
    """Choose algorithms anew at their next use."""
    with _lock:
        _plans.clear()
