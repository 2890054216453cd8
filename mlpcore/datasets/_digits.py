"""The UCI handwritten digits: 1797 images of 8 x 8 pixels, read from the file beside this one."""

import zipfile
import zlib
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcore.datasets._split import stratified_split

__all__ = ["Digits", "load_digits"]

_FILE = files("mlpcore.datasets") / "digits.npz"
_ROWS, _PIXELS, _GREYS, _CLASSES = 1797, 64, 16, 10


class Digits(NamedTuple):
    """Images of handwritten digits and what they show.

    Attributes
    ----------
    x : ndarray of float32, shape (n, 64)
        One image a row, its 8 x 8 pixels row by row from the top left.
    t : ndarray of int64, shape (n,)
        The digit, 0 to 9.
    """

    x: NDArray[np.float32]
    t: NDArray[np.int64]

    def split(self, test_fraction: float = 0.2, *, seed: int = 0) -> tuple["Digits", "Digits"]:
        """Divide into a training and a test part, every digit with its share in both.

        Parameters
        ----------
        test_fraction : float
            The part of the images to hold out, between 0 and 1, both excluded.
        seed : int
            Which images are drawn; see `stratified_split`.

        Returns
        -------
        train, test : Digits
            Copies, together every image once.

        Raises
        ------
        ValueError
            If `test_fraction` is out of range or leaves one part empty.
        """
        train, test = stratified_split(self.t, test_fraction, seed=seed)
        return Digits(self.x[train], self.t[train]), Digits(self.x[test], self.t[test])


def load_digits(*, scale: bool = True) -> Digits:
    """Load the test part of UCI's Optical Recognition of Handwritten Digits, 1797 images.

    A pixel counts the inked points in a 4 x 4 block of a 32 x 32 bitmap, so it is one of 0 to 16.

    Parameters
    ----------
    scale : bool
        Divide the pixels by 16, exactly, so that they lie in [0, 1]; otherwise they stay 0 to 16.

    Returns
    -------
    Digits
        ``x`` of shape (1797, 64) in float32 and ``t`` of shape (1797,) in int64, new arrays at
        every call.

    Raises
    ------
    ValueError
        If the installed file is damaged.
    FileNotFoundError
        If the installed file is missing.

    References
    ----------
    E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
    Repository, 1998, https://doi.org/10.24432/C50P49, CC BY 4.0.
    """
    try:
        # `_FILE` may lie in a zip archive, so it is opened as a stream, not by its path.
        with _FILE.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            x, t = arrays["x"], arrays["t"]
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, AttributeError) as e:
        raise _damaged(f"it cannot be read ({type(e).__name__}: {e})") from e
    if x.shape != (_ROWS, _PIXELS) or t.shape != (_ROWS,):
        raise _damaged(f"its arrays have the shapes {x.shape} and {t.shape}")
    if x.dtype != np.uint8 or t.dtype != np.uint8:
        raise _damaged(f"its arrays have the dtypes {x.dtype} and {t.dtype}")
    if x.max() > _GREYS or t.max() >= _CLASSES:
        raise _damaged(f"it holds a pixel of {x.max()} and a digit of {t.max()}")
    pixels = x.astype(np.float32)
    if scale:
        pixels /= _GREYS
    return Digits(pixels, t.astype(np.int64))


def _damaged(what: str) -> ValueError:
    return ValueError(
        f"the digits that ship with mlpcore are damaged: {_FILE}: {what}; expected uint8 arrays "
        f"x of shape ({_ROWS}, {_PIXELS}) from 0 to {_GREYS} and t of shape ({_ROWS},) from 0 to "
        f"{_CLASSES - 1}. Install mlpcore again."
    )
