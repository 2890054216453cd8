"""The grid's arithmetic: what is measured, what is measured already, and when two runs agree."""

import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="benchmarks/ is not here")


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in [name for name in sys.modules if name == "grid" or name.startswith("grid_")]:
        del sys.modules[name]


def ratio(peer, median, spread=0.02, batch_size=1, fastest=True):
    return {
        "contender": "mlpcore",
        "peer": peer,
        "batch_size": batch_size,
        "median": median,
        "q1": median * (1 - spread),
        "q3": median * (1 + spread),
        "rounds": 10,
        "fastest": fastest,
    }


def row(contender, seconds, batch_size=1):
    return {
        "contender": contender,
        "batch_size": batch_size,
        "median_s": seconds,
        "p50_s": seconds,
        "p99_s": 2 * seconds,
        "bound_s": seconds / 2,
        "gflops": 50.0,
        "fraction_of_peak": 0.4,
        "fraction_of_peak_nearby": 0.5,
        "cores": 1.0,
    }


def report(ratios, rows=(), layers=(4, 3), threads=1):
    header = {
        "layers": list(layers),
        "mode": "inference",
        "optimizer": None,
        "activation": "relu",
        "dtype": "float32",
        "threads": threads,
        "seconds": 1.0,
        "peak_gflops": 100.0,
        "processor": "a processor",
        "cores": 2,
        "system": "a system",
        "versions": {"numpy": "2.4", "torch": None},
        "date": "today",
        "notes": ["a note"],
    }
    return {"header": header, "rows": list(rows), "ratios": ratios, "omitted": []}


def test_the_grid_is_five_networks_seven_batch_sizes_two_thread_counts_and_three_kinds_of_work():
    from grid_plan import BATCH_SIZES, NETWORKS, THREADS, WORK, jobs

    relu = jobs(NETWORKS, BATCH_SIZES, THREADS, WORK, ["relu"], 1.0)
    assert len(relu) == 5 * 2 * 3
    assert all(len(job.batch_sizes) == 7 for job in relu)
    assert len({job.file for job in relu}) == len(relu)
    others = jobs(NETWORKS, BATCH_SIZES, THREADS, WORK, ["gelu"], 1.0)
    assert {job.network for job in others} == {"1", "5"}


def test_a_job_is_a_command_that_the_program_understands(tmp_path):
    import argparse

    from grid_plan import jobs

    from mlpcore.bench import find_contenders
    from mlpcore.cli import bench

    parser = argparse.ArgumentParser()
    bench.configure(parser)
    for job in jobs(["1"], [1, 8], [2], ["inference", "sgd", "adam"], ["gelu"], 0.5):
        args = parser.parse_args(job.command(tmp_path / "one.json")[4:])
        assert args.mode == ("inference" if job.work == "inference" else "training")
        assert (args.layers, args.batch_sizes) == (list(job.layers), [1, 8])
        assert (args.threads, args.activation) == (2, "gelu")
        find_contenders(args.against)


def test_peers_can_be_left_out(tmp_path):
    from grid_plan import jobs

    (job,) = jobs(["1"], [1], [1], ["inference"], ["relu"], 1.0, ["torch-compile", "sklearn"])
    command = job.command(tmp_path / "one.json")
    (against,) = (part for part in command if part.startswith("--against="))
    assert against == "--against=mlpcore-frozen,numpy,torch,onnxruntime,openvino,jax"


