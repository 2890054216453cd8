r"""How many floating-point operations a network takes, above all its matrix products.

With B rows and layers l whose weights have the shape :math:`(m_l, n_l)`, outputs by inputs:

.. math::
    F_\text{inference} = \sum_{l} 2\,B\,m_l n_l, \qquad
    F_\text{training} = 3\,F_\text{inference} - 2\,B\,m_0 n_0

A multiply-add counts as two operations; some published tables count it as one and show half of
these figures.  Biases, activations and the update are not counted; normalisations, noise, dropout
and residual connections count the operations of their formulas (`operation_flops`).  Training has
three products of the same size in each layer, z = x Wᵀ, dW = dzᵀ x and dx = dz W, less the last one
in the first layer, where nobody asks for the gradient of the input.
"""

from collections.abc import Iterable

from mlpcore.program import Stage, Step


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


def operation_flops(stage: Stage, product: int, rows: int = 1, *, training: bool) -> int:
    """Return the operations of what is applied around the matrix product of a stage.

    Parameters
    ----------
    stage : Stage
        The stage.
    product : int
        How wide the result of its product is.
    rows : int
        B, the number of samples.
    training : bool
        Whether to count a forward and a backward pass of a training step.
    """

    def following(steps: tuple[Step, ...], width: int) -> int:
        count = 0
        for step in steps:
            count += rows * width * step.operation.flops(training)
            width = step.operation.out_features(width)
        return count

    return following(stage.before, stage.in_features) + following(stage.after, product)


def counted_operations(stages: Iterable[Stage]) -> tuple[str, ...]:
    """Return the kinds of operations of which `operation_flops` counts any, each once."""
    steps = (step for stage in stages for step in stage.steps)
    kinds = (step.operation.kind for step in steps if step.operation.flops(training=True))
    return tuple(dict.fromkeys(kinds))
