"""The folder for compiled libraries.

What lies in it is loaded into this process, so nobody else may write there: it must belong to this
user and be closed to everyone else.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from .errors import BuildError

VARIABLE = "GPU_ON_CPU_CACHE"


def cache_folder(*parts: str) -> Path:
    """Return the cache folder, or one below it, creating it if need be.

    Raises
    ------
    BuildError
        If the folder belongs to another user or is open to others.
    """
    default = Path(tempfile.gettempdir()) / f"gpu_on_cpu-{os.getuid()}"
    folder = Path(os.environ.get(VARIABLE) or default)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise BuildError(f"{folder} is not a folder of yours; set {VARIABLE} to another")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise BuildError(f"{folder} is open to others (chmod 700 it, or set {VARIABLE})")
    for part in parts:
        folder = folder / part
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder
