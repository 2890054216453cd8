"""``mlpcore tune`` on a machine without a GPU, and with options that make no sense."""

import os

import pytest

from mlpcore.cli import main

without_gpu = pytest.mark.skipif(
    os.environ.get("MLPCORE_TEST_DEVICE", "cpu") != "cpu", reason="there is a GPU or its double"
)


def run(capsys, *arguments):
    code = main(["tune", *arguments])
    return code, capsys.readouterr()


@without_gpu
@pytest.mark.parametrize("arguments", [[], ["--device", "cuda"], ["--device", "auto"]])
@pytest.mark.parametrize("variable", ["", "auto", "cpu"])
def test_without_a_gpu_it_says_why(capsys, monkeypatch, arguments, variable):
    from mlpcore import _driver, device

    def missing(*_):
        raise _driver.DriverMissingError("no NVIDIA driver was found", "install it")

    monkeypatch.setattr(device._driver, "probe", missing)
    monkeypatch.setenv("MLPCORE_DEVICE", variable)
    code, said = run(capsys, *arguments)
    assert (code, said.out) == (2, "")
    assert said.err.startswith("mlpcore tune: ")
    assert "no NVIDIA driver was found" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "cpu"], "it measures a GPU, got --device cpu"),
        (["--device", "gpu"], "device='gpu'"),
        (["--dtype", "float16"], "--dtype takes float32, float64, got 'float16'"),
        (["--dtype", ""], "--dtype takes float32, float64, got nothing"),
        (["--sizes", ""], "--sizes takes numbers from 1 up, got nothing"),
        (["--sizes", "0,3"], "argument --sizes: takes widths from 1 up such as 64,64, got '0,3'"),
        (["--batch", ""], "--batch takes numbers from 1 up, got nothing"),
        (["--rounds", "0"], "argument --rounds: must be at least 1, got 0"),
        (["--choices", "fast"], "--choices takes cublaslt, tiled, narrow, cupy, got 'fast'"),
        (["--choices", "narrow"], "--choices needs one besides narrow, which computes few layers"),
    ],
)
def test_wrong_options_are_told_before_any_work(capsys, arguments, message):
    code, said = run(capsys, *arguments)
    assert (code, said.out) == (2, "")
    assert said.err.startswith(f"mlpcore tune: {message}")
    assert said.err.count("\n") == 1
