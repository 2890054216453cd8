"""The update of every optimizer, step by step, each from what the device made of the one before."""

from collections.abc import Mapping

import numpy as np

from mlpcore.backends.base import Mode
from mlpcore.backends.spans import spans_of
from mlpcore.optim import optimizer
from mlpcore.selfcheck.bounds import Bounds
from mlpcore.selfcheck.fallbacks import note_missing_kernels
from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place, wide

_ROUNDINGS = 16
"""Of one element's update, with the numbers that are computed once for all: NAdam has the most.

Adam's quotient m / √v is rounded relative to its terms; in three steps no mean is so small that the
four learning rates granted for them would not cover it."""

_SETTINGS: Mapping[str, Mapping[str, float]] = {"adadelta": {"eps": 1.0}}
"""With its own ε the first steps of Adadelta are so small that p would hide an error in them."""


def check(place: Place, findings: Findings, *, name: str) -> None:
    """Check parameters and running means after each of three steps on gradients that are known."""
    note_missing_kernels(place, findings)
    bounds, rule = Bounds(place.dtype), optimizer(name, lr=0.05, **_SETTINGS.get(name, {}))
    for width in (1, 67) if place.quick else (1, 7, 67, 1031):
        bound = place.model([3, width]).trainer("mse", rule).bound
        backend, flat = bound.backend, bound.parameters.flat
        host = backend.to_host
        with place.active():
            moments = {key: backend.zeros(len(flat), bound.dtype) for key in rule.state_names}
            for step in (1, 2, 3):
                g = place.random(len(flat), seed=10 + step)
                before = {key: wide(host(value)).copy() for key, value in moments.items()}
                p = wide(host(flat)).copy()
                there = backend.zeros(len(flat), bound.dtype)
                there[...] = backend.xp.asarray(g)
                with bound.writing():
                    plan = bound.plan(Mode.TRAINING)
                    plan.update(bound.parameters, rule, there, moments, step, None)
                old, sizes = p.copy(), {key: np.abs(value) for key, value in before.items()}
                for span in spans_of(bound.program, bound.parameters.layout).values():
                    own = rule if span.decays else rule.exempt
                    part = span.of({"p": p, "g": wide(g)})
                    own.update(np, part["p"], part["g"], span.of(before), step)
                rounding = bounds.gamma(_ROUNDINGS)
                for key, exact in before.items():
                    gained = np.abs(wide(g)) + wide(g) ** 2
                    off = rounding * (sizes[key] + gained) + bounds.tiny
                    findings.within(f"{key} after step {step}", host(moments[key]), exact, off)
                terms = 1 + np.abs(wide(g)) + sum(sizes.values())
                off = rounding * (np.abs(old) + np.abs(p - old) + 4 * rule.lr * terms)
                findings.within(f"p after step {step}", host(flat), p, off + bounds.tiny)
