"""The library itself, through the calls that a user makes."""

from typing import TYPE_CHECKING

from mlpcore.bench.contender import Contender, Inference, Training
from mlpcore.bench.spec import Parameters, Spec

if TYPE_CHECKING:
    from mlpcore.model import MLP


class MLPCore(Contender):
    """``model(x)`` and ``trainer.step(x, t)``."""

    name = "mlpcore"
    distributions = ("mlpcore", "numba")

    def device(self, spec: Spec) -> str:
        """Return the device that was asked for."""
        return spec.device

    def prepare(self, spec: Spec, parameters: Parameters) -> Inference:
        """Return the model."""
        return _model(spec, parameters)

    def prepare_training(self, spec: Spec, parameters: Parameters) -> Training:
        """Return the step of a trainer with plain SGD."""
        trainer = _model(spec, parameters).trainer(
            loss="cross_entropy", optimizer="sgd", lr=spec.learning_rate
        )
        return trainer.step


def _model(spec: Spec, parameters: Parameters) -> "MLP":
    from mlpcore.model import MLP

    model = MLP(
        list(spec.layers),
        activation=spec.activation,
        output="identity",
        dtype=spec.dtype,
        device=spec.device,
        seed=0,
    )
    # The views end with this function: a view that lives makes every call pack the weights anew.
    views = model.parameters()
    for i, (W, b) in enumerate(parameters):
        views[f"layers.{i}.weight"][...] = W
        views[f"layers.{i}.bias"][...] = b
    return model
