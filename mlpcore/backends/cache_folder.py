"""Where compiled kernels are kept: ``MLPCORE_CACHE_DIR``, or in the user's cache folder."""

import os
from pathlib import Path

__all__ = ["VARIABLE", "cache_folder"]

VARIABLE = "MLPCORE_CACHE_DIR"
"""The environment variable that names the folder."""


def cache_folder() -> Path | None:
    """Return the folder; whether it can be used is another question.

    It is ``MLPCORE_CACHE_DIR``, else ``mlpcore`` in ``XDG_CACHE_HOME``, else ``.cache/mlpcore`` in
    the home folder, and None if there is no home folder either.  A relative ``XDG_CACHE_HOME``
    counts as unset (XDG Base Directory Specification, 0.8), a relative ``MLPCORE_CACHE_DIR`` starts
    from the working folder.
    """
    own = os.environ.get(VARIABLE)
    if own:
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(shared):
        return Path(shared) / "mlpcore"
    try:
        home = Path.home()
    except RuntimeError:  # neither HOME nor an entry in the list of users
        return None
    return home / ".cache" / "mlpcore" if home.is_absolute() else None
