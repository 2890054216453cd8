"""What a user did wrong on the command line."""


class UsageError(Exception):
    """A wrong use of the command, said in one line: the command exits with 2 and no traceback."""
