"""What happens to some rows in a pass that is differentiated, step by step, both ways.

Products take a part of a layer's outputs or features, all that lies between them takes whole panels
of rows: so one thread can take its own rows through all steps, or all threads the same rows through
one step after the other.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .parts import bounds_of_part
from .recorded_layer import RecordedLayer
from .tile import BLOCK
from .words import DropoutWords, LayerWords, NetworkWords, NormWords, PassWords, RecordWords

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int

_ROWS = ("address", "int", "int")
_LAYER = ("address", "int", "int", "int")


def write_forward_steps(module: Module) -> None:
    """Write the steps of the way forward, for `rows` rows from `start` on, whole panels.

    ``enter(job, start, rows, panels, part, parts)`` brings a part of the input into panels.
    ``forward_product(job, layer, start, rows, panels, part, parts)`` computes a part of a layer's
    product; the first reads those panels.  ``forward_between(job, layer, start, rows)`` does all
    that comes between this product and the next.  ``forward_kept(job, layer, start, rows, part,
    parts)`` writes a part of the layer's result row after row, where somebody reads it so.
    """
    with module.function("enter", *_ROWS, "address", "int", "int", private=True) as kernel:
        f, job, start, rows, panels, part, parts = kernel
        network, width = job.address(PassWords.NETWORK), job.int(PassWords.WIDTH)
        features, nothing = network.int(NetworkWords.FEATURES), f.int(0).as_address()
        x, ldx = job.address(PassWords.X), job.int(PassWords.LDX)
        k, end = bounds_of_part(features, part, parts, f.lanes)
        with f.loop(0, rows, width) as r:
            f.call_at(
                network.address(NetworkWords.INTO_PANEL),
                *(x.reals((start + r) * ldx + k), ldx, (rows - r).min(width), end - k),
                *(panels.reals(r * features + k * width), width, nothing, nothing),
            )
    kinds = (*_LAYER, "address", "int", "int")
    with module.function("forward_product", *kinds, private=True) as kernel:
        f, job, index, start, rows, panels, part, parts = kernel
        layer, before = RecordedLayer(job, index), RecordedLayer(job, (index - 1).max(0))
        source = index.equals(0).select(panels, before.panel(RecordWords.Y, start))
        z, a = layer.panel(RecordWords.Z, start), layer.panel(RecordWords.A, start)
        # Whole panels: what lies in the lanes beyond the batch is never read.
        width = job.int(PassWords.WIDTH)
        padded = rows.ceil_div(width) * width
        f.call_at(job.address(PassWords.LAYER), layer.words, source, z, a, padded, part, parts)
    with module.function("forward_between", *_LAYER, private=True) as (f, job, index, start, rows):
        layer, width = RecordedLayer(job, index), job.int(PassWords.WIDTH)
        with f.loop(0, rows, width) as r:
            _activate_rows(f, layer, start + r, width)
            _normalize(f, layer, start + r, width)
            _drop(f, job, layer, start + r, width)
    with module.function("forward_kept", *_LAYER, "int", "int", private=True) as kernel:
        f, job, index, start, rows, part, parts = kernel
        layer = RecordedLayer(job, index)
        to, stride = layer.record.address(RecordWords.ROWS), layer.record.int(RecordWords.STRIDE)
        own = bounds_of_part(layer.outputs, part, parts, f.lanes)
        with f.when(to.as_int() > 0):
            _into_rows(f, job, layer, start, rows, to, stride, *own)
        layers = job.address(PassWords.NETWORK).int(NetworkWords.LAYERS)
        y, ldy = job.address(PassWords.Y), job.int(PassWords.LDY)
        with f.when((index + 1 >= layers) & (y.as_int() > 0)):
            _into_rows(f, job, layer, start, rows, y, ldy, *own)


def _activate_rows(f: Function, layer: RecordedLayer, row: Int, width: Int) -> None:
    """Apply the activation of whole rows that follows the product, if there is one."""
    kernel = layer.words.address(LayerWords.ROW_ACTIVATION)
    with f.when(kernel.as_int() > 0):
        z, a = layer.panel(RecordWords.Z, row), layer.panel(RecordWords.A, row)
        f.call_at(kernel, z, a, layer.outputs, width)


def _normalize(f: Function, layer: RecordedLayer, row: Int, width: Int) -> None:
    """Normalise a panel of z, if the layer does, and apply the activation that follows."""
    record, norm = layer.record, layer.record.address(RecordWords.NORM)
    z, n, a = (layer.panel(word, row) for word in (RecordWords.Z, RecordWords.N, RecordWords.A))
    with f.when(norm.as_int() > 0):
        f.call_at(norm.address(NormWords.FORWARD), norm, z, n, layer.outputs, width, row)
        by_element = record.address(RecordWords.ACTIVATION)
        with f.when(by_element.as_int() > 0):
            f.call_at(by_element, n, a, layer.outputs * width, record.address(RecordWords.SETTINGS))
        by_row = record.address(RecordWords.ROW_ACTIVATION)
        with f.when(by_row.as_int() > 0):
            f.call_at(by_row, n, a, layer.outputs, width)


def _drop(f: Function, job: Address, layer: RecordedLayer, row: Int, width: Int) -> None:
    """Drop some of a panel of a, if the layer does."""
    dropout = layer.record.address(RecordWords.DROPOUT)
    with f.when(dropout.as_int() > 0):
        f.call_at(
            dropout.address(DropoutWords.FORWARD),
            *(layer.panel(RecordWords.A, row), layer.panel(RecordWords.Y, row)),
            dropout.address(DropoutWords.KEPT).bytes(row * layer.outputs),
            *(layer.outputs, width, job.int(PassWords.FIRST_ROW) + row),
            *(job.int(PassWords.SEED), job.int(PassWords.STEP), dropout.int(DropoutWords.LAYER)),
            *(dropout.int(DropoutWords.THRESHOLD), dropout.ints(DropoutWords.SCALE).real()),
        )


def _into_rows(
    f: Function,
    job: Address,
    layer: RecordedLayer,
    start: Int,
    rows: Int,
    to: Address,
    stride: Int,
    first: Int,
    end: Int,
) -> None:
    """Write some features of y row after row, the first row of the batch to `to`."""
    width = job.int(PassWords.WIDTH)
    with f.loop(0, rows, width) as r:
        panel = layer.panel(RecordWords.Y, start + r).reals(first * width)
        f.call_at(
            job.address(PassWords.NETWORK).address(NetworkWords.FROM_PANEL),
            *(panel, width, (rows - r).min(width), end - first),
            *(to.reals((start + r) * stride + first), stride),
        )


def write_backward_steps(module: Module) -> None:
    """Write the steps of the way back, for `rows` rows from `start` on, whole panels.

    ``backward_result(job, start, rows)`` writes the gradient of the last layer's result, and takes
    it back through what made that.  ``backward_norm(job, layer, start, rows)`` takes a gradient
    back to what the layer's product gave.  ``backward_product(job, layer, start, rows, panels,
    copied, part, parts)`` computes a part of the features of the gradient of the layer's input, of
    the first in those panels; what it copies is for this thread alone.  ``backward_rest(job, layer,
    start, rows, panels)`` does what is left of the way to the layer before, or to the input.
    ``backward_strips(job, layer, start, rows, part, parts)`` writes dz, some outputs of it, as the
    gradients of the parameters read it, when no product reads it any more.
    """
    with module.function("backward_result", *_ROWS, private=True) as (f, job, start, rows):
        last = job.address(PassWords.NETWORK).int(NetworkWords.LAYERS) - 1
        _from_result(f, job, RecordedLayer(job, last), start, rows)
    with module.function("backward_norm", *_LAYER, private=True) as (f, job, index, start, rows):
        width = job.int(PassWords.WIDTH)
        with f.loop(0, rows, width) as r:
            _through_norm(f, RecordedLayer(job, index), start + r, width)
    kinds = (*_LAYER, "address", "address", "int", "int")
    with module.function("backward_product", *kinds, private=True) as kernel:
        f, job, index, start, rows, panels, copied, part, parts = kernel
        layer, before = RecordedLayer(job, index), RecordedLayer(job, (index - 1).max(0))
        width, inner = job.int(PassWords.WIDTH), index > 0
        da = inner.select(before.panel(RecordWords.DY, start), panels)
        product = _through_product(f, job, layer, start, rows, da, copied, part, parts)
        with product as (r, k, height), f.when(inner):
            _through_elements(f, before, start + r, k, height, width)
    with module.function("backward_rest", *_LAYER, "address", private=True) as kernel:
        f, job, index, start, rows, panels = kernel
        layer, before = RecordedLayer(job, index), RecordedLayer(job, (index - 1).max(0))
        dx, lddx = job.address(PassWords.DX), job.int(PassWords.LDDX)
        width = job.int(PassWords.WIDTH)
        with f.loop(0, rows, width) as r, f.either(index > 0) as (inner, outer):
            with inner:
                _through_rows(f, before, start + r, width)
            with outer, f.when(dx.as_int() > 0):
                f.call_at(
                    job.address(PassWords.NETWORK).address(NetworkWords.FROM_PANEL),
                    *(panels.reals(r * layer.features), width, (rows - r).min(width)),
                    *(layer.features, dx.reals((start + r) * lddx), lddx),
                )
    with module.function("backward_strips", *_LAYER, "int", "int", private=True) as kernel:
        f, job, index, start, rows, part, parts = kernel
        layer, width = RecordedLayer(job, index), job.int(PassWords.WIDTH)
        to = layer.record.address(RecordWords.STRIPS).reals(start * layer.outputs)
        dz = layer.panel(RecordWords.DZ, start)
        begin, end = bounds_of_part(layer.words.int(LayerWords.PANELS), part, parts)
        with f.loop(0, rows, width) as r, f.loop(begin, end) as number:
            o, height = layer.panel_of_outputs(number)
            at = r * layer.outputs + o * width
            f.call("strips", dz.reals(at), to.reals(at), width, height)


def _from_result(f: Function, job: Address, last: RecordedLayer, start: Int, rows: Int) -> None:
    """Write the gradient of the last layer's result, and take it back through what made that."""
    width = job.int(PassWords.WIDTH)
    with f.either(job.address(PassWords.LOSS).as_int() > 0) as (lost, given):
        with lost, f.loop(0, rows, width) as r:
            _loss(f, job, last, start + r, (rows - r).min(width), width)
        with given, f.loop(0, rows, width) as r:
            dy, lddy = job.address(PassWords.DY), job.int(PassWords.LDDY)
            nothing = f.int(0).as_address()
            f.call_at(
                job.address(PassWords.NETWORK).address(NetworkWords.INTO_PANEL),
                *(dy.reals((start + r) * lddy), lddy, (rows - r).min(width), last.outputs),
                *(last.panel(RecordWords.DY, start + r), width, nothing, nothing),
            )
    with f.loop(0, rows, width) as r:
        _through_elements(f, last, start + r, f.int(0), last.outputs, width)
        _through_rows(f, last, start + r, width)


