"""Work in parts that become smaller until the memory of a GPU has room for them."""

import warnings
from collections.abc import Callable
from typing import Any


def halving(xp: Any, work: Callable[[int], None], rows: int, where: Any) -> None:
    """Call `work` with a number of rows, and with half as many for as long as memory runs out.

    Parameters
    ----------
    xp : module
        CuPy.
    work : callable
        ``work(rows)`` goes on where it stopped, in parts of at most so many rows.
    rows : int
        The size of the first parts.
    where : object
        The device, for messages.

    Raises
    ------
    MemoryError
        If a single row does not fit.

    Warns
    -----
    RuntimeWarning
        Once, if memory ran out.
    """
    warned = False
    while True:
        # What failed holds arrays through its traceback until the except clause is left.
        try:
            work(rows)
            return
        except xp.cuda.memory.OutOfMemoryError as error:
            if rows <= 1:
                raise MemoryError(
                    f"{where} is out of memory: not even one row of this prediction fits beside "
                    f"what the device holds already ({error}); free arrays there, or give the "
                    "input as NumPy arrays, of which only parts go to the device"
                ) from None
        if not warned:
            warnings.warn(
                f"{where} ran out of memory in a prediction of {rows} rows at once; it goes on "
                "with fewer",
                RuntimeWarning,
                stacklevel=2,
            )
            warned = True
        rows = -(-rows // 2)
