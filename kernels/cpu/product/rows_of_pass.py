"""A chunk of rows in a pass that is differentiated: forward and back, from one stop to the next.

The stops are the layers whose normalisation needs the whole batch; the beginning and the end of the
network are stops, too.  Between two stops a chunk needs no other row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .words import NetworkWords, PassWords

if TYPE_CHECKING:
    from ..codegen.function import Module

_KINDS = ("address", "int", "int", "address", "int", "int")


def write_forward_rows(module: Module) -> None:
    """Write `forward_rows(job, start, rows, scratch, begin, end)`: a chunk, with its record.

    It goes from layer `begin`, whose product is there, or from the input where that is -1, to the
    product of layer `end`, or to the result where that is the number of layers.
    """
    with module.function("forward_rows", *_KINDS, private=True) as kernel:
        f, job, start, rows, scratch, begin, end = kernel
        layers = job.address(PassWords.NETWORK).int(NetworkWords.LAYERS)
        whole = f.int(0), f.int(1)
        with f.when(begin < 0):
            f.call("enter", job, start, rows, scratch, *whole)
        with f.loop(begin.max(0), (end + 1).min(layers)) as index:
            with f.when(index > begin):
                f.call("forward_product", job, index, start, rows, scratch, *whole)
            with f.when(index < end):
                f.call("forward_between", job, index, start, rows)
                f.call("forward_kept", job, index, start, rows, *whole)


def write_backward_rows(module: Module) -> None:
    """Write `backward_rows(job, start, rows, scratch, begin, end)`: a chunk on its way back.

    It goes from the gradient of what layer `begin` has normalised, or from the result where that is
    the number of layers, to the same of layer `end`, or to the input where that is -1.
    """
    with module.function("backward_rows", *_KINDS, private=True) as kernel:
        f, job, start, rows, scratch, begin, end = kernel
        layers = job.address(PassWords.NETWORK).int(NetworkWords.LAYERS)
        whole = f.int(0), f.int(1)
        panels = scratch.reals(job.int(PassWords.COPIED))
        with f.when(begin >= layers):
            f.call("backward_result", job, start, rows)
        top = begin.min(layers - 1)
        with f.loop(0, top - end) as back:
            index = top - back
            f.call("backward_norm", job, index, start, rows)
            with f.when((index > 0) | (job.address(PassWords.DX).as_int() > 0)):
                places = (panels, scratch)
                f.call("backward_product", job, index, start, rows, *places, *whole)
            f.call("backward_rest", job, index, start, rows, panels)
            f.call("backward_strips", job, index, start, rows, *whole)