@contextmanager
def _through_product(
    f: Function,
    job: Address,
    layer: RecordedLayer,
    start: Int,
    rows: Int,
    da: Address,
    copied: Address,
    part: Int,
    parts: Int,
) -> Iterator[tuple[Int, Int, Int]]:
    """Write a part of the features of the gradient of a layer's input to the panels `da`.

    Run the block for each part that is whole, with its first row and feature and the number of its
    features.  All rows use some outputs of the weight before any uses the next: what they read of
    it stays in the second cache, where the rows of a wide weight share few sets.
    """
    width, step = job.int(PassWords.WIDTH), job.int(PassWords.GRADIENT_STEP)
    W, dz = layer.record.address(RecordWords.WEIGHT), layer.panel(RecordWords.DZ, start)
    first, end = bounds_of_part(layer.features, part, parts, job.int(PassWords.GRADIENT_UNIT))
    with f.loop(0, layer.outputs, BLOCK) as o, f.loop(first, end, step) as k:
        height = (end - k).min(step)
        f.call_at(
            job.address(PassWords.GRADIENT),
            *(W.reals(o * layer.features), (layer.outputs - o).min(BLOCK), layer.features),
            *(dz.reals(o * width), layer.outputs * width, da, width, rows.ceil_div(width)),
            *(k, height, o.equals(0).as_int(), copied),
        )
        with f.when(o + BLOCK >= layer.outputs), f.loop(0, rows, width) as r:
            yield r, k, height


