"""What each metric counts, which targets it takes, and what it is called."""

import re

import numpy as np
import pytest

from mlpcore.backends.registry import backend
from mlpcore.device import resolve
from mlpcore.nn.losses import loss
from mlpcore.training.metrics import (
    METRICS,
    Measures,
    Place,
    check_metrics,
    metric,
    resolve_metrics,
)
from mlpcore.training.metrics.whole import area_under_roc


def compute(name, logits, t, by=None):
    by = loss("cross_entropy") if by is None else by
    measures = Measures(
        Place(backend(resolve("cpu")), lambda xp, z: z), resolve_metrics(name, by), by
    )
    measures.add(np.asarray(logits, dtype=float), np.asarray(t))
    (found,) = measures.values().values()
    return float(found)


def test_accuracy_is_the_share_of_largest_logits_on_the_right_class():
    logits = [[3, 1, 0], [0, 1, 0], [0, 0, -1], [1, 2, 3]]
    assert compute("accuracy", logits, [0, 1, 2, 2]) == 0.75
    assert compute("accuracy", logits, np.eye(3)[[0, 1, 2, 2]]) == 0.75


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_with_one_logit_the_sign_tells_the_classes_apart(shape):
    logits = [[2.0], [-1.0], [0.5], [-3.0]]
    t = np.array([1, 0, 0, 0]).reshape(shape)
    by = loss("binary_cross_entropy")
    assert compute("accuracy", logits, t, by) == 0.75
    assert compute("binary_accuracy", logits, t, by) == 0.75
    assert compute("precision", logits, t, by) == 0.5
    assert compute("recall", logits, t, by) == 1


def test_of_equal_logits_the_lower_class_comes_first_so_that_not_all_are_right():
    logits, t = np.zeros((4, 4)), np.arange(4)
    assert compute("accuracy", logits, t) == 0.25
    assert [compute(f"top_{k}_accuracy", logits, t) for k in (1, 2, 3)] == [0.25, 0.5, 0.75]


def test_nan_is_never_among_the_right_ones():
    logits = np.array([[np.nan, 1.0, 0.0], [2.0, np.nan, 0.0]])
    assert compute("top_2_accuracy", logits, [0, 2]) == 0


def test_a_row_counts_by_the_weight_one_whatever_its_batch():
    by = loss("mse")
    errors = np.array([[3.0], [0.0], [0.0], [4.0], [0.0]])
    measures = Measures(Place(backend(resolve("cpu")), None), resolve_metrics("rmse", by), by)
    for part in (errors[:4], errors[4:]):
        measures.add(part, np.zeros((len(part), 1)))
    # The mean of the batches' roots would be (sqrt(25 / 4) + 0) / 2.
    assert float(measures.values()["rmse"]) == pytest.approx(np.sqrt(25 / 5))


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "roc_auc", "top_2_accuracy"])
@pytest.mark.parametrize("label", [-100, 3])
def test_ignored_rows_are_as_if_they_were_not_there(name, label):
    rng = np.random.default_rng(0)
    logits, t = rng.normal(size=(40, 3)), rng.integers(0, 3, 40)
    kept = rng.random(40) < 0.6
    by = loss("cross_entropy", ignore_index=label)
    assert compute(name, logits, np.where(kept, t, label), by) == compute(
        name, logits[kept], t[kept]
    )


def test_where_every_row_is_ignored_the_accuracy_is_zero_as_the_loss_is():
    nll, t = loss("nll", ignore_index=-1), np.array([-1, -1])
    assert compute("accuracy", np.zeros((2, 3)), t, nll) == 0
    assert nll(np, np.zeros((2, 3)), t)[0] == 0


def test_the_area_is_the_share_of_pairs_in_the_right_order():
    rng = np.random.default_rng(1)
    score, positive = rng.integers(0, 6, 50).astype(float), rng.random(50) < 0.4
    a, b = score[positive][:, None], score[~positive]
    assert area_under_roc(score, positive) == pytest.approx(((a > b) + 0.5 * (a == b)).mean())


def test_the_area_of_one_class_or_of_nan_is_nan():
    assert np.isnan(area_under_roc(np.array([1.0, 2.0]), np.array([True, True])))
    assert np.isnan(area_under_roc(np.array([1.0, np.nan]), np.array([True, False])))


def test_a_ratio_without_denominator_is_zero():
    logits, t = [[-1.0], [-2.0]], [0, 0]
    for name in ("precision", "recall", "f1"):
        assert compute(name, logits, t, loss("binary_cross_entropy")) == 0


def test_a_classification_loss_brings_its_accuracy():
    def names(spec, by):
        return [found.name for found in resolve_metrics(spec, loss(by))]

    assert names(None, "cross_entropy") == names(None, "nll") == ["accuracy"]
    assert names(None, "binary_cross_entropy") == ["binary_accuracy"]
    assert names(None, "mse") == []
    assert names("mae", "mse") == names(["mae", "mae"], "mse") == ["mae"]
    assert names(["top_3_accuracy", METRICS["f1"]], "nll") == ["top_3_accuracy", "f1"]


def test_a_loss_of_ones_own_brings_no_metric_whatever_its_name():
    def cross_entropy(z, t):
        return ((z - t) ** 2).mean(), 2 * (z - t) / z.size

    assert resolve_metrics(None, loss(cross_entropy)) == ()


