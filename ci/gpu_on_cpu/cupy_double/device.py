"""The double of the GPU, in one object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..cublaslt_double.product import CublasLt
from ..errors import CaptureError
from ..settings import Check, Order
from .blas import Blas
from .counters import Counters
from .current import CurrentDevice
from .emulates import emulated_by
from .memory import Memory
from .modules import Modules
from .properties import Properties
from .streams import Streams

#: CUDA refuses these while a stream records a graph, or while any does unless the thread has asked
#: otherwise (CUDA Runtime API, "Stream management", cudaStreamBeginCapture).
_NOT_IN_A_GRAPH = frozenset(
    f"runtime.{name}"
    for name in (
        "malloc", "free", "hostAlloc", "freeHost", "memcpy", "memset",
        "deviceSynchronize", "streamSynchronize", "streamQuery", "eventSynchronize", "eventQuery",
    )
)  # fmt: skip


class Device:
    """A GPU that is a CPU.

    Parameters
    ----------
    check : int
        A sum of `Check` flags.
    order : str or Order
        ``"forward"``, ``"reverse"`` or ``"random"``.
    seed : int
        Chooses among the random orders.
    compute_capability : tuple of int
        For which NVRTC compiles.
    """

    def __init__(
        self,
        check: int = Check.ALL,
        order: str | Order = Order.FORWARD,
        seed: int = 0,
        compute_capability: tuple[int, int] = (9, 0),
    ) -> None:
        self.counters = Counters()
        self.compute_capability = compute_capability
        current = CurrentDevice()
        self.memory = Memory(self.counters, current)
        self.streams = Streams(self.counters)
        self.modules = Modules(
            self.counters, self.memory, self.streams, current, int(check), Order.of(order), seed
        )
        self.blas = Blas(self.counters, self.memory)
        self.cublaslt = CublasLt(self.counters, self.memory, self.streams)
        parts = (
            self.memory, self.streams, self.modules, self.blas, self.cublaslt,
            Properties(compute_capability, current),
        )  # fmt: skip
        self._functions: dict[str, Callable[..., object]] = {
            name: method for part in parts for name, method in emulated_by(part)
        }

    def call(self, name: str, *arguments: object) -> object:
        """Do what a CUDA function does; CuPy's function tables end here.

        Raises
        ------
        NotImplementedError
            For a function that has no double.
        CaptureError
            For one that may not be called now; see `capturing`.
        """
        function = self._functions.get(name)
        if function is None:
            raise NotImplementedError(f"gpu_on_cpu does not emulate {name}")
        if self.streams.capturing and name in _NOT_IN_A_GRAPH:
            raise CaptureError(f"{name} was called while a stream records a graph")
        return function(*arguments)

    def reset_counters(self) -> None:
        """Set all counters to zero."""
        self.counters.__dict__.update(Counters().__dict__)

    @contextmanager
    def order(self, order: str | Order, seed: int = 0) -> Iterator[None]:
        """Run threads in another order for a while."""
        before = self.modules.order, self.modules.seed
        self.modules.order, self.modules.seed = Order.of(order), seed
        try:
            yield
        finally:
            self.modules.order, self.modules.seed = before

    @contextmanager
    def capturing(self) -> Iterator[None]:
        """Refuse what CUDA refuses while a stream records a graph.

        Nothing is recorded: what is asked for is done at once, as ever.
        """
        self.streams.capturing = True
        try:
            yield
        finally:
            self.streams.capturing = False

    @contextmanager
    def exact_bounds(self) -> Iterator[None]:
        """Allocate without CuPy's memory pool for a while.

        The pool rounds every size up to 512 bytes and cuts arrays from larger pieces, so that a
        kernel may run past the end of an array unnoticed.  Without it each array is an allocation
        of its own, of exactly its size.
        """
        import cupy

        before = cupy.cuda.get_allocator()
        cupy.cuda.set_allocator(cupy.cuda.memory._malloc)
        try:
            yield
        finally:
            cupy.cuda.set_allocator(before)