def _loss(f: Function, job: Address, last: RecordedLayer, row: Int, there: Int, width: Int) -> None:
    f.call_at(
        job.address(PassWords.LOSS),
        *(last.panel(RecordWords.Y, row), last.panel(RecordWords.DY, row)),
        job.address(PassWords.TARGETS).bytes(row * job.int(PassWords.TARGET_BYTES)),
        job.int(PassWords.TARGET_STRIDE),
        job.address(PassWords.WEIGHTS).reals(row),
        job.address(PassWords.LOSSES).reals(row),
        *(last.outputs, width, there, job.address(PassWords.LOSS_SETTINGS)),
    )


_ACTIVATED = (RecordWords.N, RecordWords.A, RecordWords.DA, RecordWords.DN)
"""What an activation reads and writes on the way back."""


def _through_elements(
    f: Function, layer: RecordedLayer, row: Int, feature: Int, count: Int, width: Int
) -> None:
    """Take `count` features of dy back through dropout and an activation of elements."""
    at = feature * width
    dropout = layer.record.address(RecordWords.DROPOUT)
    with f.when(dropout.as_int() > 0):
        f.call_at(
            dropout.address(DropoutWords.BACKWARD),
            layer.panel(RecordWords.DY, row).reals(at),
            layer.panel(RecordWords.DA, row).reals(at),
            dropout.address(DropoutWords.KEPT).bytes(row * layer.outputs + at),
            *(count * width, dropout.ints(DropoutWords.SCALE).real()),
        )
    kernel = layer.record.address(RecordWords.BACKWARD)
    with f.when(kernel.as_int() > 0):
        places = [layer.panel(word, row).reals(at) for word in _ACTIVATED]
        f.call_at(kernel, *places, count * width, layer.record.address(RecordWords.SETTINGS))


def _through_rows(f: Function, layer: RecordedLayer, row: Int, width: Int) -> None:
    """Take a panel of da back through an activation of whole rows, if there is one."""
    kernel = layer.record.address(RecordWords.ROW_BACKWARD)
    with f.when(kernel.as_int() > 0):
        f.call_at(kernel, *(layer.panel(word, row) for word in _ACTIVATED), layer.outputs, width)


def _through_norm(f: Function, layer: RecordedLayer, row: Int, width: Int) -> None:
    """Take a panel of dn back through the normalisation, if there is one."""
    norm = layer.record.address(RecordWords.NORM)
    with f.when(norm.as_int() > 0):
        words = (RecordWords.Z, RecordWords.DN, RecordWords.DZ)
        places = [layer.panel(word, row) for word in words]
        f.call_at(norm.address(NormWords.BACKWARD), norm, *places, layer.outputs, width, row)
