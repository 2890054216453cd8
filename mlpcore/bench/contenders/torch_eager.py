"""PyTorch, one operation after the other."""

from collections.abc import Callable
from typing import Any

from mlpcore.bench.contender import Contender, Inference, Training
from mlpcore.bench.spec import Array, Parameters, Spec

ACTIVATIONS = ("identity", "relu", "tanh", "sigmoid", "gelu")


class Torch(Contender):
    """Functions on tensors that share memory with the arrays; no modules, whose calls cost more.

    Inference runs in inference mode with activations in place.  Training uses autograd and the
    fused optimizers, the fastest of PyTorch's three kinds on a CPU.
    """

    name = "torch"
    distributions = ("torch",)
    requires = {"torch": "torch"}  # noqa: RUF012
    activations = ACTIVATIONS

    def prepare(self, spec: Spec, parameters: Parameters, batch_size: int) -> Inference:  # noqa: ARG002
        """Return the forward pass."""
        import torch

        torch.set_num_threads(spec.threads)
        layers = [(torch.from_numpy(W), torch.from_numpy(b)) for W, b in parameters]
        f = activation(spec.activation, in_place=True)

        def forward(x: Array) -> Any:
            with torch.inference_mode():
                return network(torch.from_numpy(x), layers, f).numpy()

        return forward

    def prepare_training(self, spec: Spec, parameters: Parameters, batch_size: int) -> Training:  # noqa: ARG002
        """Return forward, backward and the optimizer's step."""
        import torch

        torch.set_num_threads(spec.threads)
        layers = [
            (torch.nn.Parameter(torch.from_numpy(W)), torch.nn.Parameter(torch.from_numpy(b)))
            for W, b in parameters
        ]
        optimizer = fused_optimizer(spec, [p for layer in layers for p in layer])
        f = activation(spec.activation)

        def step(x: Array, t: Array) -> float:
            optimizer.zero_grad(set_to_none=True)
            z = network(torch.from_numpy(x), layers, f)
            loss: Any = torch.nn.functional.cross_entropy(z, torch.from_numpy(t))
            loss.backward()
            optimizer.step()
            return float(loss.item())

        return step


def network(x: Any, layers: list[tuple[Any, Any]], f: Callable[[Any], Any]) -> Any:
    """Return the logits of the tensor `x`."""
    from torch.nn.functional import linear

    for W, b in layers[:-1]:
        x = f(linear(x, W, b))
    return linear(x, *layers[-1])


def activation(name: str, *, in_place: bool = False) -> Callable[[Any], Any]:
    """Return PyTorch's function of that name, in place where it has one and it is asked for."""
    import torch

    if name == "identity":
        return lambda z: z
    f: Callable[[Any], Any]
    if name == "gelu":
        f = torch.nn.functional.gelu
    else:
        f = getattr(torch, f"{name}_" if in_place else name)
    return f


def fused_optimizer(spec: Spec, parameters: list[Any]) -> Any:
    """Return PyTorch's optimizer that updates all `parameters` in one kernel."""
    import torch

    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[spec.optimizer]
    return kind(parameters, lr=spec.learning_rate, fused=True)
