r"""cuBLASLt: matrix products with a bias, an activation or their gradients in the same kernel.

A thin layer over the library that CuPy's own products use, called through ctypes.  It speaks of a
layer on arrays with contiguous rows: x (rows, inputs), W (outputs, inputs), b (outputs,), z and a
(rows, outputs),

.. math::
    z = x W^\mathsf{T} + b, \qquad
    \mathrm{d}x = \mathrm{d}z\, W, \qquad
    \mathrm{d}W = \mathrm{d}z^\mathsf{T} x, \qquad \mathrm{d}b = \sum_r \mathrm{d}z_r,

and what is fused with a product is named by an `Epilogue`.  What the library cannot do, or cannot
be asked because it is not there, is `Refused`, and the caller computes it in another way.

`forward_epilogue` and `backward_epilogue` say which epilogue an activation has, and where cuBLASLt
departs from the reference: its ReLU of NaN is 0 and its derivative at 0 is 1.

Sources: NVIDIA's cuBLAS documentation, chapter "Using the cuBLASLt API", and the comments of
``cublasLt.h``; what they leave open, as far as known from NVIDIA's nvmath-python, is said where it
matters.
"""

from .activations import backward_epilogue, forward_epilogue
from .auxiliary import empty_auxiliary
from .epilogue import Epilogue
from .layer import affine, input_gradient, weight_gradient
from .plans import forget_plans
from .refused import Refused

__all__ = [
    "Epilogue",
    "Refused",
    "affine",
    "backward_epilogue",
    "empty_auxiliary",
    "forget_plans",
    "forward_epilogue",
    "input_gradient",
    "weight_gradient",
]
