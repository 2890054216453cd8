"""What is wrong with a file."""


class ModelFileError(ValueError):
    """A file that holds no model of this library, or a damaged one.

    The message is one line and begins with the file's path.
    """
