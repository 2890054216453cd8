"""What tells one version of the kernels in Python from another: the bytes of their sources."""

from __future__ import annotations

from pathlib import Path

from ..cpu.fingerprint import fingerprint_of

_HERE = Path(__file__).parent

FOLDERS = (_HERE, _HERE.parent / "reference")
"""The kernels take constants of the reference, and no code of anything else."""


def read_fingerprint() -> bytes | None:
    """Return the SHA-256 of the sources, or None where they cannot be read."""
    return fingerprint_of(*FOLDERS)


FINGERPRINT = read_fingerprint()
"""The fingerprint when this process began to use the kernels."""
