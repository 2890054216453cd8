r"""How many floating-point operations the matrix products of a network are.

With B rows and layers l whose weights have the shape :math:`(m_l, n_l)`, outputs by inputs:

.. math::
    F_\text{inference} = \sum_{l} 2\,B\,m_l n_l, \qquad
    F_\text{training} = 3\,F_\text{inference} - 2\,B\,m_0 n_0

A multiply-add counts as two operations; some published tables count it as one and show half of
these figures.  Biases, activations and the update are not counted.  Training has three products of
the same size in each layer, z = x Wᵀ, dW = dzᵀ x and dx = dz W, less the last one in the first
layer, where nobody asks for the gradient of the input.
"""

from collections.abc import Iterable


def inference_flops(products: Iterable[tuple[int, int]], rows: int = 1) -> int:
    """Return the operations of the matrix products of a forward pass.

    Parameters
    ----------
    products : iterable of (int, int)
        The two widths of each layer, in either order; `itertools.pairwise` makes them from a list
        of widths.
    rows : int
        B, the number of samples.

    Examples
    --------
    >>> from itertools import pairwise
    >>> inference_flops(pairwise([784, 512, 256, 10]))
    1070080
    """
    return sum(2 * rows * m * n for m, n in products)


def training_flops(
    products: Iterable[tuple[int, int]], rows: int = 1, *, input_gradient: bool = False
) -> int:
    """Return the operations of the matrix products of a forward and a backward pass.

    Parameters
    ----------
    products, rows
        As for `inference_flops`.
    input_gradient : bool
        Whether the first layer computes dx = dz W too.

    Examples
    --------
    >>> from itertools import pairwise
    >>> training_flops(pairwise([784, 256, 10]))
    818176
    """
    each = [inference_flops([product], rows) for product in products]
    return 3 * sum(each) - (0 if input_gradient else sum(each[:1]))
