"""``mlpcore bench``: refusals before any work, the files it writes, and its exit code."""

import argparse
import json
import os
import re
import subprocess
import sys

import pytest

from mlpcore.backends.cpu.threads import affinity_count, cgroup_quota, default_num_threads
from mlpcore.bench import CONTENDERS, gauges
from mlpcore.bench.contenders.plain_numpy import NumPy
from mlpcore.cli import bench, main
from mlpcore.cli.errors import UsageError

SMALL = ["--layers", "6,5,3", "--batch-sizes", "1,4", "--seconds", "0.002"]


def parse(*arguments):
    parser = argparse.ArgumentParser()
    bench.configure(parser)
    return parser.parse_args([*SMALL, *arguments])


def run(*arguments):
    return bench.run(parse(*arguments))


@pytest.fixture(autouse=True)
def _short_samples(monkeypatch):
    monkeypatch.setattr(gauges, "PEAK_SECONDS", 0.001)
    monkeypatch.setattr(gauges, "BANDWIDTH_SECONDS", 0.001)
    monkeypatch.setattr(gauges, "START_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    """Every library of this process counts as loaded with the default number of threads."""
    for name in bench.THREAD_VARIABLES:
        monkeypatch.setenv(name, str(default_num_threads()))


@pytest.fixture
def nothing_measured(monkeypatch):
    def fail(*_args, **_kwargs):
        raise AssertionError("something was measured")

    monkeypatch.setattr("mlpcore.bench.benchmark", fail)
    monkeypatch.setattr(subprocess, "run", fail)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch-sizes", "0"], "--batch-sizes: takes whole numbers from 1 up .*, got '0'"),
        (["--batch-sizes=8,-1"], "from 1 up .*, got '8,-1'"),
        (["--batch-sizes", "1.5"], "from 1 up .*, got '1.5'"),
        (["--batch-sizes", "1,,2"], "from 1 up .*, got '1,,2'"),
        (["--batch-sizes", ""], "from 1 up .*, got ''"),
        (["--batch-sizes", "9" * 5000], "from 1 up"),
        (["--batch-sizes", "²"], "from 1 up"),
        (["--layers", "784"], "at least two layer widths, got \\[784\\]"),
        (["--layers", "784,x"], "--layers: takes widths from 1 up .*, got '784,x'"),
        (["--layers", "784,0"], "--layers: takes widths from 1 up .*, got '784,0'"),
        (["--layers", ""], "at least two layer widths"),
        (["--mode", "predict"], "unknown mode 'predict'; known are inference, training"),
        (["--activation", "rleu"], "unknown activation 'rleu'; known are .*relu"),
        (["--dtype", "float16"], "unknown dtype 'float16'; known are float32, float64"),
        (["--against", "numpy,torhc"], "unknown contender 'torhc'; known are mlpcore, .*numpy"),
        (["--threads", "0"], "--threads: must be at least 1, got 0"),
        (["--threads", "two"], "--threads: takes a whole number"),
        (["--threads", "1000000"], "--threads 1000000: at most"),
        (["--optimizer", "lion"], "unknown optimizer 'lion'; known are sgd, adam"),
        (["--pin", "first"], "expected auto, none or numbers of CPUs"),
        (["--pin", "99999"], "no CPU 99999 here|cannot pin"),
        (["--seconds", "0"], "--seconds: takes a number above 0, got '0'"),
        (["--seconds", "nan"], "--seconds: takes a number above 0"),
        (["--seconds", "inf"], "--seconds: takes a number above 0"),
        (["--json", "no/such/folder/rows.json"], "--json: no/such/folder/rows.json: No such file"),
        (["--json", "."], "--json: .: "),
        (["--plot", "picture.bmp"], r"ends in \.png, \.svg, \.pdf"),
    ],
)
@pytest.mark.usefixtures("nothing_measured")
def test_what_makes_no_sense_is_refused_in_one_line_before_any_work(arguments, message, capsys):
    assert main(["bench", *SMALL, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert re.search(message, err)


@pytest.mark.usefixtures("nothing_measured")
def test_a_plot_without_matplotlib_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"pip install 'mlpcore\[bench\]'"):
        run("--plot", str(tmp_path / "a.png"))


@pytest.mark.parametrize("mode", ["inference", "training"])
def test_the_table_has_us_and_our_peers_at_each_batch_size(mode, capsys):
    assert run("--mode", mode, "--against", "numpy,python_loop") == 0
    out = capsys.readouterr().out
    lines = [line.split()[:2] for line in out.splitlines() if line]
    for batch_size in "1", "4":
        for name in ("mlpcore", "numpy", "python_loop"):
            assert [batch_size, name] in lines


def test_json_is_written_beside_the_table(tmp_path, capsys):
    path = tmp_path / "rows.json"
    assert run("--json", str(path)) == 0
    rows = json.loads(path.read_text())["rows"]
    assert [(row["contender"], row["batch_size"]) for row in rows] == [
        ("mlpcore", 1),
        ("numpy", 1),
        ("mlpcore", 4),
        ("numpy", 4),
    ]
    assert {row["threads"] for row in rows} == {default_num_threads()}
    assert "samples/s" in capsys.readouterr().out


def test_json_on_standard_output_is_all_there_is(capsys):
    assert run("--json", "-", "--against", "") == 0
    report = json.loads(capsys.readouterr().out)
    assert {row["contender"] for row in report["rows"]} == {"mlpcore"}


def test_a_plot_is_written(tmp_path):
    pytest.importorskip("matplotlib")
    assert run("--plot", str(tmp_path / "a.svg")) == 0
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")


class Biasless(NumPy):
    def prepare(self, spec, parameters, rows):
        return super().prepare(spec, tuple((W, 0 * b) for W, b in parameters), rows)


def test_a_wrong_contender_is_an_error_and_the_others_keep_their_rows(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setitem(CONTENDERS, "numpy", Biasless)
    path = tmp_path / "rows.json"
    assert run("--json", str(path)) == 1
    report = json.loads(path.read_text())
    assert {row["contender"] for row in report["rows"]} == {"mlpcore"}
    assert [omission["refused"] for omission in report["omitted"]] == [True, True]
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert errors[0].startswith("mlpcore bench: numpy at batch 1 computed something else")


def test_progress_is_for_terminals_only(capsys, monkeypatch):
    run()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    run()
    assert "measuring batch 4" in capsys.readouterr().err


class TestThreads:
    """BLAS reads its variables when it is loaded: another number of threads is another process."""

    @pytest.fixture
    def children(self, monkeypatch):
        started = []

        def start(command, env, check):
            started.append((command, env))
            return subprocess.CompletedProcess(command, 7)

        monkeypatch.setattr(subprocess, "run", start)
        return started

    @pytest.mark.parametrize("name", bench.THREAD_VARIABLES)
    def test_one_library_with_another_number_is_enough_for_a_child(
        self, name, children, monkeypatch
    ):
        monkeypatch.setenv(name, str(default_num_threads() + 1))
        count = default_num_threads()
        assert run("--threads", str(count)) == 7, "the exit code is the child's"
        ((command, env),) = children
        assert command[:4] == [sys.executable, "-m", "mlpcore", "bench"]
        assert {env[variable] for variable in bench.THREAD_VARIABLES} == {str(count)}

    def test_the_child_gets_the_same_options(self, children, monkeypatch, tmp_path):
        monkeypatch.setenv("OMP_NUM_THREADS", "99")
        options = ["--mode=training", "--activation=tanh", "--dtype=float64", "--device=cpu",
                   "--optimizer=adam", "--pin=none",
                   "--against=python_loop", f"--json={tmp_path}/rows.json"]  # fmt: skip
        run(*options)
        ((command, _),) = children
        original, forwarded = vars(parse(*options)), vars(parse(*command[4:]))
        assert forwarded.pop("threads") == default_num_threads()
        original.pop("threads")
        assert forwarded == original

    def test_without_variables_libraries_take_every_cpu_they_may_use(self, children, monkeypatch):
        for name in bench.THREAD_VARIABLES:
            monkeypatch.delenv(name)
        limit = min(affinity_count(), cgroup_quota() or affinity_count())
        code = run("--threads", str(limit))
        assert (code == 0) == (children == []) == (limit == affinity_count())

    @pytest.mark.skipif(affinity_count() == 1 or sys.platform != "linux", reason="one CPU only")
    def test_one_thread_is_measured_on_one_cpu_by_a_child(self, tmp_path):
        before = os.sched_getaffinity(0)
        path = tmp_path / "rows.json"
        assert run("--threads", "1", "--batch-sizes", "2", "--json", str(path)) == 0
        assert json.loads(path.read_text())["header"]["cpus"] == [max(before)]
        assert os.sched_getaffinity(0) == before

    def test_a_real_child_measures_with_its_number(self, monkeypatch, tmp_path):
        for name in bench.THREAD_VARIABLES:
            monkeypatch.setenv(name, "3")
        path = tmp_path / "rows.json"
        assert run("--threads", "1", "--batch-sizes", "2", "--json", str(path)) == 0
        report = json.loads(path.read_text())
        assert {row["threads"] for row in report["rows"]} == {1}
        assert report["header"]["threads"] == 1
        assert report["header"]["blas"]["threads"] in (1, None)

    def test_a_variable_that_is_no_number_is_an_error_of_one_line(self, monkeypatch):
        monkeypatch.setenv("MLPCORE_NUM_THREADS", "many")
        with pytest.raises(UsageError, match="MLPCORE_NUM_THREADS must be a whole number"):
            run()

    def test_what_only_openmp_understands_is_left_to_a_child(self, children, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "4,2")
        assert run() == 7
        assert len(children) == 1


def test_the_command_refuses_in_one_line_and_exits_2():
    command = [sys.executable, "-m", "mlpcore", "bench", "--batch-sizes", "0"]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "--batch-sizes: takes whole numbers from 1 up" in result.stderr
