"""Norms, dropout and residuals in summary, memory and trace."""

import numpy as np

from mlpcore import MLP, summary, trace
from mlpcore.inspect.memory import memory
from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set

ROWS = 8


def figures(**options):
    model = MLP([4, 6, 6, 3], "tanh", seed=0, device="cpu", **options)
    return summary(model, ROWS), memory(model._bound, ROWS)


def test_operations_of_their_formulas_are_added_to_those_of_the_products():
    plain, _ = figures()
    elements = ROWS * (6 + 6)  # of both hidden layers
    for options, prediction, training in (
        ({"norm": "batch"}, 4, 18),
        ({"norm": "layer"}, 7, 18),
        ({"dropout": 0.5}, 0, 2),
        ({"residual": True}, 0.5, 1),  # in one of the two
    ):
        found, _ = figures(**options)
        assert found.flops - plain.flops == prediction * elements
        assert found.training_flops - plain.training_flops == training * elements
        assert found.counted_operations
    assert plain.counted_operations == ()
    assert "batch_norm; nothing else is counted" in repr(figures(norm="batch")[0])


def test_noise_counts_where_it_is_added():
    plain, _ = figures()
    found, _ = figures(input_noise=0.1, input_dropout=0.1)
    assert found.training_flops - plain.training_flops == 4 * ROWS * 4
    assert found.flops == plain.flops


def test_norms_count_with_their_parameters_and_statistics():
    plain, _ = figures()
    found, bytes_ = figures(norm="batch")
    assert found.parameters - plain.parameters == 2 * (6 + 6)
    assert bytes_.state == 2 * (6 + 6) * 4
    assert figures(norm="layer")[1].state == 0


def test_what_a_norm_saves_is_kept_in_training():
    _, plain = figures()
    means = instruction_set() is not None  # where the reference keeps n, kernels keep x and μ
    for norm, each in (("batch", 6), ("layer", ROWS)):
        _, found = figures(norm=norm)
        # Besides, z is now another array than what the product gave, which the norm keeps.
        kept = found.training_activations - plain.training_activations
        assert kept == 2 * (ROWS * 6 + (1 + means) * each) * 4


def test_a_layer_shows_what_enters_its_activation_and_what_leaves_it():
    model = MLP([4, 6, 6, 3], "tanh", norm="layer", residual=True, dropout=0.5, seed=0)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    found = trace(model, x)
    second = found[1]
    np.testing.assert_allclose(second.z.mean(axis=1), 0, atol=1e-6)  # behind the norm
    np.testing.assert_allclose(second.a, np.tanh(second.z) + found[0].a, rtol=1e-5, atol=1e-6)
    made_by = [step.operation for step in found.steps if step.layer == 1]
    assert made_by == ["6 → 6  layer_norm", "tanh  residual  dropout(0.5)"]
    np.testing.assert_array_equal(model.features(x)[1], second.a)
