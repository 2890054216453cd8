"""What all kernels of losses share: their arguments, and the weights of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..product.panels import transpose
from ..rows.columns import Column, largest

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Bits, Int, Real, Truth

_ADDRESSES = ("address", "address", "address", "int", "address", "address")
_KINDS = (*_ADDRESSES, "int", "int", "int", "address")


@contextmanager
def loss_kernel(module: Module, name: str) -> Iterator[LossColumn]:
    """Write the kernel of a loss: the block is what it does for one vector of rows.

    The kernel is called ``name(z, dz, targets, target_stride, weights, losses, features, width,
    rows, settings)``.  With l the loss of a row and w its weight, it writes w dl/dz and w l.

    z, dz : address
        Panels, [features][width]; they may be the same.
    targets, target_stride : address, int
        A class label for each row, 64-bit integers; or numbers of the kernel's dtype, row-major,
        `target_stride` from row to row.
    weights, losses : address
        A number for each row.  What has weight 0 takes no part: its loss and dz are 0, also where
        it holds NaN.
    features, width, rows : int
        The features of a row; the rows that the panel has room for, one vector or more, and those
        that there are.  dz of the others is 0, and nothing of them is read besides z.
    settings : address
        What the loss says, in the kernel's dtype.
    """
    with module.function(name, *_KINDS) as (f, *arguments):
        width = arguments[7]
        with f.loop(0, width, f.lanes) as first:
            yield LossColumn(f, first, *arguments)


class LossColumn:
    """One vector of rows of a panel.

    Attributes
    ----------
    f : Function
        The kernel.
    z, dz : Column
        The logits, and the panel of the result: for numbers of one's own until `put_dz` writes
        over them.
    features : Int
        How many there are in a row.
    settings : Address
        The settings of the loss.
    weight : Real
        The weights of the rows.
    """

    def __init__(
        self,
        f: Function,
        first: Int,
        z: Address,
        dz: Address,
        targets: Address,
        target_stride: Int,
        weights: Address,
        losses: Address,
        features: Int,
        width: Int,
        rows: Int,
        settings: Address,
    ) -> None:
        self.f, self.features, self.settings = f, features, settings
        self.z, self.dz = Column(z, first, width), Column(dz, first, width)
        self._targets, self._target_stride = targets, target_stride
        self._first, self._losses = first, losses
        self._rows = rows - first
        self._mask = f.first_lanes(self._rows)
        self.weight = weights.vector(first, self._mask)
        self._skipped = self.weight.equals(0.0)
        self._hit = f.variable(f.first_lanes(f.int(0)))

    @property
    def known(self) -> Truth:
        """Where the label is a class, once `each_class` has run."""
        return self._hit.value

    def put_dz(self, feature: Int, dz: Real) -> None:
        """Write the weighted gradient."""
        self.dz[feature] = self._skipped.select(0.0, dz * self.weight)

    def put_loss(self, loss: Real) -> None:
        """Write the loss of the rows, which already holds the weight."""
        value = self._skipped.select(0.0, loss)
        self._losses.store(value, self._first, self._mask)

    def largest(self) -> Real:
        """Return the largest logit of each row, NaN apart."""
        return largest(self.f, self.z.__getitem__, self.features)

    @contextmanager
    def each_class(self) -> Iterator[tuple[Int, Truth]]:
        """Run the block for each feature k, with k and where it is the label of the row."""
        f = self.f
        labels: Bits = f.masked_indices(self._targets.ints(self._first), self._mask)
        number = f.variable(f.number(0.0).bits())  # k in every lane
        with f.loop(0, self.features) as k:
            hit = number.value.equals(labels)
            self._hit.value = self._hit.value | hit
            yield k, hit
            number.value = number.value + number.value.like(1)

    @contextmanager
    def each_target(self) -> Iterator[tuple[Int, Real]]:
        """Run the block for each feature k, with k and the rows' targets of that feature.

        Targets lie row after row: a square of rows and features at a time is read and transposed.
        """
        f, lanes = self.f, self.f.lanes
        square = f.buffer(lanes * lanes * f.real_bytes)
        start = self._targets.reals(self._first * self._target_stride)
        with f.loop(0, self.features, lanes) as block:
            vectors = []
            for i in range(lanes):
                there = (self._rows > i).select(self.features - block, f.int(0))
                row = start.reals(self._target_stride * i + block)
                vectors.append(row.vector(0, f.first_lanes(there)))
            for i, column in enumerate(transpose(vectors)):
                square.store(column, i * lanes)
            with f.loop(0, (self.features - block).min(lanes)) as k:
                yield block + k, square.vector(k * lanes)


def write_elementwise(
    module: Module, name: str, each: Callable[[LossColumn, Int, Real, Real], tuple[Real, Real]]
) -> None:
    """Write the kernel of a loss of single elements, summed over the features of a row.

    Parameters
    ----------
    module : Module
        What the kernel belongs to.
    name : str
        Its name.
    each : callable
        ``each(rows, k, z, t)`` gives l and dz of feature k, before weights.
    """
    with loss_kernel(module, name) as rows:
        total = rows.f.variable(rows.f.number(0.0))
        with rows.each_target() as (k, t):
            loss, dz = each(rows, k, rows.z[k], t)
            # Weighted before the sum, a mean stays finite where the sum would overflow.
            total.value = loss.fma(rows.weight, total.value)
            rows.put_dz(k, dz)
        rows.put_loss(total.value)
