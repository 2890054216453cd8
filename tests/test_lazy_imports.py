"""`import mlpcore`, and a first prediction, load what they need and leave the rest alone."""

import json
import signal
import subprocess
import sys

import pytest

import mlpcore
from mlpcore.lazy_imports import lazy_module, lazy_names

TRAINING = (
    "mlpcore.backends.cpu.flat_update",
    "mlpcore.backends.cpu.fused_loss",
    "mlpcore.backends.cpu.fused_step",
    "mlpcore.backends.cpu.layers",
    "mlpcore.backends.cpu.loss_of_rows",
    "mlpcore.backends.folding",
    "mlpcore.backends.fused_optimizer",
    "mlpcore.backends.recompute",
    "mlpcore.callbacks",
    "mlpcore.frozen",
    "mlpcore.functional",
    "mlpcore.inspect",
    "mlpcore.io",
    "mlpcore.kernels.reference.losses",
    "mlpcore.kernels.reference.optimizers",
    "mlpcore.model_gradients",
    "mlpcore.nn.losses",
    "mlpcore.optim",
    "mlpcore.passes",
    "mlpcore.training",
)
"""What neither needs."""

MAKING = (
    "mlpcore.backends.composed",
    "mlpcore.backends.cpu.backend",
    "mlpcore.nn.initializers",
    "hashlib",
    "inspect",
    "json",
    "numpy.random",
    "numpy.typing",
    "secrets",
)
"""What waits for the first model."""

NETWORK = "mlpcore.MLP([2, 3, 2], output='softmax', device='cpu')(numpy.zeros((1, 2), 'f4'))"


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def loaded_by(code):
    """Return the modules that `code` loads in a process that has NumPy."""
    return set(
        json.loads(
            run(
                "import sys, numpy\n"
                "before = set(sys.modules)\n"
                f"{code}\n"
                "import json\n"
                "print(json.dumps(sorted(set(sys.modules) - before)))"
            )
        )
    ) - {"json", "json.decoder", "json.encoder", "json.scanner", "_json"}


@pytest.fixture(scope="module")
def imported():
    return loaded_by("import mlpcore")


def test_the_import_leaves_alone_what_it_does_not_need(imported):
    assert imported.isdisjoint({*TRAINING, *MAKING})


def test_the_import_loads_few_modules(imported):
    assert len([name for name in imported if name.startswith("mlpcore")]) <= 70
    assert len([name for name in imported if not name.startswith("mlpcore")]) <= 20


def test_the_import_makes_few_dataclasses():
    """One takes longer to make than a module to load: Python compiles up to six functions for it.

    What only carries values is a named tuple, which costs an eighth.
    """
    code = (
        "import sys, mlpcore\n"
        "classes = {c for name, module in list(sys.modules.items()) if name.startswith('mlpcore')"
        " for c in vars(module).values() if isinstance(c, type)}\n"
        "print(sum('__dataclass_fields__' in vars(c) for c in classes))"
    )
    assert 10 < int(run(code)) <= 24


def test_a_prediction_loads_nothing_that_trains_or_looks_inside():
    found = loaded_by(f"import mlpcore\n{NETWORK}")
    assert "mlpcore.backends.cpu.backend" in found
    assert found.isdisjoint(TRAINING)


def test_a_model_from_a_file_draws_nothing(tmp_path):
    path = str(tmp_path / "model.safetensors")
    model = mlpcore.MLP([2, 3, 2], device="cpu", seed=0)
    model.save(path)
    code = (
        f"import mlpcore; model = mlpcore.MLP.load({path!r}, device='cpu');"
        "assert model(numpy.ones((1, 2), 'f4')).shape == (1, 2)"
    )
    assert "mlpcore.nn.initializers" not in loaded_by(code)


def test_a_drawn_seed_has_63_bits():
    seeds = [mlpcore.MLP([1, 1], device="cpu").seed for _ in range(64)]
    assert len(set(seeds)) == 64
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) >= 2**57  # fails once in 2**384 times


