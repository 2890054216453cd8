"""What a check found: how far results were off, and what was computed in another way than meant."""

from typing import Any

import numpy as np


class WrongResultError(Exception):
    """Raised when a result is not what it should be; the message says which, where and how."""


class Findings:
    """What one check finds while it runs.

    Attributes
    ----------
    worst : float
        The largest error so far, as a fraction of its bound.
    compared : int
        How many numbers were compared.
    reasons : list of str
        Why something was computed without the kernel that is meant for it.
    """

    def __init__(self) -> None:
        self.worst = 0.0
        self.compared = 0
        self.reasons: list[str] = []

    def within(self, what: str, found: Any, exact: Any, bound: Any) -> None:
        """Compare numbers with those of float64, each with its bound.

        Parameters
        ----------
        what : str
            What the numbers are, for the message.
        found : array
            In host memory.
        exact, bound : array
            In float64, in the shape of `found`.  NaN is expected where `exact` is NaN.

        Raises
        ------
        WrongResultError
            If the shape differs, or an element is off by more than its bound.
        """
        found, exact = np.asarray(found, np.float64), np.asarray(exact, np.float64)
        if found.shape != exact.shape:
            raise WrongResultError(f"{what}: shape {found.shape}, expected {exact.shape}")
        bound = np.broadcast_to(bound, exact.shape)
        with np.errstate(all="ignore"):
            error = np.abs(found - exact)
            share = np.where(error == 0, 0.0, error / bound)
            share = np.where(found == exact, 0.0, share)  # infinities of one sign
        share = np.where(np.isnan(found) & np.isnan(exact), 0.0, share)
        share = np.where(np.isnan(share), np.inf, share)
        self.compared += share.size
        if share.size == 0:
            return
        place = np.unravel_index(int(np.argmax(share)), share.shape)
        worst = float(share[place])
        self.worst = max(self.worst, worst)
        if worst > 1:
            where = f" at {[int(i) for i in place]}" if place else ""
            raise WrongResultError(
                f"{what}{where}: {found[place]:.9g}, expected {exact[place]:.9g} "
                f"within {bound[place]:.2g}"
            )

    def same_bits(self, what: str, found: Any, expected: Any) -> None:
        """Compare two arrays bit by bit; raise WrongResultError if they differ."""
        found, expected = np.ascontiguousarray(found), np.ascontiguousarray(expected)
        if found.shape != expected.shape or found.dtype != expected.dtype:
            raise WrongResultError(
                f"{what}: {found.dtype} of shape {found.shape}, "
                f"expected {expected.dtype} of shape {expected.shape}"
            )
        self.compared += found.size
        unsigned = f"u{found.dtype.itemsize}"
        different = np.count_nonzero(found.view(unsigned) != expected.view(unsigned))
        if different:
            raise WrongResultError(f"{what}: {different} of {found.size} numbers have other bits")

    def require(self, holds: bool, message: str) -> None:
        """Raise WrongResultError with `message` unless something holds."""
        self.compared += 1
        if not holds:
            raise WrongResultError(message)

    def fell_back(self, reason: str) -> None:
        """Remember why a kernel was not used; the results still have to be right."""
        if reason not in self.reasons:
            self.reasons.append(reason)
