"""Who is measured on a GPU: each library with its arrays there already, and how to wait for it.

A contender has a ``name`` and ``versions``; ``inference`` and ``training`` return a call that
queues the work and returns what it computes; ``wait`` returns when all that was queued is done.
``events`` returns a pair of functions, one that records a moment on the library's stream and one
that gives the seconds between two of them, or None where the library has no such thing.
"""

import importlib.util
from importlib import metadata

import numpy as np

ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu")


class MLPCore:
    """The library itself, on arrays of its own device."""

    name = "mlpcore"
    versions = ("mlpcore", "cupy-cuda12x", "cupy-cuda13x", "numba-cuda")
    module = "mlpcore"

    def __init__(self, device):
        from mlpcore.backends.registry import backend
        from mlpcore.device import resolve

        self._device = resolve(device)
        self._backend = backend(self._device)

    def inference(self, work, x):
        model = self._model(work)
        there = self._there(x)
        return lambda: model(there)

    def training(self, work, x, t):
        trainer = self._model(work).trainer("cross_entropy", work.optimizer, lr=work.rate)
        there, labels = self._there(x), self._there(t)
        return lambda: trainer.step(there, labels)

    def host(self, result):
        return np.asarray(self._backend.to_host(result))

    def wait(self):
        with self._backend.active():
            self._backend.synchronize()

    def events(self):
        if self._device.kind != "cuda":
            return None
        cuda = self._backend.xp.cuda

        def record():
            with self._backend.active():
                event = cuda.Event()
                event.record()
            return event

        return record, lambda start, end: cuda.get_elapsed_time(start, end) * 1e-3

    def _there(self, array):
        with self._backend.active():
            return self._backend.xp.asarray(array)

    def _model(self, work):
        from mlpcore import MLP

        model = MLP(work.layers, work.activation, dtype=work.dtype, device=self._device, seed=0)
        values = {}
        for i, (W, b) in enumerate(work.parameters()):
            values |= {f"layers.{i}.weight": W, f"layers.{i}.bias": b}
        model.set_parameters(values)
        return model


class Torch:
    """PyTorch, one operation after the other, with its fused optimizers."""

    name = "torch"
    versions = ("torch",)
    module = "torch"

    def __init__(self, device):
        import torch

        torch.backends.cuda.matmul.allow_tf32 = False
        self._torch, self._device = torch, torch.device(device)

    def inference(self, work, x):
        torch = self._torch
        layers = [(self._there(W), self._there(b)) for W, b in work.parameters()]
        network = self._compiled(self._network(work))
        there = self._there(x)

        def call():
            with torch.inference_mode():
                return network(there, layers)

        return call

    def training(self, work, x, t):
        torch = self._torch
        layers = [
            tuple(torch.nn.Parameter(self._there(p)) for p in layer) for layer in work.parameters()
        ]
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[work.optimizer]
        optimizer = kind([p for layer in layers for p in layer], lr=work.rate, fused=True)
        network = self._network(work)
        there, labels = self._there(x), self._there(t)
        loss = self._compiled(lambda x, t: torch.nn.functional.cross_entropy(network(x, layers), t))

        def step():
            optimizer.zero_grad(set_to_none=True)
            value = loss(there, labels)
            value.backward()
            optimizer.step()
            return value.detach()

        return step

    def host(self, result):
        return result.cpu().numpy()

    def wait(self):
        if self._device.type == "cuda":
            self._torch.cuda.synchronize()

    def events(self):
        if self._device.type != "cuda":
            return None

        def record():
            event = self._torch.cuda.Event(enable_timing=True)
            event.record()
            return event

        return record, lambda start, end: start.elapsed_time(end) * 1e-3

    def _compiled(self, function):
        return function

    def _there(self, array):
        return self._torch.from_numpy(np.array(array)).to(self._device)

    def _network(self, work):
        functional = self._torch.nn.functional
        home = functional if work.activation == "gelu" else self._torch
        f = getattr(home, work.activation)

        def network(x, layers):
            for W, b in layers[:-1]:
                x = f(functional.linear(x, W, b))
            return functional.linear(x, *layers[-1])

        return network


class CompiledTorch(Torch):
    """``torch.compile`` for the batch size; the optimizer stays the fused one."""

    name = "torch-compile"

    def _compiled(self, function):
        self._torch.compiler.reset()  # or it gives up compiling when the eighth network comes
        return self._torch.compile(function, fullgraph=True, dynamic=False)


class Jax:
    """``jax.jit`` with optax, products in full precision as everybody's."""

    name = "jax"
    versions = ("jax", "jaxlib", "optax")
    module = "jax"

    def __init__(self, device):
        import jax

        jax.config.update("jax_default_matmul_precision", "highest")
        kind = "gpu" if device.startswith("cuda") else "cpu"
        index = int(device.partition(":")[2] or 0)
        self._jax, self._device = jax, jax.devices(kind)[index]
        self._last = None

    def inference(self, work, x):
        jax = self._jax
        jax.config.update("jax_enable_x64", work.dtype == "float64")
        layers = [(self._there(W.T), self._there(b)) for W, b in work.parameters()]
        there = self._there(x)
        compiled = jax.jit(self._network(work))
        return lambda: self._kept(compiled(there, layers))

    def training(self, work, x, t):
        import optax

        jax = self._jax
        jax.config.update("jax_enable_x64", work.dtype == "float64")
        network = self._network(work)
        optimizer = getattr(optax, work.optimizer)(work.rate)
        layers = [(self._there(W.T), self._there(b)) for W, b in work.parameters()]
        state = optimizer.init(layers)
        there, labels = self._there(x), self._there(t)

        def loss(layers, x, t):
            z = network(x, layers)
            return optax.softmax_cross_entropy_with_integer_labels(z, t).mean()

        def update(layers, state, x, t):
            value, gradients = jax.value_and_grad(loss)(layers, x, t)
            changes, state = optimizer.update(gradients, state, layers)
            return optax.apply_updates(layers, changes), state, value

        compiled = jax.jit(update, donate_argnums=(0, 1))

        def step():
            nonlocal layers, state
            layers, state, value = compiled(layers, state, there, labels)
            self._kept((layers, value))
            return value

        return step

    def host(self, result):
        return np.asarray(result)

    def wait(self):
        self._jax.block_until_ready(self._last)

    def events(self):
        return None

    def _kept(self, result):
        self._last = result
        return result

    def _there(self, array):
        return self._jax.device_put(array, self._device)

    def _network(self, work):
        jax = self._jax
        f = getattr(jax.nn, work.activation)
        if work.activation == "gelu":
            f = lambda z: jax.nn.gelu(z, approximate=False)  # noqa: E731

        def network(x, layers):
            for W, b in layers[:-1]:
                x = f(x @ W + b)
            W, b = layers[-1]
            return x @ W + b

        return network


ALL = (MLPCore, Torch, CompiledTorch, Jax)


def installed(contender):
    """Return whether the library of a contender can be imported."""
    return importlib.util.find_spec(contender.module) is not None


def versions(contenders):
    """Return the versions of what the contenders are made of, by package."""
    found = {}
    for name in sorted({name for contender in contenders for name in contender.versions}):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
