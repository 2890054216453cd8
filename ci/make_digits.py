"""Make mlpcore/datasets/digits.npz from the copy of the UCI digits that scikit-learn distributes.

    python ci/make_digits.py [FILE]

NumPy dates the members of an archive 1980-01-01, so the same zlib writes the same bytes each time.
"""

import io
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TARGET = Path(__file__).parents[1] / "mlpcore" / "datasets" / "digits.npz"


def digits_npz() -> bytes:
    """Return the file's bytes: a compressed archive of two arrays of unsigned bytes, no pickle."""
    data, target = load_digits(return_X_y=True)
    x, t = data.astype(np.uint8), target.astype(np.uint8)
    if not (np.array_equal(x, data) and np.array_equal(t, target)):
        raise ValueError("scikit-learn's digits are no longer whole numbers below 256")
    archive = io.BytesIO()
    np.savez_compressed(archive, x=x, t=t)
    return archive.getvalue()


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    path.write_bytes(digits_npz())
    print(f"{path}: {path.stat().st_size} bytes")