LAZY_NAMES = (
    "Cache",
    "FrozenPredictor",
    "Group",
    "ModelFileError",
    "Trainer",
    "callbacks",
    "ema",
    "functional",
    "inspect",
    "io",
    "loss",
    "optim",
    "optimizer",
    "summary",
    "trace",
)


@pytest.mark.parametrize("form", ["mlpcore.{0}", "(exec('from mlpcore import {0}') or {0})"])
def test_a_name_is_there_when_somebody_asks(form):
    asked = ", ".join(form.format(name) for name in LAZY_NAMES)
    assert run(f"import mlpcore; print(None in ({asked}))") == "False"


@pytest.mark.parametrize(
    "name",
    [
        "frozen.FrozenPredictor",
        "io.safetensors.read",
        "nn.activations.activation",
        "nn.initializers.names",
        "nn.losses.loss",
        "optim.schedules.cosine",
        "passes.LayerGradients",
    ],
)
def test_a_module_is_there_when_somebody_asks(name):
    """Each in a process of its own, in which nothing else has loaded it."""
    assert run(f"import mlpcore; print(callable(mlpcore.{name}))") == "True"


def test_every_public_name_can_be_listed_and_had():
    for name in mlpcore.__all__:
        assert name in dir(mlpcore)
        assert getattr(mlpcore, name) is not None


def test_a_function_is_not_hidden_by_the_module_that_it_comes_from():
    """`mlpcore.inspect.summary` and `mlpcore.nn.losses.loss` share names with modules."""
    code = (
        "import mlpcore, mlpcore.inspect.summary, mlpcore.inspect.trace, mlpcore.nn.losses\n"
        "print(callable(mlpcore.summary), callable(mlpcore.trace), callable(mlpcore.loss))"
    )
    assert run(code) == "True True True"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'mlpcore' has no attribute 'Transformer'"):
        mlpcore.Transformer  # noqa: B018


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """Write a module that is interrupted in its middle; return its name and what a handler saw."""
    (tmp_path / "interrupted_module.py").write_text(
        "import signal\nsignal.raise_signal(signal.SIGINT)\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "interrupted_module", raising=False)
    seen = []

    def handler(*_):
        seen.append(hasattr(sys.modules["interrupted_module"], "whole"))

    before = signal.signal(signal.SIGINT, handler)
    yield "interrupted_module", seen
    signal.signal(signal.SIGINT, before)
    sys.modules.pop("interrupted_module", None)


def test_a_lazy_module_is_whole_before_a_signal_is_handled(interrupted):
    name, seen = interrupted
    assert lazy_module(name).whole is True
    assert seen == [True]


def test_so_is_the_home_of_a_lazy_name(interrupted):
    name, seen = interrupted
    get, _ = lazy_names({"__name__": "package"}, {"whole": name})
    assert get("whole") is True
    assert seen == [True]


def test_a_lazy_module_keeps_what_was_asked_for():
    module = lazy_module("fractions")
    first = module.Fraction
    assert vars(module)["Fraction"] is first
    assert module.Fraction is first
    with pytest.raises(AttributeError, match="module 'fractions' has no attribute 'Decimals'"):
        module.Decimals  # noqa: B018


PROGRESS = """
from mlpcore.training.progress import progress_bar
with progress_bar(1, True):
    pass
"""
PLOT = """
from mlpcore.training.history_plot import plot
plot(["an epoch"])
"""


@pytest.mark.parametrize(
    ("package", "code"), [("tqdm", PROGRESS), ("matplotlib", PLOT)], ids=["tqdm", "matplotlib"]
)
def test_so_is_a_package_that_few_need(tmp_path, package, code):
    """What stands for it here is all that the path has of it, so the code ends with its import."""
    (tmp_path / f"{package}.py").write_text(
        "import signal\nsignal.raise_signal(signal.SIGINT)\nwhole = True\n"
    )
    start = f"""
import signal, sys
sys.path.insert(0, {str(tmp_path)!r})
signal.signal(signal.SIGINT, lambda *_: print(hasattr(sys.modules[{package!r}], "whole")))
try:
    exec(sys.stdin.read())
except ImportError:
    pass
"""
    done = subprocess.run(
        [sys.executable, "-c", start], input=code, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"
