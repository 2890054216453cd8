"""Layers of a user's own: they drop, normalise and add, each as one class and nothing else.

They show that a layer costs one file: these classes run, are differentiated and keep their state in
a plan that knows nothing of them, and that has kernels for the library's own ones only.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mlpcore.kernels.reference.operation import Operation, ParameterShape, Scope


@dataclass(frozen=True)
class OwnDropout(Operation):
    """y = x * mask / (1 - rate) in training, x otherwise (inverted dropout)."""

    kind: ClassVar[str] = "own_dropout"
    rate: float

    def scope(self, training):
        return Scope.TILE

    def forward(self, call, x):
        if not call.training:
            return x
        key = call.random
        rng = np.random.default_rng([key.seed, key.step, key.layer, key.row])
        mask = call.xp.asarray((rng.random(x.shape) >= self.rate) / (1 - self.rate))
        call.save(mask=mask)
        return x * mask

    def backward(self, call, dy):
        return dy * call.recall("mask") if call.training else dy


@dataclass(frozen=True)
class OwnBatchNorm(Operation):
    """y = scale * (x - mean) / sqrt(variance + eps) + shift, of the batch itself in training."""

    kind: ClassVar[str] = "own_batch_norm"
    momentum: float = 0.1
    eps: float = 1e-5

    def scope(self, training):
        return Scope.BATCH if training else Scope.TILE

    def parameters(self, in_features):
        return (
            ParameterShape("norm_scale", (in_features,), fill=1.0),
            ParameterShape("norm_shift", (in_features,)),
        )

    def state(self, in_features):
        return (
            ParameterShape("running_mean", (in_features,)),
            ParameterShape("running_variance", (in_features,), fill=1.0),
        )

    def forward(self, call, x):
        xp, state = call.xp, call.state
        if call.training:
            mean, variance = xp.mean(x, axis=0), xp.var(x, axis=0)
            for name, new in (("running_mean", mean), ("running_variance", variance)):
                state[name][...] += self.momentum * (new - state[name])
        else:
            mean, variance = state["running_mean"], state["running_variance"]
        inverse = 1 / xp.sqrt(variance + self.eps)
        normal = (x - mean) * inverse
        call.save(normal=normal, inverse=inverse)
        return call.parameters["norm_scale"] * normal + call.parameters["norm_shift"]

    def backward(self, call, dy):
        xp, normal, inverse = call.xp, call.recall("normal"), call.recall("inverse")
        call.gradients["norm_scale"][...] = xp.sum(dy * normal, axis=0)
        call.gradients["norm_shift"][...] = xp.sum(dy, axis=0)
        dn = dy * call.parameters["norm_scale"]
        if call.training:
            dn = dn - xp.mean(dn, axis=0) - normal * xp.mean(dn * normal, axis=0)
        return dn * inverse


@dataclass(frozen=True)
class OwnResidual(Operation):
    """y = x + the result of an earlier stage."""

    kind: ClassVar[str] = "own_residual"
    back: int = 1

    def scope(self, training):
        return Scope.TILE

    def sources(self, stage):
        return (stage - self.back,)

    def forward(self, call, x):
        return x + call.sources[0]

    def backward(self, call, dy):
        call.source_gradients.append(dy)
        return dy
