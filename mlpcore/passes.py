"""What a forward and a backward pass hand to the user: a cache and the gradients."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlpcore.backends.arrays import send_back
from mlpcore.backends.base import Backend
from mlpcore.backends.bound import Backward, BoundProgram, Tape
from mlpcore.batch import Batch
from mlpcore.cached import cached_property


@dataclass(frozen=True)
class LayerCache:
    """The values of one layer in a forward pass.

    Attributes
    ----------
    z : array, shape (..., out)
        The pre-activation.
    a : array, shape (..., out)
        The activation, a = f(z); for a layer without one it is z.
    """

    z: Any
    a: Any


class Cache:
    """What `MLP.forward` keeps for `MLP.backward`.

    Attributes
    ----------
    x : array, shape (..., features)
        The input, in the kind and shape in which it came but in the model's dtype.
    layers : tuple of LayerCache
        The pre-activation z and the activation a of each layer.

    Notes
    -----
    The values are those of the pass.  Whether the backward pass reads these very arrays depends on
    the engine that computed it: where it does, writing into them, or into an `x` that needed no
    conversion, changes the gradients; where it keeps panels of its own, the arrays of the layers
    are copies made when they are first asked for.
    """

    def __init__(self, tape: Tape, batch: Batch, backend: Backend) -> None:
        self.tape = tape
        self.batch = batch
        self._backend = backend

    @cached_property
    def x(self) -> Any:
        """The input of the network."""
        return self.batch.give(self._backend, self.batch.rows)

    @cached_property
    def layers(self) -> tuple[LayerCache, ...]:
        """The values of each layer."""
        give = self.batch.give
        return tuple(
            LayerCache(give(self._backend, record.z), give(self._backend, record.a))
            for record in self.tape.records
        )

    def __repr__(self) -> str:
        lead = "×".join(map(str, self.batch.lead)) or "one sample"
        return f"Cache({lead}, {len(self.tape.records)} layers)"


@dataclass(frozen=True)
class LayerGradients:
    """The gradients of one layer.

    Attributes
    ----------
    weight : array, shape (out, in)
        dW, a view of `Gradients.flat`.
    bias : array, shape (out,), or None
        db, or None where the layer has no bias.
    dz, da : array, shape (..., out), or None
        The gradients of pre-activation and activation, where ``intermediates=True`` asked for them.
    """

    weight: Any
    bias: Any = None
    dz: Any = None
    da: Any = None


class Gradients(Mapping[str, Any]):
    """The gradients of one backward pass; a mapping from parameter names to arrays.

    Attributes
    ----------
    layers : tuple of LayerGradients
        By layer.
    flat : array
        All of them in one vector, laid out as the parameters are, with zeros in the holes.
    input : array, shape (..., features), or None
        The gradient of the input.
    loss, penalty, objective : array of shape () or None
        The data loss L, the L2 penalty s = λ/2 ΣW² and the objective J = L + s; None after a plain
        ``backward``, which knows only dz.
    """

    loss: Any = None
    penalty: Any = None
    objective: Any = None

    def __init__(self, result: Backward, batch: Batch, bound: BoundProgram) -> None:
        backend, kind = bound.backend, batch.kind

        def give(array: Any) -> Any:
            return None if array is None else batch.give(backend, array)

        # Crosses the bus once; the named arrays are views of what arrived.
        flat = result.flat if kind.on_gpu else backend.to_host(result.flat)
        self.flat = send_back(flat, kind)
        named = bound.parameters.layout.views(flat)
        self._views = {name: send_back(view, kind) for name, view in named.items()}
        self.input = give(result.dx)
        self.layers = tuple(
            LayerGradients(
                self._views[f"layers.{stage.index}.weight"],
                self._views.get(f"layers.{stage.index}.bias"),
                give(result.dz.get(stage.index)),
                give(result.da.get(stage.index)),
            )
            for stage in bound.program.stages
        )

    def __getitem__(self, name: str) -> Any:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        return f"Gradients({', '.join(f'{n}: {tuple(v.shape)}' for n, v in self.items())})"
