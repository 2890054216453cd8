r"""A whole network of widths up to 128 in one launch.

.. math::
    z_l = a_{l-1} W_l^\mathsf{T} + b_l, \qquad a_l = f_l(z_l), \qquad a_0 = x

Activations never leave the chip, and the weights lie in shared memory where they fit.  The kernel
is CUDA C++ (``narrow.cu`` on top of ``thread_tile.cu``), compiled at run time for one network: its
sizes and activations are constants in it.

Each z is the canonical sum: an ascending chain of fused multiply-adds over k from zero, then the
bias.  So a row has the same bits in every batch.
"""

from .kernels import Kept, NarrowKernels
from .layers import WIDEST, NarrowLayer

__all__ = ["WIDEST", "Kept", "NarrowKernels", "NarrowLayer"]
