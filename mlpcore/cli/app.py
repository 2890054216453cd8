"""The command itself: which subcommand it is, and what its errors look like.

A subcommand is a module of this package with ``NAME``, ``HELP``, ``configure(parser)`` and
``run(args)``, which returns the exit code.  It imports what is slow inside `run`, because all of
them are loaded to show the help.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from mlpcore.cli.errors import UsageError
from mlpcore.device import DeviceUnavailableError

SUBCOMMANDS = ("info", "demo", "train", "predict", "bench", "warmup", "tune", "selfcheck")
"""The modules, in the order in which the help lists them."""

USAGE_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
BROKEN_PIPE = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the process.

    Returns
    -------
    int
        0, or what the subcommand returned; 2 for wrong arguments, files, data or devices, after one
        line on standard error (with ``--debug``, the traceback); 130 after Ctrl-C; 141 if whoever
        read the output went away.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    name = next((a for a in arguments if a in SUBCOMMANDS), None)
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except SystemExit as request:  # argparse, after --help and --version
        return int(request.code or 0)
    except KeyboardInterrupt:
        _say(name, "interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _close_output()
        return BROKEN_PIPE
    except (UsageError, DeviceUnavailableError, ValueError, OSError, MemoryError) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        else:
            _say(name, _one_line(error))
        return USAGE_ERROR


def _run(arguments: list[str]) -> int:
    args = _parser().parse_args(arguments)
    if args.run is None:
        raise UsageError(
            f"give a command: {', '.join(SUBCOMMANDS)}; mlpcore --help says what they do"
        )
    code: int = args.run(args)
    return code


class _Formatter(argparse.HelpFormatter):
    """Help with room for every subcommand: argparse forgets how far they are indented."""

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        names = action.choices if isinstance(action, argparse._SubParsersAction) else ()
        indented = [2 * self._indent_increment + len(name) for name in names]
        self._action_max_length = max([self._action_max_length, *indented])


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are raised, so that they are told like all others."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mlpcore",
        formatter_class=_Formatter,
        description="Multilayer perceptrons, fast on a CPU and on an NVIDIA GPU.",
    )
    parser.set_defaults(run=None)
    parser.add_argument("--version", action=_Version, help="show the version and exit")
    debug: dict[str, Any] = {"action": "store_true", "help": "show the traceback of an error"}
    parser.add_argument("--debug", **debug)
    subparsers = parser.add_subparsers(metavar="COMMAND")
    for name in SUBCOMMANDS:
        module = import_module(f"mlpcore.cli.{name}")
        subparser = subparsers.add_parser(
            module.NAME, help=module.HELP, description=f"{module.HELP[0].upper()}{module.HELP[1:]}."
        )
        module.configure(subparser)
        # Also after the subcommand, where its absence must not take back one that came before.
        subparser.add_argument("--debug", default=argparse.SUPPRESS, **debug)
        subparser.set_defaults(run=module.run)
    return parser


class _Version(argparse.Action):
    """Print the version of the package."""

    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, **kwargs)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        print(f"mlpcore {import_module('mlpcore').__version__}")
        parser.exit()


def _one_line(error: BaseException) -> str:
    if isinstance(error, DeviceUnavailableError):
        return error.headline
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}" if str(error) else "not enough memory"
    return " ".join(str(error).split()) or type(error).__name__


def _say(name: str | None, message: str) -> None:
    print(f"mlpcore {name}: {message}" if name else f"mlpcore: {message}", file=sys.stderr)


def _close_output() -> None:
    """Let the interpreter flush into nothing when it ends, rather than complain."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # not a file: captured by a test or replaced by a program
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)
