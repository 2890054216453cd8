"""The contenders by name."""

from collections.abc import Sequence

from mlpcore.bench.contender import Contender
from mlpcore.bench.contenders.intel_openvino import OpenVino
from mlpcore.bench.contenders.jax_jit import Jax
from mlpcore.bench.contenders.onnx_runtime import OnnxRuntime
from mlpcore.bench.contenders.ours import FrozenMLPCore, MLPCore
from mlpcore.bench.contenders.plain_numpy import NumPy
from mlpcore.bench.contenders.python_loop import PythonLoop
from mlpcore.bench.contenders.scikit_learn import ScikitLearn
from mlpcore.bench.contenders.torch_compiled import CompiledTorch
from mlpcore.bench.contenders.torch_eager import Torch

CONTENDERS: dict[str, type[Contender]] = {
    contender.name: contender
    for contender in (
        MLPCore,
        FrozenMLPCore,
        NumPy,
        Torch,
        CompiledTorch,
        OnnxRuntime,
        OpenVino,
        Jax,
        ScikitLearn,
        PythonLoop,
    )
}

OURS = (MLPCore.name, FrozenMLPCore.name)
"""Those that are this library; all others are peers."""

ALL = "all"
"""Stands for every contender but the loop, which has something to show and nothing to win."""


def find_contenders(names: Sequence[str]) -> list[Contender]:
    """Return a contender for each of `names`, without repetition.

    Raises
    ------
    ValueError
        If a name is neither in `CONTENDERS` nor ``"all"``; the message lists those that are.
    """
    every = [name for name in CONTENDERS if name != PythonLoop.name]
    wanted = [one for name in names for one in (every if name == ALL else [name])]
    unknown = [name for name in wanted if name not in CONTENDERS]
    if unknown:
        known = ", ".join([*CONTENDERS, ALL])
        raise ValueError(f"unknown contender {unknown[0]!r}; known are {known}")
    return [CONTENDERS[name]() for name in dict.fromkeys(wanted)]
