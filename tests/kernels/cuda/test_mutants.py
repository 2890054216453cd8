"""Each kernel with barriers or shuffles, broken on purpose: the checks or the numbers must tell."""

import re

import cupy
import numpy as np
import pytest

from mlpcore.kernels.cuda import compiler
from mlpcore.kernels.cuda.column_sums import column_sums
from mlpcore.kernels.cuda.dropout import dropout
from mlpcore.kernels.cuda.elementwise import activation_backward, activation_forward
from mlpcore.kernels.cuda.losses import loss_and_gradient
from mlpcore.kernels.cuda.noise import add_noise
from mlpcore.kernels.cuda.norms import (
    batch_norm_backward,
    batch_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
)
from mlpcore.kernels.cuda.optimizers import sgd
from mlpcore.kernels.cuda.rows import logsumexp, rows_backward, rows_forward
from mlpcore.kernels.cuda.sums import sum_of

BARRIER = re.compile(r"\n\s*bar\.sync\s+0;|\n\s*barrier\.sync\s+0;")
RNG = np.random.default_rng(0)
Z = RNG.normal(size=(3, 1030)).astype(np.float32)
SHORT = RNG.normal(size=(40, 100)).astype(np.float32)
LABELS = np.array([1029, 4, 700])


def softmax(z=Z):
    return rows_forward("softmax", cupy.asarray(z)).get()


def softmax_product(z=Z):
    return rows_backward("softmax", cupy.asarray(z), cupy.asarray(z)).get()


def cross_entropy(**options):
    loss, dz = loss_and_gradient("cross_entropy", cupy.asarray(Z), cupy.asarray(LABELS), **options)
    return np.append(dz.get(), loss.get())


def squared_error(z=Z):
    return loss_and_gradient("mse", cupy.asarray(z), cupy.zeros(z.shape, np.float32))[0].get()


def weighted_loss():
    return cross_entropy(sample_weight=cupy.asarray([1.0, 2, 3]))


def nll():
    z = cupy.asarray(Z)
    loss, dz = loss_and_gradient("nll", z, cupy.asarray(LABELS), out=z)
    return np.append(dz.get(), loss.get())


def layer_norm(z=Z):
    x, columns = cupy.asarray(z), cupy.asarray(z[:2])
    return layer_norm_forward(x, *columns, eps=1e-5)[0].get()


def layer_norm_product(z=Z):
    x, columns = cupy.asarray(z), cupy.asarray(z[:3])
    rows = cupy.ones(len(z), np.float32)
    into = {"dscale": columns[1], "dshift": columns[2]}
    return layer_norm_backward(x, x, columns[0], rows, rows, **into).get()


REDUCING = {
    "softmax": (softmax, (0, 1)),
    "logsumexp": (lambda: logsumexp(cupy.asarray(Z)).get(), (0, 1)),
    "softmax_product": (softmax_product, (0, 1)),
    "cross_entropy": (cross_entropy, (0, 1)),
    "label_terms": (lambda: cross_entropy(label_smoothing=0.1), (0, 2, 3, 4)),
    "elements": (squared_error, (0, 1)),
    "chunk_sums": (lambda: sum_of(cupy.asarray(Z.ravel())).get(), (0,)),
    "row_normalized": (layer_norm, (0, 1, 2, 3)),
    "row_gradient": (layer_norm_product, (0, 1, 2, 3)),
    "shares": (weighted_loss, (0, 1, 2, 4)),
}
"""What runs each kernel that reduces over a block, and which of its barriers matter.

The second barrier of a reduction does not where no other follows, or one through other memory.
"""


@pytest.fixture
def mutate(double, monkeypatch):
    """Return a function that changes the PTX of one kernel from now on."""
    original = compiler.ptx_of
    monkeypatch.setattr(compiler, "multiprocessors", lambda device: 1)
    monkeypatch.setattr(compiler, "_BLOCKS_OF_MULTIPROCESSOR", 1)  # so a block has several rows

    def mutate(kernel, change):
        def changed(factory, *others):
            text = original(factory, *others)
            return change(text) if factory.__name__ == kernel else text

        monkeypatch.setattr(compiler, "ptx_of", changed)
        compiler._function.cache_clear()

    yield mutate
    compiler._function.cache_clear()


