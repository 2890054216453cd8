"""The library itself, through the calls that a user makes."""

from typing import TYPE_CHECKING, Any

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

    def prepare(self, spec: Spec, parameters: Parameters, batch_size: int) -> Inference:  # noqa: ARG002
        """Return the model."""
        return _model(spec, parameters)

    def prepare_training(self, spec: Spec, parameters: Parameters, batch_size: int) -> Training:  # noqa: ARG002
        """Return the step of a trainer."""
        trainer = _model(spec, parameters).trainer(
            loss="cross_entropy", optimizer=spec.optimizer, lr=spec.learning_rate
        )
        return trainer.step


class FrozenMLPCore(Contender):
    """``model.freeze()``: the predictor without checks."""

    name = "mlpcore-frozen"
    distributions = MLPCore.distributions
    modes = ("inference",)

    def unavailable(self, spec: Spec) -> str | None:
        """Return a reason for a version that cannot freeze a model, and off the CPU."""
        from mlpcore.model import MLP

        if not hasattr(MLP, "freeze"):
            return "this version of mlpcore has no model.freeze()"
        if spec.device != "cpu":
            return f"freezes models on the CPU, not on {spec.device}"
        return super().unavailable(spec)

    def prepare(self, spec: Spec, parameters: Parameters, batch_size: int) -> Inference:  # noqa: ARG002
        """Return the frozen model."""
        model: Any = _model(spec, parameters)  # `freeze` may be missing, see above
        frozen: Inference = model.freeze()
        return frozen


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
