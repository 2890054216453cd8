"""How the gradient of a weight is divided into columns, which changes no bit of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlpcore
from mlpcore import MLP
from mlpcore.backends.cpu import cost_model
from mlpcore.backends.cpu.cost_model import choose_columns

WIDE = 32


class Table:
    """What `choose_columns` asks of a network."""

    wide = WIDE
    dtype = np.dtype("float32")


sizes = st.integers(1, 20_000)


@given(rows=sizes, threads=st.integers(1, 8), features=sizes, outputs=sizes)
def test_every_column_belongs_to_one_task(rows, threads, features, outputs):
    columns = choose_columns(rows, threads, features, outputs, Table)
    assert columns.span % WIDE == 0
    spans, rest = divmod(columns.tasks, columns.parts)
    assert rest == 0
    assert (spans - 1) * columns.span < features <= spans * columns.span


@given(rows=sizes, threads=st.integers(1, 8), features=sizes, outputs=sizes)
def test_a_task_needs_no_more_memory_than_is_set(rows, threads, features, outputs):
    columns = choose_columns(rows, threads, features, outputs, Table)
    held = columns.held * columns.span
    assert 0 < columns.held <= rows
    kept = outputs * columns.span if columns.held < rows else 0
    assert columns.elements == held + kept
    panel = cost_model.HELD_ROWS * WIDE
    assert held * 4 <= max(cost_model.COLUMN_BYTES, 4 * panel)


def test_a_small_weight_is_divided_into_single_tiles_and_a_large_one_is_not():
    assert choose_columns(128, 1, 256, 256, Table).span == WIDE
    assert choose_columns(128, 1, 784, 256, Table).span > WIDE


@pytest.mark.parametrize("features", [64, 784])
def test_gradients_of_z_beyond_the_second_cache_are_read_for_many_columns_at_once(features):
    """Read for each tile they would come from the third cache as fast as a tile is computed."""
    outputs = 512
    for rows in (1024, 10_000):
        columns = choose_columns(rows, 1, features, outputs, Table)
        assert columns.span >= min(features, 256)
        assert columns.held * outputs * 4 <= cost_model.NEAR_BYTES


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_have_tasks_to_share(threads):
    columns = choose_columns(8, threads, 3072, 1024, Table)
    assert columns.tasks >= cost_model.TASKS_PER_THREAD * threads


@settings(deadline=None, max_examples=20)
@given(
    widths=st.lists(st.integers(1, 150), min_size=2, max_size=4),
    rows=st.one_of(st.integers(1, 40), st.integers(1, 600)),
    held=st.sampled_from([128, 256]),
    column_bytes=st.sampled_from([0, 1 << 14, 1 << 16, 1 << 20]),
    threads=st.integers(1, 2),
    optimizer=st.sampled_from(["sgd", "adam"]),
)
def test_no_division_changes_a_bit(widths, rows, held, column_bytes, threads, optimizer):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, widths[0]), dtype=np.float32)
    t = rng.standard_normal((rows, widths[-1]), dtype=np.float32)

    def after_two_steps():
        model = MLP(widths, device="cpu", seed=0)
        trainer = model.trainer("mse", optimizer, lr=0.01)
        for _ in range(2):
            trainer.step(x, t)
        return b"".join(view.tobytes() for view in model.parameters().values())

    with mlpcore.threads(threads):
        expected = after_two_steps()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cost_model, "FAR_BYTES", 0)
            patch.setattr(cost_model, "APPLIED_AT_ONCE", 0)
            patch.setattr(cost_model, "FAR_HELD_ROWS", held)
            patch.setattr(cost_model, "COLUMN_BYTES", column_bytes)
            patch.setattr(cost_model, "MANY_FLOPS_PER_THREAD", 1)
            patch.setattr(cost_model, "SPREAD_PASS_FLOPS_PER_THREAD", 1)
            assert after_two_steps() == expected
