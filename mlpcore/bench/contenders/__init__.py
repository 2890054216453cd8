"""The contenders by name."""

from collections.abc import Sequence

from mlpcore.bench.contender import Contender
from mlpcore.bench.contenders.ours import MLPCore
from mlpcore.bench.contenders.plain_numpy import NumPy
from mlpcore.bench.contenders.python_loop import PythonLoop

CONTENDERS: dict[str, type[Contender]] = {
    contender.name: contender for contender in (MLPCore, NumPy, PythonLoop)
}


def find_contenders(names: Sequence[str]) -> list[Contender]:
    """Return a contender for each of `names`, without repetition.

    Raises
    ------
    ValueError
        If a name is not in `CONTENDERS`; the message lists those that are.
    """
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        raise ValueError(f"unknown contender {unknown[0]!r}; known are {', '.join(CONTENDERS)}")
    return [CONTENDERS[name]() for name in dict.fromkeys(names)]
