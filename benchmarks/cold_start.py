"""Import, first prediction and peak memory of every library, each in a process of its own.

    python benchmarks/cold_start.py
    python benchmarks/cold_start.py --against mlpcore,onnxruntime --repeats 9

A process imports the library (NumPy is there already), builds the network and predicts once; the
table shows the median of the repeats.  Before them is one run with empty cache folders, in which
some libraries compile; it is shown apart.  Memory is the largest resident size, less that of a
process which imports NumPy.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from statistics import median

from mlpcore.bench import CONTENDERS, Spec, find_contenders
from mlpcore.bench.affinity import available
from mlpcore.cli.bench import THREAD_VARIABLES

LAYERS = (784, 512, 256, 128, 64, 10)
MODULES = {
    "mlpcore": ["mlpcore"],
    "mlpcore-frozen": ["mlpcore"],
    "torch": ["torch"],
    "torch-compile": ["torch"],
    "onnxruntime": ["onnxruntime"],
    "openvino": ["openvino"],
    "jax": ["jax"],
    "sklearn": ["sklearn.neural_network"],
}
# Where mlpcore, what follows the XDG rules, and PyTorch's compiler keep what they compiled.
CACHE_VARIABLES = ("MLPCORE_CACHE_DIR", "XDG_CACHE_HOME", "TMPDIR", "TORCHINDUCTOR_CACHE_DIR")

CHILD = """
import importlib, json, resource, sys, time
import numpy as np
name, modules, layers = json.loads(sys.argv[1])
start = time.perf_counter()
for module in modules:
    importlib.import_module(module)
imported = time.perf_counter()
result = {"import_s": imported - start}
if name:
    from mlpcore.bench.contenders import CONTENDERS
    from mlpcore.bench.spec import Spec, draw_batch, draw_parameters
    spec = Spec(tuple(layers))
    parameters, (x, _) = draw_parameters(spec), draw_batch(spec, 1)
    ready = time.perf_counter()
    CONTENDERS[name]().prepare(spec, parameters, 1)(x)
    result["first_s"] = time.perf_counter() - ready
result["peak_kb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps(result))
"""


def child(name, modules, caches):
    """Return what one process measured of itself, whose libraries keep their caches in `caches`."""
    command = [sys.executable, "-c", CHILD, json.dumps([name, modules, LAYERS])]
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, "1")
    environment |= dict.fromkeys(CACHE_VARIABLES, caches)
    run = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{name or 'NumPy'} failed:\n{run.stderr}")
    return json.loads(run.stdout.splitlines()[-1])


def measure(name, repeats):
    """Return the results of `repeats` processes, after those of a first that finds no cache."""
    with tempfile.TemporaryDirectory() as caches:
        return [child(name, MODULES[name], caches) for _ in range(repeats + 1)]


def table(results, base_kb):
    """Return a line for each library as a Markdown table."""
    lines = [
        "| library | import, s | first prediction, s | the same with empty caches, s "
        "| peak memory, MB |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, (first, *others) in results.items():
        import_s, first_s, peak_kb = (
            median(run[key] for run in others) for key in ("import_s", "first_s", "peak_kb")
        )
        lines.append(
            f"| {name} | {import_s:.3f} | {first_s:.3f} | {first['first_s']:.3f} "
            f"| {(peak_kb - base_kb) / 1024:.0f} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", default=",".join(MODULES), help="libraries (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="processes of each (%(default)s)")
    args = parser.parse_args()
    if (cpus := available()) is not None:
        os.sched_setaffinity(0, {max(cpus)})  # children inherit it: one thread for everybody
    names = []
    for contender in find_contenders(args.against.split(",")):
        reason = contender.unavailable(Spec(LAYERS)) if contender.name in MODULES else "not timed"
        if reason is None:
            names.append(contender.name)
        else:
            print(f"{contender.name} skipped: {reason}")
    base = child("", [], tempfile.gettempdir())
    results = {name: measure(name, args.repeats) for name in names}
    print(table(results, base["peak_kb"]))


if __name__ == "__main__":
    assert set(MODULES) <= set(CONTENDERS)
    main()