def test_what_is_measured_already_is_not_measured_again(tmp_path, monkeypatch):
    import grid
    import grid_plan

    started = []

    class Done:
        returncode = 0

    def start(command, **_):
        started.append(command)
        path = Path(command[-1].removeprefix("--json="))
        sizes = [int(s) for s in command[5].removeprefix("--batch-sizes=").split(",")]
        rows = [row("mlpcore", 1e-6, size) for size in sizes]
        ratios = [ratio("numpy", 1.5, batch_size=size) for size in sizes]
        layers = command[4].removeprefix("--layers=").split(",")
        path.write_text(json.dumps(report(ratios, rows, layers)))
        return Done

    monkeypatch.setattr(grid.subprocess, "run", start)
    options = ["--networks=1,5", "--threads=1", "--work=inference", "--activations=relu"]
    assert grid.main(["run", str(tmp_path), *options, "--batch-sizes=1,8"]) == 0
    assert len(started) == 2
    assert grid.main(["run", str(tmp_path), *options, "--batch-sizes=1,8"]) == 0
    assert len(started) == 2
    assert grid.main(["run", str(tmp_path), *options, "--batch-sizes=8,32"]) == 0
    assert len(started) == 4
    assert all("--batch-sizes=32" in command for command in started[2:])
    reports = json.loads((tmp_path / "grid.json").read_text())
    assert len(reports) == 2
    for name in ("rows", "ratios"):
        assert [entry["batch_size"] for entry in reports[0][name]] == [1, 8, 32]
    assert grid.main(["run", str(tmp_path), *options, "--batch-sizes=8", "--seconds=2"]) == 0
    assert len(started) == 6, "what was timed otherwise is timed anew"
    assert "geometric mean" in (tmp_path / "grid.md").read_text()
    assert grid_plan.NETWORKS.keys() == {"1", "2", "3", "4", "5"}


@pytest.mark.parametrize(
    "option", ["--networks=6", "--batch-sizes=7", "--threads=x", "--work=forward", "--networks="]
)
def test_what_is_not_on_the_grid_is_refused(option, capsys):
    import grid

    with pytest.raises(SystemExit):
        grid.main(["run", "nowhere", option])
    assert "takes some of" in capsys.readouterr().err


def test_the_geometric_mean_is_over_the_fastest_peer_of_each_cell():
    from grid_summary import fastest, geometric_mean, markdown

    one = report(
        [
            ratio("a", 2.0),
            ratio("b", 3.0, fastest=False),
            ratio("a", 1.0, batch_size=8, fastest=False),
            ratio("b", 0.5, batch_size=8),
        ],
        [row("mlpcore", 1e-6), row("mlpcore", 2e-6, 8), row("a", 2e-6)],
    )
    assert [r["median"] for r in fastest(one).values()] == [2.0, 0.5]
    assert geometric_mean([2.0, 0.5]) == 1.0
    text = markdown([one])
    assert "2 cells: geometric mean **1.00**" in text
    assert "worst 0.50 (0.49-0.51), 4-3 at batch 8, against b; 1 below 0.98" in text
    assert "Half of a cell's rounds lie within 2.0 % of the median" in text
    assert "Geometric means against each: a 1.41, b 1.22" in text
    assert "| 4-3 | 1 | 1.0 | 1.0 | 2.0 | 0.5 | 50.0 | 40.0 % | 50.0 % | 1.00 | a | 2.00" in text
    assert "| 4-3 | 1 | 1.0 | 2.0 |" in text


def test_two_runs_agree_where_the_quartile_ranges_meet():
    from grid_compare import compare

    first = [report([ratio("a", 2.0), ratio("a", 1.0, batch_size=8)])]
    lines, agree = compare(first, [report([ratio("a", 2.04), ratio("a", 0.99, batch_size=8)])])
    assert agree
    assert "100.0 % of them" in lines[0]
    lines, agree = compare(first, [report([ratio("a", 2.2), ratio("a", 0.99, batch_size=8)])])
    assert not agree
    assert "50.0 % of them" in lines[0]
    assert lines[-1].endswith("4-3  1  a: 2.00 (1.96-2.04), then 2.20 (2.16-2.24)")


def test_runs_of_different_cells_have_nothing_to_compare():
    from grid_compare import compare

    lines, agree = compare([report([ratio("a", 2.0)])], [report([ratio("b", 2.0)])])
    assert not agree
    assert lines == ["The two runs have no cell in common."]


def test_comparing_files_ends_with_1_where_they_differ(tmp_path, capsys):
    import grid

    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, median in zip(paths, (2.0, 3.0), strict=True):
        path.write_text(json.dumps([report([ratio("a", median)])]))
    assert grid.main(["compare", str(paths[0]), str(paths[0])]) == 0
    assert "agree" in capsys.readouterr().out
    assert grid.main(["compare", *map(str, paths)]) == 1
    assert "do not agree" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "", "not JSON", "{}"])
