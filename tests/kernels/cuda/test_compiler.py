"""The PTX of the kernels, looked at without running it; for machine code see ci/machine_code."""

import re

import numpy as np
import pytest

from mlpcore.kernels.cuda import column_sums, dropout, elementwise, sums
from mlpcore.kernels.cuda.compiler import ptx_of
from mlpcore.kernels.cuda.losses import cross_entropy, elements, nll
from mlpcore.kernels.cuda.losses import soft_cross_entropy as soft
from mlpcore.kernels.cuda.norms import batch_kernels, gradient_sums, layer_kernels
from mlpcore.kernels.cuda.optimizers.sweep import update
from mlpcore.kernels.cuda.rows import softmax

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)

# One variant of each kernel.
KERNELS = {
    "activation": (elementwise.activation, ("mish", True)),
    "bias_activation": (elementwise.bias_activation, ("gelu", True, True, True)),
    "activation_product": (elementwise.activation_product, ("gelu", True)),
    "softmax": (softmax.softmax, (32,)),
    "softmax of long rows": (softmax.softmax, (256,)),
    "log_softmax": (softmax.log_softmax, (32,)),
    "logsumexp": (softmax.logsumexp, (32,)),
    "softmax_product": (softmax.softmax_product, (32,)),
    "log_softmax_product": (softmax.log_softmax_product, (256,)),
    "cross_entropy": (cross_entropy.cross_entropy, (32, True)),
    "label_terms": (soft.label_terms, (256, True, True)),
    "distribution_terms": (soft.distribution_terms, (32, False, True)),
    "nll": (nll.nll, (256, True)),
    "elements": (elements.elements, ("binary_cross_entropy", 32, True, True)),
    "update": (update, ("adam", True, True)),
    "chunk_sums": (sums.chunk_sums, ()),
    "block_sums": (column_sums.block_sums, ()),
    "masked": (dropout.masked, (True,)),
    "block_moments": (batch_kernels.block_moments, ()),
    "normalized": (batch_kernels.normalized, (True,)),
    "batch_gradient": (batch_kernels.batch_gradient, (True,)),
    "gradients_of_blocks": (gradient_sums.gradients_of_blocks, (True,)),
    "both_sums": (gradient_sums.both_sums, ()),
    "row_normalized": (layer_kernels.row_normalized, (256,)),
    "row_gradient": (layer_kernels.row_gradient, (32,)),
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_float32_kernel_computes_nothing_in_double_precision(kernel):
    factory, variant = KERNELS[kernel]
    text = ptx_of(factory, F32, variant, (9, 0))
    assert not re.search(r"\.f64\b", text)


@pytest.mark.parametrize(
    "kernel", ["activation", "bias_activation", "activation_product", "update"]
)
def test_aligned_arrays_are_read_and_written_16_bytes_at_a_time(kernel):
    factory, variant = KERNELS[kernel]
    text = ptx_of(factory, F32, variant, (9, 0))
    arrays = {"activation": 1, "bias_activation": 2, "activation_product": 2, "update": 4}[kernel]
    assert len(re.findall(r"ld\.global\.v4\.f32", text)) == arrays
    assert len(re.findall(r"st\.global\.v4\.f32", text)) == {"bias_activation": 2, "update": 3}.get(
        kernel, 1
    )


def test_no_kernel_flushes_small_numbers_or_approximates_a_quotient_or_a_root():
    for factory, variant in KERNELS.values():
        text = ptx_of(factory, F32, variant, (9, 0))
        assert not re.search(r"(add|sub|mul|fma|div|sqrt)\S*\.ftz", text)
        assert not re.search(r"(div|sqrt)\.(approx|full)", text)


def test_the_version_is_one_that_the_oldest_driver_of_cuda_12_reads():
    factory, variant = KERNELS["chunk_sums"]
    for capability in ((7, 5), (8, 0), (9, 0)):
        assert ".version 8.0\n" in ptx_of(factory, F32, variant, capability)


@pytest.mark.parametrize(
    ("kernel", "blocks"), [("update", {F32: 4, F64: 3}), ("label_terms", {F32: 4, F64: 4})]
)
def test_so_many_blocks_fit_together_as_is_usual_for_the_dtype_or_as_the_kernel_asks(
    kernel, blocks
):
    factory, variant = KERNELS[kernel]
    for dtype, count in blocks.items():
        text = ptx_of(factory, dtype, variant, (9, 0))
        assert re.search(rf"^\.minnctapersm {count}$", text, re.MULTILINE)
