"""Tuning: every candidate is checked, and what a clock says is what is chosen."""

import json

import numpy as np
import pytest

from mlpcore.backends.cuda import candidates, products
from mlpcore.backends.cuda.backend import CUDABackend
from mlpcore.backends.cuda.candidates import Arrays, Layer, exact
from mlpcore.backends.cuda.choices import Choice, Product
from mlpcore.backends.cuda.table_file import VARIABLE, read
from mlpcore.backends.cuda.tuning import Plan, Tuner, entries
from mlpcore.cli import main
from mlpcore.device import Device
from mlpcore.kernels.cuda.cublaslt import Refused

F32, F64 = np.dtype("float32"), np.dtype("float64")
LT, TILED, NARROW, CUPY = (Choice(n) for n in ("cublaslt", "tiled", "narrow", "cupy"))


@pytest.fixture
def arithmetic():
    return CUDABackend(Device("cuda", 0))._arithmetic


@pytest.fixture
def clock(monkeypatch):
    """Return a function that makes a clock of the seconds that each choice is to take."""
    known = {}
    listed, together = candidates.candidates, candidates.there_and_back

    def noting(choice, work):
        known[id(work)] = choice, work  # kept, so that nobody else gets its number
        return work

    monkeypatch.setattr(
        "mlpcore.backends.cuda.tuning.candidates",
        lambda *a: {choice: noting(choice, work) for choice, work in listed(*a).items()},
    )
    monkeypatch.setattr(
        "mlpcore.backends.cuda.tuning.there_and_back", lambda *a: noting(NARROW, together(*a))
    )

    def clock(**seconds):
        return lambda work, calls: calls * seconds[known[id(work)][0].value]

    return clock


def plan(*sizes, **more):
    return Plan(**{"dtypes": [F32], "sizes": sizes, "batches": [2, 35], "rounds": 1} | more)


def chosen(measured):
    """The choices by product and layer."""
    return {(m.product, m.layer.inputs, m.layer.outputs): m.chosen for m in measured}


def test_every_product_of_every_layer_is_measured_once(arithmetic, clock):
    found = list(Tuner(arithmetic, plan(3, 4), clock(cublaslt=1, tiled=2, narrow=3)).run())
    assert len(found) == len(chosen(found)) == 3 * 4
    assert {(e.dtype, e.inputs, e.outputs) for e in entries(found)} == {
        ("float32", k, n) for k in (3, 4) for n in (3, 4)
    }
    for each in found:
        narrow = {NARROW} if each.product is Product.FORWARD else set()
        assert set(each.times) == {LT, TILED} | narrow
        assert all(set(times) == {2, 35} for times in each.times.values())
        assert not each.refused
        assert not each.wrong


@pytest.mark.parametrize(
    ("seconds", "forward", "gradient"),
    [
        ({"cublaslt": 1, "tiled": 2, "narrow": 1}, NARROW, LT),  # two layers in the time of one
        ({"cublaslt": 1, "tiled": 2, "narrow": 2.05}, NARROW, LT),  # within the margin
        ({"cublaslt": 1, "tiled": 2, "narrow": 3}, LT, LT),
        ({"cublaslt": 2, "tiled": 1, "narrow": 3}, TILED, TILED),
        ({"cublaslt": 1.04, "tiled": 1, "narrow": 9}, TILED, LT),  # the usual one, if it is as good
    ],
)
def test_the_fastest_is_chosen(arithmetic, clock, seconds, forward, gradient):
    found = chosen(Tuner(arithmetic, plan(3), clock(**seconds)).run())
    assert found[Product.FORWARD, 3, 3] is forward
    assert found[Product.INPUT_GRADIENT, 3, 3] is gradient
    assert found[Product.WEIGHT_GRADIENT, 3, 3] is gradient


def test_only_what_may_be_chosen_is_measured(arithmetic, clock):
    few = plan(3, choices=[TILED])
    found = list(Tuner(arithmetic, few, clock(tiled=1)).run())
    assert {choice for each in found for choice in each.times} == {TILED}


def test_wide_layers_are_not_narrow(arithmetic, clock):
    found = list(Tuner(arithmetic, plan(130), clock(cublaslt=2, tiled=1)).run())
    assert chosen(found)[Product.FORWARD, 130, 130] is TILED


