"""The command ``mlpcore``: one file a subcommand."""

from mlpcore.cli.app import main

__all__ = ["main"]