def test_what_is_no_run_is_refused(content, tmp_path):
    import grid

    path = tmp_path / "grid.json"
    if content is not None:
        path.write_text(content)
    for command in (["table", str(path)], ["compare", str(path), str(path)]):
        with pytest.raises(SystemExit, match=r"grid\.json of a run"):
            grid.main(command)


def test_a_short_table_of_one_run_or_of_two(tmp_path, capsys):
    import grid

    rows = [row("mlpcore", 1e-6), row("mlpcore", 2e-4, 8), row("a", 2e-6)]
    first = report([ratio("a", 2.0), ratio("a", 0.5, batch_size=8)], rows)
    second = report([ratio("a", 4.0), ratio("b", 2.5, fastest=False)], rows)
    paths = [str(tmp_path / name) for name in ("first.json", "second.json")]
    for path, one in zip(paths, (first, second), strict=True):
        Path(path).write_text(json.dumps([one]))
    assert grid.main(["table", paths[0]]) == 0
    text = capsys.readouterr().out
    assert "### Prediction, relu, float32, 1 thread" in text
    means = "| Prediction | relu | float32 | 1 | 2 | 1.00 | 0.50 (0.49-0.51) | 1 |"
    assert f"{means} - | - |\n" in text
    assert (
        "2 cells, geometric mean 1.00; behind (below 0.98): 4-3 at 8: 0.50 (0.49-0.51), a." in text
    )
    assert "| 4-3 | 1 | 1.0 | 50.0 | 50 % | 0.5 | a | 2.00 (1.96-2.04) |\n" in text
    assert "| 4-3 | 8 | 200 | 50.0 | 50 % | 100 | a | 0.50 (0.49-0.51) |\n" in text
    assert grid.main(["table", *paths]) == 0
    text = capsys.readouterr().out
    assert f"{means} 1 | 4.00 |\n" in text
    assert "2 cells, geometric mean 1.00 and 4.00;" in text
    assert "2.00 (1.96-2.04) | 4.00 |\n" in text
    assert "0.50 (0.49-0.51) | - |\n" in text


def test_of_other_activations_than_relu_there_are_the_means_only():
    from grid_table import tables

    other = report([ratio("a", 3.0, batch_size=8)], [row("mlpcore", 2e-4, 8)])
    other["header"]["activation"] = "gelu"
    text = tables([report([ratio("a", 2.0)], [row("mlpcore", 1e-6)]), other])
    assert "| Prediction | gelu | float32 | 1 | 1 | 3.00 |" in text
    assert "### Prediction, relu" in text
    assert "### Prediction, gelu" not in text


def test_several_processes_are_one_report_with_the_range_of_all():
    from grid_pool import pooled
    from grid_summary import markdown

    ratios = [("a", 2.0, True), ("b", 2.2, False)], [("a", 2.6, False), ("b", 2.1, True)]
    ratios += ([("a", 2.5, False), ("b", 2.4, True)],)
    found = [
        report([ratio(peer, value, 0.1, 8, best) for peer, value, best in some],
               [row("mlpcore", seconds, 8), row("a", 1.0, 8)])
        for some, seconds in zip(ratios, (3e-6, 1e-6, 2e-6), strict=True)
    ]  # fmt: skip
    other = report([ratio("a", 3.0)], [row("mlpcore", 1e-6)], layers=(5, 5))
    one, alone = pooled([found[0], other, found[1], found[2]])
    assert alone is other
    a, b = one["ratios"]
    assert (a["peer"], a["median"], a["q1"], a["q3"]) == ("a", 2.5, 1.8, 2.6 * 1.1)
    assert (a["rounds"], a["fastest"], b["median"], b["fastest"]) == (30, False, 2.2, True)
    assert [(r["contender"], r["median_s"]) for r in one["rows"]] == [("mlpcore", 2e-6), ("a", 1.0)]
    assert "processes: 3." in markdown([one])


def test_each_process_has_a_file_and_comes_after_the_whole_grid():
    from grid_plan import jobs

    part = jobs(["1", "5"], [1], [1], ["sgd"], ["relu"], 1.0, processes=2)
    assert [job.file for job in part] == [
        "network1-1-sgd-relu.json",
        "network5-1-sgd-relu.json",
        "network1-1-sgd-relu-1.json",
        "network5-1-sgd-relu-1.json",
    ]
