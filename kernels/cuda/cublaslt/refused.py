"""What is raised when cuBLASLt does not compute something."""


class Refused(Exception):  # noqa: N818 - it is an answer, not a mistake of the caller
    """Raised when cuBLASLt is absent, or has no kernel for what it was asked; nothing was written.

    The message says why.  The same question gets the same answer, so a caller may remember it.
    """