def without(pattern, number):
    """Return a change that takes the match of this number out, which must be there."""

    def change(text):
        match = list(pattern.finditer(text))[number]
        return text[: match.start()] + "\n" + text[match.end() :]

    return change


@pytest.mark.parametrize(
    ("kernel", "number"), [(name, i) for name, (_, numbers) in REDUCING.items() for i in numbers]
)
def test_a_forgotten_barrier_is_found(kernel, number, mutate):
    from gpu_on_cpu import KernelFault

    mutate(kernel, without(BARRIER, number))
    with pytest.raises(KernelFault, match=r"race|uninitialised|barrier"):
        REDUCING[kernel][0]()


def test_labels_are_read_before_the_gradient_replaces_the_logits(mutate, double):
    expected = nll()
    mutate("nll", without(BARRIER, 0))
    with double.order("reverse"):
        assert not np.array_equal(nll(), expected)


SHUFFLE = re.compile(r"(shfl\.sync\.bfly\.b32\s+\S+ %r\d+, )(%r\d+),")


def shifted_lane(text):
    """Let the last shuffle of a tree ask the lane that the first one has asked."""
    first, *_, last = SHUFFLE.finditer(text)
    assert first[2] != last[2]
    return text[: last.start()] + f"{last[1]}{first[2]}," + text[last.end() :]


@pytest.mark.parametrize(
    ("kernel", "run"),
    [
        ("softmax", lambda: softmax(SHORT)),
        ("softmax_product", lambda: softmax_product(SHORT)),
        ("elements", lambda: squared_error(SHORT)),
        ("row_normalized", lambda: layer_norm(SHORT)),
        ("row_gradient", lambda: layer_norm_product(SHORT)),
        ("chunk_sums", REDUCING["chunk_sums"][0]),
        ("cross_entropy", cross_entropy),
    ],
)
def test_a_shuffle_from_the_wrong_lane_is_seen(kernel, run, mutate):
    expected = run()
    mutate(kernel, shifted_lane)
    assert not np.allclose(run(), expected, rtol=1e-4, atol=1e-6)


def shifted_store(text):
    """Let every store of a single number go one element further."""
    store = re.compile(r"(st\.global\.[fub]32\s+\[%rd\d+)(?:\+(\d+))?\]")
    assert store.search(text)
    return store.sub(lambda match: f"{match[1]}+{int(match[2] or 0) + 4}]", text)


X = RNG.normal(size=(5, 7)).astype(np.float32)


def batch_norm(x):
    return batch_norm_forward(x, *cupy.ones((4, 7), np.float32), eps=1e-5, momentum=0.1)


def batch_norm_product(x):
    scale, mean, inverse, dscale, dshift = cupy.ones((5, 7), np.float32)
    into = {"dscale": dscale, "dshift": dshift}
    return batch_norm_backward(x, x, scale, mean, inverse, **into, training=True)


@pytest.mark.parametrize(
    ("kernel", "run"),
    [
        ("activation", lambda x: activation_forward("relu", x)),
        ("bias_activation", lambda x: activation_forward("relu", x, bias=x[0])),
        ("activation_product", lambda x: activation_backward("relu", x, x)),
        ("update", lambda x: sgd(x.ravel(), x.ravel(), lr=0.1)),
        ("block_sums", column_sums),
        ("block_moments", batch_norm),
        ("normalized", batch_norm),
        ("gradients_of_blocks", batch_norm_product),
        ("batch_gradient", batch_norm_product),
        ("both_sums", lambda x: layer_norm_product(cupy.tile(x, (13, 1)).get())),
        ("row_normalized", lambda x: layer_norm(x.get())),
        ("row_gradient", lambda x: layer_norm_product(x.get())),
        ("masked", lambda x: dropout(x, 0.5, seed=0, step=0, layer=0)),
        ("noisy", lambda x: add_noise(x, 0.5, seed=0, step=0, layer=0)),
        ("nll", lambda x: loss_and_gradient("nll", x, cupy.zeros(5, np.int64))),
    ],
)
def test_a_store_beyond_the_end_is_found(kernel, run, mutate, double):
    from gpu_on_cpu import KernelFault

    mutate(kernel, shifted_store)
    with double.exact_bounds(), pytest.raises(KernelFault, match="out of bounds"):
        run(cupy.asarray(X))
