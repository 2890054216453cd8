"""The formulas of the GPU's kernels as plain Python: what they mean, without any device."""

import numpy as np
import pytest

from mlpcore.kernels.cpu.optimizers import RULES as CPU_RULES
from mlpcore.kernels.cuda.activations import FORMULAS
from mlpcore.kernels.cuda.groups import joined, seen
from mlpcore.kernels.cuda.losses.elements import ELEMENTS
from mlpcore.kernels.cuda.optimizers import RULES
from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.kernels.reference.losses import LOSSES
from mlpcore.kernels.reference.operation import Scope
from mlpcore.kernels.reference.softmax import logsumexp

INF, NAN = float("inf"), float("nan")
EPS = float(np.finfo(np.float64).eps)
Z = [*np.linspace(-30, 30, 241), 1e-300, -1e-300, -700.0, 700.0, 0.0, -0.0, INF, -INF, NAN]


def test_every_elementwise_activation_has_a_formula_that_keeps_what_it_reads():
    assert set(FORMULAS) == {n for n, f in ACTIVATIONS.items() if f.scope is Scope.TILE}
    for name, formula in FORMULAS.items():
        assert formula.name == name
        assert formula.settings == len(ACTIVATIONS[name].defaults)


@pytest.mark.parametrize("name", FORMULAS)
def test_an_activation_is_that_of_the_reference(name):
    reference, formula = ACTIVATIONS[name], FORMULAS[name]
    settings = dict(reference.defaults)
    z, da = np.array(Z), np.linspace(-2, 2, len(Z))
    with np.errstate(all="ignore"):
        a = reference.forward(np, z, **settings)
        dz = reference.backward(np, z, a, da, **settings)
    kept = a if formula.keeps == "a" else z
    values = list(settings.values())
    finite = np.isfinite(z) | (name != "sin")  # Python's sine of infinity is an error, not NaN
    got = [formula.value(x, *values) for x in z[finite].tolist()]
    slopes = [formula.product(x, d, *values) for x, d in zip(kept[finite], da[finite], strict=True)]
    # The library's exponentials and its Φ differ from NumPy's by a few units; in the lower tail of
    # gelu, the host's erfc of a rounded quotient by z² of them, of up to 900.
    rtol = (1000 if name.startswith("gelu") else 20) * EPS
    np.testing.assert_allclose(got, a[finite], rtol=rtol, atol=1e-300)
    np.testing.assert_allclose(slopes, dz[finite], rtol=rtol, atol=20 * EPS)


@pytest.mark.parametrize("name", ELEMENTS)
def test_a_loss_of_elements_is_that_of_the_reference(name):
    setting = {"huber": {"delta": 0.75}, "binary_cross_entropy": {"pos_weight": 2.5}}.get(name, {})
    z = np.array([-800.0, -3.0, -0.5, 0.0, 0.25, 2.0, 800.0, INF, -INF, NAN])
    if name == "poisson":
        z = z[z != 800]  # of which Python's exponential is an error, not infinity
    for target in (0.0, 0.25, 1.0):
        with np.errstate(all="ignore"):
            t = np.full_like(z, target)
            loss, dz = LOSSES[name].each(np, z, t, **setting)
        given = next(iter(setting.values()), 0.0)
        got = [ELEMENTS[name](x, target, given) for x in z.tolist()]
        np.testing.assert_allclose([value for value, _ in got], loss, rtol=8 * EPS)
        np.testing.assert_allclose([slope for _, slope in got], dz, rtol=8 * EPS)


@pytest.mark.parametrize("order", ["ascending", "descending", "mixed"])
def test_an_online_maximum_and_sum_are_those_of_the_whole_row(order):
    row = np.random.default_rng(0).normal(0, 20, 200)
    row = {"ascending": np.sort(row), "descending": -np.sort(-row), "mixed": row}[order]
    halves = []
    for part in (row[:77], row[77:]):
        m, s = -INF, 0.0
        for z in part.tolist():
            m, s = seen(m, s, z)
        halves.append((m, s))
    m, s = joined(*halves[0], *halves[1])
    assert (m, s) == joined(*halves[1], *halves[0])
    assert m == row.max()
    assert m + np.log(s) == pytest.approx(logsumexp(np, row), rel=1e-13)


def test_a_part_of_a_row_without_numbers_adds_nothing():
    assert joined(-INF, 0.0, 3.0, 2.0) == (3.0, 2.0) == joined(3.0, 2.0, -INF, 0.0)
    assert seen(*seen(-INF, 0.0, -INF), 1.0) == (1.0, 1.0)


def test_the_rules_are_those_of_the_cpu():
    assert set(RULES) == set(CPU_RULES)
    for name, rule in RULES.items():
        assert (rule.states, rule.numbers) == (
            len(CPU_RULES[name].states),
            len(CPU_RULES[name].slots),
        )
