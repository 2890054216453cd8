"""PyTorch's compiler, Inductor."""

import io
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np

from mlpcore.bench.contender import Contender, Inference, Training
from mlpcore.bench.contenders.torch_eager import ACTIVATIONS, activation, fused_optimizer, network
from mlpcore.bench.spec import Array, Parameters, Spec


class CompiledTorch(Contender):
    """Everything compiled for one batch size, with the products chosen by timing.

    Inference is exported and compiled ahead of time with the weights as constants: the same code as
    ``torch.compile`` makes, without its guards around every call, 70 to 150 microseconds.  In
    training ``torch.compile`` makes one function of forward and backward; SGD is part of it, and
    for Adam the fused optimizer, which is faster than what the compiler makes of the formulas.
    """

    name = "torch-compile"
    distributions = ("torch",)
    requires = {"torch": "torch"}  # noqa: RUF012
    activations = ACTIVATIONS

    def unavailable(self, spec: Spec) -> str | None:
        """Return a reason also for systems where the compiler is not known to work."""
        if sys.platform == "win32":
            return "not driven on Windows"
        return super().unavailable(spec)

    def prepare(self, spec: Spec, parameters: Parameters, batch_size: int) -> Inference:
        """Return the compiled forward pass."""
        import torch

        torch.set_num_threads(spec.threads)
        x = torch.from_numpy(np.ones((batch_size, spec.layers[0]), spec.dtype))
        with _compiling(freezing=True), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
            exported = torch.export.export(_module(spec, parameters), (x,))
            path = str(Path(folder) / "network.pt2")
            torch._inductor.aoti_compile_and_package(exported, package_path=path)
            compiled = torch._inductor.aoti_load_package(path)

        def forward(x: Array) -> Any:
            with torch.inference_mode():
                return compiled(torch.from_numpy(x)).numpy()

        return forward

    def prepare_training(self, spec: Spec, parameters: Parameters, batch_size: int) -> Training:
        """Return the compiled step."""
        import torch

        torch.set_num_threads(spec.threads)
        flat = [torch.from_numpy(p) for layer in parameters for p in layer]
        f = activation(spec.activation)

        def loss(flat: list[Any], x: Any, t: Any) -> Any:
            layers = list(zip(flat[::2], flat[1::2], strict=True))
            return torch.nn.functional.cross_entropy(network(x, layers, f), t)

        gradient = torch.func.grad_and_value(loss)
        step = _with_sgd(spec, flat, gradient) if spec.optimizer == "sgd" else None
        step = step or _with_optimizer(spec, flat, gradient)
        x = np.zeros((batch_size, spec.layers[0]), spec.dtype)
        t = np.zeros(batch_size, np.int64)
        before = [p.clone() for p in flat]
        with _compiling():
            step(x, t)
        for p, old in zip(flat, before, strict=True):
            p.copy_(old)
        return step


def _with_sgd(spec: Spec, flat: list[Any], gradient: Callable[..., Any]) -> Training:
    """Return a step of which everything is compiled."""
    import torch

    lr = spec.learning_rate

    def update(flat: list[Any], x: Any, t: Any) -> Any:
        gradients, loss = gradient(flat, x, t)
        for p, dp in zip(flat, gradients, strict=True):
            p.sub_(lr * dp)
        return loss

    compiled = _compiled(update)

    def step(x: Array, t: Array) -> float:
        with torch.no_grad():
            return float(compiled(flat, torch.from_numpy(x), torch.from_numpy(t)).item())

    return step


def _with_optimizer(spec: Spec, flat: list[Any], gradient: Callable[..., Any]) -> Training:
    """Return a step of compiled gradients and the fused optimizer."""
    import torch

    compiled = _compiled(lambda flat, x, t: gradient(flat, x, t))
    parameters = [torch.nn.Parameter(p) for p in flat]  # share memory with `flat`
    optimizer: Any = None

    def step(x: Array, t: Array) -> float:
        nonlocal optimizer
        with torch.no_grad():
            gradients, loss = compiled(flat, torch.from_numpy(x), torch.from_numpy(t))
        if optimizer is None:  # the call that compiles takes no step, which Adam would remember
            optimizer = fused_optimizer(spec, parameters)
            return float(loss.item())
        for p, dp in zip(parameters, gradients, strict=True):
            p.grad = dp
        optimizer.step()
        return float(loss.item())

    return step


def _compiled(function: Any) -> Any:
    """Return `function` compiled as nobody else's.

    What was compiled is kept with the code: there the compiler looks for what fits at each call,
    and at the eighth it gives up.
    """
    import torch

    function.__code__ = function.__code__.replace()
    compiled: Any = torch.compile(function, fullgraph=True, dynamic=False)
    return compiled


def _module(spec: Spec, parameters: Parameters) -> Any:
    """Return the network as a module in evaluation mode, which is what can be exported."""
    import torch

    layers = [(torch.from_numpy(W), torch.from_numpy(b)) for W, b in parameters]
    f = activation(spec.activation)

    class Network(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            for i, (W, b) in enumerate(layers):
                self.register_buffer(f"W{i}", W)
                self.register_buffer(f"b{i}", b)

        def forward(self, x: Any) -> Any:
            names = [(getattr(self, f"W{i}"), getattr(self, f"b{i}")) for i in range(len(layers))]
            return network(x, names, f)

    return Network().eval()


@contextmanager
def _compiling(**settings: bool) -> Iterator[None]:
    """Let Inductor choose its products by timing, without a word about it."""
    import torch._inductor.config as config
    import torch._inductor.select_algorithm as selection

    reporting, selection.PRINT_AUTOTUNE = selection.PRINT_AUTOTUNE, False
    log = logging.getLogger("torch._inductor")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with (
            config.patch(max_autotune=True, **settings),
            warnings.catch_warnings(),
            redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        selection.PRINT_AUTOTUNE = reporting
        log.setLevel(level)
