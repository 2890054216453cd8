"""JAX, with optax for training."""

from typing import Any

import numpy as np

from mlpcore.backends.cpu.threads import affinity_count
from mlpcore.bench.contender import Contender, Inference, Training
from mlpcore.bench.spec import Array, Parameters, Spec

_SMALL_BATCH = 16
"""Up to here XLA's products of a training step are up to 2.7 times faster with W as (in, out)."""


class Jax(Contender):
    """``jax.jit`` for the batch size; weights are constants in inference, donated in training.

    XLA starts one thread for each CPU in the affinity mask when it is loaded, and has no setting
    that bounds them otherwise.
    """

    name = "jax"
    distributions = ("jax", "jaxlib", "optax")
    requires = {"jax": "jax", "optax": "optax"}  # noqa: RUF012
    activations = ("identity", "relu", "tanh", "sigmoid", "gelu")

    def unavailable(self, spec: Spec) -> str | None:
        """Return a reason also where XLA would take another number of threads than asked for."""
        reason = super().unavailable(spec)
        if reason is None and affinity_count() != spec.threads:
            return (
                f"XLA takes a thread for each of the {affinity_count()} CPUs it may run on, "
                f"not {spec.threads}; pin the process to as many"
            )
        return reason

    def prepare(self, spec: Spec, parameters: Parameters, batch_size: int) -> Inference:  # noqa: ARG002
        """Return the compiled forward pass."""
        jax = _jax(spec)
        layers = [(jax.numpy.asarray(W.T), jax.numpy.asarray(b)) for W, b in parameters]
        f = _activation(jax, spec.activation)
        compiled = jax.jit(lambda x: _network(x, layers, f))

        def forward(x: Array) -> Any:
            return np.asarray(compiled(x))

        return forward

    def prepare_training(self, spec: Spec, parameters: Parameters, batch_size: int) -> Training:
        """Return the compiled step of an optax optimizer."""
        jax = _jax(spec)
        import optax

        transposed = batch_size <= _SMALL_BATCH
        f = _activation(jax, spec.activation)
        optimizer = getattr(optax, spec.optimizer)(spec.learning_rate)

        def loss(layers: Any, x: Any, t: Any) -> Any:
            z = _network(x, layers if transposed else [(W.T, b) for W, b in layers], f)
            return optax.softmax_cross_entropy_with_integer_labels(z, t).mean()

        def update(layers: Any, state: Any, x: Any, t: Any) -> Any:
            value, gradients = jax.value_and_grad(loss)(layers, x, t)
            changes, state = optimizer.update(gradients, state, layers)
            return optax.apply_updates(layers, changes), state, value

        compiled = jax.jit(update, donate_argnums=(0, 1))
        layers = [
            (jax.numpy.array(W.T if transposed else W), jax.numpy.array(b)) for W, b in parameters
        ]
        state = optimizer.init(layers)

        def step(x: Array, t: Array) -> float:
            nonlocal layers, state
            layers, state, value = compiled(layers, state, x, t)
            return float(value)

        return step


def _jax(spec: Spec) -> Any:
    """Return the module, with float64 switched on only where it is asked for."""
    import jax

    jax.config.update("jax_enable_x64", spec.dtype == "float64")
    return jax


def _activation(jax: Any, name: str) -> Any:
    if name == "gelu":
        return lambda z: jax.nn.gelu(z, approximate=False)
    return getattr(jax.nn, name)


def _network(x: Any, layers: Any, f: Any) -> Any:
    """Return the logits; W is (in, out)."""
    for W, b in layers[:-1]:
        x = f(x @ W + b)
    W, b = layers[-1]
    return x @ W + b