@pytest.mark.parametrize("product", list(Product))
def test_what_computes_something_else_is_named_and_never_chosen(
    arithmetic, clock, monkeypatch, product
):
    ways = {
        Product.FORWARD: products.AFFINE,
        Product.INPUT_GRADIENT: products.INPUT_GRADIENT,
        Product.WEIGHT_GRADIENT: products.WEIGHT_GRADIENT,
    }[product]
    right = ways[LT]

    def wrong(*arrays):
        y = right(*arrays)
        y[-1, -1] = 1 + 2 * abs(y[-1, -1])
        return y

    monkeypatch.setitem(ways, LT, wrong)
    tuner = Tuner(arithmetic, plan(130), clock(cublaslt=1, tiled=2))
    (found,) = (each for each in tuner.run() if each.product is product)
    rows = 130 if product is Product.WEIGHT_GRADIENT else 33
    assert found.wrong == {LT: f"1 of {rows * 130} numbers are further off than they may be"}
    assert found.chosen is TILED
    assert set(found.times) == {TILED}


def test_what_is_refused_is_named_and_never_chosen(arithmetic, clock, monkeypatch):
    def refuse(*arrays):
        raise Refused("cuBLASLt is not here")

    for ways in (products.AFFINE, products.INPUT_GRADIENT, products.WEIGHT_GRADIENT):
        monkeypatch.setitem(ways, LT, refuse)
    for found in Tuner(arithmetic, plan(130), clock(tiled=2)).run():
        assert found.refused == {LT: "cuBLASLt is not here"}
        assert found.chosen is TILED


@pytest.mark.parametrize("product", list(Product))
@pytest.mark.parametrize("dtype", [F32, F64])
def test_every_candidate_is_within_the_bound_of_the_exact_product(arithmetic, product, dtype):
    arrays = Arrays(arithmetic.xp, Layer(dtype, 37, 21), 70)
    expected, off = exact(product, arrays)
    works = candidates.candidates(arithmetic, product, arrays)
    assert set(works) == set(product.possible) - {NARROW}
    for work in works.values():
        assert (np.abs(work().get() - expected) <= off).all()


def test_the_command_writes_a_table_that_models_read(capsys, tmp_path, monkeypatch, arithmetic):
    path = tmp_path / "table.json"
    options = ["--sizes", "3", "--batch", "4", "--rounds", "1", "--output", str(path)]
    assert main(["tune", "--choices", "tiled,cupy", *options]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("mlpcore tune on cuda:0, ")
    assert said[1].split() == ["product", "dtype", "layer", "tiled", "cupy", "chosen"]
    assert [line.split()[0] for line in said[2:5]] == [product.value for product in Product]
    assert said[5:] == [f"written: {path}", f"models use it with {VARIABLE}={path}"]

    ((gpu, (entry,)),) = read(path).items()
    assert (entry.dtype, entry.inputs, entry.outputs) == ("float32", 3, 3)
    (device,) = json.loads(path.read_text("utf-8"))["devices"]
    assert {"date", "driver", "runtime", "versions", "batches", "rounds"} <= set(device["measured"])
    assert set(device["choices"][0]["microseconds"]) == {product.value for product in Product}

    monkeypatch.setenv(VARIABLE, str(path))
    table = CUDABackend(Device("cuda", 0))._arithmetic.table
    assert table.choices("float32", 4, 2) == entry.choices

    assert main(["tune", "--choices", "tiled", "--dtype", "float64", *options[:-2]]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"written: {path}"
    assert [e.dtype for e in read(path)[gpu]] == ["float64"]


def test_a_wrong_kernel_is_told_by_the_exit_code(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(products.INPUT_GRADIENT, TILED, lambda dz, W: dz @ W + 1)
    options = ["--sizes", "3", "--batch", "4", "--rounds", "1", "--choices", "tiled,cupy"]
    assert main(["tune", *options, "--output", str(tmp_path / "table.json")]) == 1
    lines = capsys.readouterr().out.splitlines()
    (at,) = (i for i, line in enumerate(lines) if line.startswith("input_gradient"))
    assert lines[at].split()[-3:] == ["wrong", lines[at].split()[-2], "cupy"]
    assert lines[at + 1] == "    tiled: 99 of 99 numbers are further off than they may be"


def test_a_damaged_table_is_an_error_before_anything_is_measured(capsys, tmp_path):
    path = tmp_path / "table.json"
    path.write_text("{")
    assert main(["tune", "--output", str(path)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"mlpcore tune: {path}, line 1, column 2: not JSON")
    assert (said.out, path.read_text()) == ("", "{")