def test_a_function_is_a_metric_by_its_own_name_or_another():
    def bias(y, t):
        return (y - t).mean()

    assert [m.name for m in resolve_metrics([bias, metric(bias, name="b")], loss("mse"))] == [
        "bias",
        "b",
    ]
    assert metric(bias, better="smaller").better == "smaller"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: metric("acuracy"), ValueError, "did you mean 'accuracy'"),
        (lambda: metric("top_0_accuracy"), ValueError, "unknown metric"),
        (lambda: metric(3), TypeError, "a metric is a name"),
        (lambda: metric("mae", name="error"), TypeError, "metric of your own"),
        (lambda: metric(lambda y, t: 0, name="loss"), ValueError, "cannot be called 'loss'"),
        (
            lambda: metric(lambda y, t: 0, name="val_loss"),
            ValueError,
            "cannot be called 'val_loss'",
        ),
        (lambda: metric(lambda y, t: 0, name="epoch"), ValueError, "cannot be called 'epoch'"),
        (
            lambda: resolve_metrics([lambda y, t: 0, lambda y, t: 1], loss("mse")),
            ValueError,
            "two metrics are called '<lambda>'",
        ),
        (
            lambda: compute(lambda y, t: "good", [[1.0]], [1.0], loss("mse")),
            TypeError,
            "must return one number, got 'good'",
        ),
    ],
)
def test_what_is_no_metric_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("name", "by", "z_shape", "t_shape", "dtype"),
    [
        ("accuracy", "cross_entropy", (9, 3), (9,), "i8"),
        ("accuracy", "cross_entropy", (9, 3), (9,), "u1"),
        ("accuracy", "cross_entropy", (9, 2), (9,), "?"),
        ("accuracy", "cross_entropy", (9, 3), (9, 3), "f4"),
        ("accuracy", "binary_cross_entropy", (5, 2, 1), (5, 2), "f8"),
        ("f1", "cross_entropy", (9, 2), (9,), "i8"),
        ("top_2_accuracy", "cross_entropy", (9, 3), (9,), "i8"),
        ("binary_accuracy", "binary_cross_entropy", (9, 3), (9, 3), "i8"),
        ("mae", "mse", (9, 1), (9,), "f4"),
        ("rmse", "mse", (5, 2, 4), (5, 2, 4), "f4"),
        ("r2", "mse", (1,), (), "f8"),
    ],
)
def test_metrics_take_these_targets(name, by, z_shape, t_shape, dtype):
    check_metrics([metric(name)], loss(by), z_shape, t_shape, np.dtype(dtype))


@pytest.mark.parametrize(
    ("name", "by", "z_shape", "t_shape", "dtype", "expected"),
    [
        ("mae", "cross_entropy", (9, 3), (9,), "i8", "(9, 3)"),
        ("rmse", "nll", (9, 1), (9,), "i8", "(9, 1)"),
        ("r2", "mse", (5, 2, 4), (5, 2, 7), "f4", "(5, 2, 4)"),
        ("binary_accuracy", "mse", (9, 1), (9, 2), "f4", "(9,) or (9, 1)"),
        ("accuracy", "mse", (9, 3), (9,), "f4", "(9,) (integer class labels) or (9, 3)"),
        ("f1_macro", "mse", (9, 3), (9,), "f4", "(9,) (integer class labels) or (9, 3)"),
        ("accuracy", "mse", (9, 1), (9, 3), "f4", "(9,) (numbers) or (9, 1)"),
    ],
)
def test_other_targets_are_refused_by_what_was_expected_and_what_came(
    name, by, z_shape, t_shape, dtype, expected
):
    dtype = np.dtype(dtype)
    words = (
        f"metric {name!r} for logits of shape {z_shape} expects targets of shape {expected}; "
        f"got shape {t_shape}, dtype {dtype}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        check_metrics([metric(name)], loss(by), z_shape, t_shape, dtype)


@pytest.mark.parametrize(
    ("name", "by", "width", "t_shape", "words"),
    [
        ("f1", "cross_entropy", 3, (9,), "'f1_macro' is the mean over classes"),
        ("f1", "binary_cross_entropy", 2, (9, 2), "'f1_macro' is the mean over classes"),
        ("top_3_accuracy", "cross_entropy", 3, (9,), "needs more than 3 classes"),
    ],
)
def test_a_metric_of_other_numbers_of_classes_is_refused(name, by, width, t_shape, words):
    with pytest.raises(ValueError, match=words):
        check_metrics([metric(name)], loss(by), (9, width), t_shape, np.dtype("i8"))


@pytest.mark.parametrize("name", ["mae", "rmse", "r2", "binary_accuracy", "accuracy"])
def test_logarithms_of_counts_are_not_compared_with_counts(name):
    by, numbers = loss("poisson"), np.dtype("f4")
    with pytest.raises(ValueError, match=f"'{name}' would compare counts with their logarithms"):
        check_metrics(resolve_metrics(name, by), by, (5, 1), (5, 1), numbers)
    own = resolve_metrics(lambda y, t: abs(np.exp(y) - t).mean(), by)
    check_metrics(own, by, (5, 1), (5, 1), numbers)
