r"""The products of a layer for small problems, in one launch each.

.. math::
    a = f(x W^\mathsf{T} + b), \qquad
    \mathrm{d}x = \mathrm{d}z\, W, \qquad
    \mathrm{d}W = \mathrm{d}z^\mathsf{T} x

One tiled kernel in CUDA C++ (``tiled.cu``), compiled at run time.  It sums as the CPU's kernels do,
chains of 256 features or 64 rows added in ascending order, so that a row has the same bits in every
batch, and the same as in a narrow network.
"""

from .products import affine, input_gradient, weight_gradient

__all__ = ["affine", "input_gradient", "weight_gradient"]
