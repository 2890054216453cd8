"""The annotations of public names can be read at run time, by whoever builds on them.

``typing.get_type_hints`` is what checkers at run time, serialisers and makers of documentation ask.
"""

import inspect
import subprocess
import sys
from typing import Any, get_type_hints

import pytest
from support.public_modules import MODULES

import mlpcore
from mlpcore import optim, training
from mlpcore.nn import architecture, losses

UPWARD = {"mlpcore.summary", "mlpcore.trace", "mlpcore.inspect.summary", "mlpcore.inspect.trace"}
"""They take a model, whose module stands above theirs: type checkers alone know its type there."""


def public(module):
    """Return by name what a module of the library offers, and what its classes define."""
    found = {}
    for name in module.__all__:
        thing = getattr(module, name)
        found[f"{module.__name__}.{name}"] = thing
        if inspect.isclass(thing):
            for member in dir(thing):
                defined = inspect.getattr_static(thing, member)
                function = getattr(defined, "__func__", getattr(defined, "fget", defined))
                found[f"{module.__name__}.{name}.{member}"] = function
    return {
        name: thing
        for name, thing in found.items()
        if (inspect.isfunction(thing) or inspect.isclass(thing))
        and thing.__module__.startswith("mlpcore")
        and name not in UPWARD
    }


def test_the_methods_of_a_model_are_among_them():
    names = "__init__ __call__ predict fit trainer forward backward value_and_grad load device"
    assert {f"mlpcore.MLP.{name}" for name in names.split()} <= public(mlpcore).keys()


@pytest.mark.parametrize("module", [*MODULES, architecture], ids=lambda module: module.__name__)
def test_every_hint_can_be_read(module):
    for name, thing in public(module).items():
        try:
            get_type_hints(thing)
            if inspect.isfunction(thing):
                inspect.signature(thing, eval_str=True)
        except NameError as error:
            pytest.fail(f"{name}: {error}")


def test_hints_are_the_types_themselves():
    hints = get_type_hints(mlpcore.MLP.fit)
    assert hints["return"] is training.History
    assert hints["loss"] == losses.LossSpec | None
    assert hints["optimizer"] == optim.OptimizerSpec
    assert get_type_hints(mlpcore.MLP.backward)["cache"] is mlpcore.Cache
    assert get_type_hints(mlpcore.MLP.forward)["return"] is Any
    assert get_type_hints(mlpcore.MLP)["network"] is mlpcore.Network


def test_nothing_has_to_be_imported_before():
    code = (
        "import inspect, mlpcore\n"
        "hints = [inspect.signature(f, eval_str=True) for n, f in vars(mlpcore.MLP).items()"
        " if inspect.isfunction(f)]\n"
        "print(inspect.signature(mlpcore.MLP.freeze, eval_str=True).return_annotation)\n"
        "print(inspect.signature(mlpcore.MLP.fit, eval_str=True).return_annotation)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(mlpcore.FrozenPredictor), str(training.History)]
