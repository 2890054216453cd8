"""How much work a row of a batch is, and the bytes that every call must read.

The formulas are those of `mlpcore.inspect.flops`: two operations for each multiply-add of a matrix
product, and in training no gradient of the input, for which nobody asks.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from mlpcore.bench.spec import Mode
from mlpcore.inspect.flops import inference_flops, training_flops


def flops_per_sample(layers: Sequence[int], mode: Mode = "inference") -> int:
    """Return the operations of one row: 784-512-256-10 has 1,070,080 in inference."""
    count = inference_flops if mode == "inference" else training_flops
    return count(pairwise(layers))


def weight_bytes(layers: Sequence[int], dtype: str) -> int:
    """Return the bytes of all W and b, which every call reads at least once."""
    itemsize = np.dtype(dtype).itemsize
    return itemsize * sum((in_ + 1) * out for in_, out in pairwise(layers))
