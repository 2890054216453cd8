"""What the compiler makes of the kernels, looked at without running it."""

import os
import re
import subprocess

import numpy as np
import pytest

from mlpcore.kernels.cuda import column_sums, dropout, elementwise, sums
from mlpcore.kernels.cuda.compiler import ptx_of
from mlpcore.kernels.cuda.losses import cross_entropy, elements, nll, row_weights
from mlpcore.kernels.cuda.losses import soft_cross_entropy as soft
from mlpcore.kernels.cuda.optimizers.sweep import update
from mlpcore.kernels.cuda.rows import softmax

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
CAPABILITIES = [(7, 5), (8, 0), (9, 0), (10, 0), (12, 0)]

# One variant of each kernel, and how many registers a thread of it may have.
KERNELS = {
    "activation": (elementwise.activation, ("mish", True), 64),
    "bias_activation": (elementwise.bias_activation, ("gelu", True, True, True), 64),
    "activation_product": (elementwise.activation_product, ("gelu", True), 64),
    "softmax": (softmax.softmax, (32,), 40),
    "softmax of long rows": (softmax.softmax, (256,), 40),
    "log_softmax": (softmax.log_softmax, (32,), 48),
    "logsumexp": (softmax.logsumexp, (32,), 48),
    "softmax_product": (softmax.softmax_product, (32,), 40),
    "log_softmax_product": (softmax.log_softmax_product, (256,), 48),
    "cross_entropy": (cross_entropy.cross_entropy, (32, True), 64),
    "label_terms": (soft.label_terms, (256, True, True), 64),
    "distribution_terms": (soft.distribution_terms, (32, False, True), 64),
    "nll": (nll.nll, (256, True), 40),
    "elements": (elements.elements, ("binary_cross_entropy", 32, True, True), 64),
    "update": (update, ("adam", True, True), 64),
    "chunk_sums": (sums.chunk_sums, (), 48),
    "block_sums": (column_sums.block_sums, (), 48),
    "masked": (dropout.masked, (True,), 64),
}
SHARES = (row_weights.shares, (True, "single*", True, True, True, "single*"))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_float32_kernel_computes_nothing_in_double_precision(kernel):
    factory, variant, _ = KERNELS[kernel]
    text = ptx_of(factory, F32, variant, (9, 0))
    assert not re.search(r"\.f64\b", text)


@pytest.mark.parametrize(
    "kernel", ["activation", "bias_activation", "activation_product", "update"]
)
def test_aligned_arrays_are_read_and_written_16_bytes_at_a_time(kernel):
    factory, variant, _ = KERNELS[kernel]
    text = ptx_of(factory, F32, variant, (9, 0))
    arrays = {"activation": 1, "bias_activation": 2, "activation_product": 2, "update": 4}[kernel]
    assert len(re.findall(r"ld\.global\.v4\.f32", text)) == arrays
    assert len(re.findall(r"st\.global\.v4\.f32", text)) == {"bias_activation": 2, "update": 3}.get(
        kernel, 1
    )


def test_no_kernel_flushes_small_numbers_or_approximates_a_quotient_or_a_root():
    for factory, variant, _ in KERNELS.values():
        text = ptx_of(factory, F32, variant, (9, 0))
        assert not re.search(r"(add|sub|mul|fma|div|sqrt)\S*\.ftz", text)
        assert not re.search(r"(div|sqrt)\.(approx|full)", text)


def test_the_version_is_one_that_the_oldest_driver_of_cuda_12_reads():
    factory, variant, _ = KERNELS["chunk_sums"]
    for capability in CAPABILITIES[:3]:
        assert ".version 8.0\n" in ptx_of(factory, F32, variant, capability)


@pytest.fixture(scope="module")
def ptxas():
    pathfinder = pytest.importorskip("cuda.pathfinder")
    found = pathfinder.find_nvidia_binary_utility("ptxas")
    if found is None:
        pytest.skip("ptxas is not installed")
    return found


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_register_is_spilled(kernel, ptxas, tmp_path):
    factory, variant, registers = KERNELS[kernel]
    # Each kernel once; over the kernels, all architectures and both dtypes.
    place = list(KERNELS).index(kernel)
    targets = [(CAPABILITIES[place % 5], (F32, F32, F64)[place % 3])]
    if NIGHTLY:
        targets = [(capability, dtype) for capability in CAPABILITIES for dtype in (F32, F64)]
    for capability, dtype in targets:
        report = assembled(ptxas, tmp_path, ptx_of(factory, dtype, variant, capability), capability)
        spilled = re.findall(r"(\d+) bytes spill", report)
        assert spilled
        assert not any(map(int, spilled))
        used = int(re.search(r"Used (\d+) registers", report)[1])
        assert used <= registers * (1 if dtype == F32 else 1.5)


def test_a_block_of_1024_threads_has_its_registers(ptxas, tmp_path):
    for capability in CAPABILITIES if NIGHTLY else CAPABILITIES[:1]:
        text = ptx_of(SHARES[0], F64, SHARES[1], capability)
        assert ".maxntid 1024" in text
        assert re.search(r"Used (\d+) registers", assembled(ptxas, tmp_path, text, capability))


def assembled(ptxas, folder, text, capability):
    """Return what ptxas reports of a kernel; it fails if it does not read it."""
    (folder / "kernel.ptx").write_text(text)
    target = f"sm_{capability[0]}{capability[1]}"
    command = [ptxas, "-v", "--gpu-name", target, "kernel.ptx", "-o", "kernel.cubin"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stderr
