"""``mlpcore predict``: a model's predictions for a table."""

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mlpcore.cli.errors import UsageError
from mlpcore.cli.options import add_device, add_input, require_output

if TYPE_CHECKING:
    from mlpcore.cli.meaning import Meaning
    from mlpcore.model import MLP

NAME = "predict"
HELP = "predict with a saved model for the rows of a CSV or NPZ file"

ROWS_AT_ONCE = 8192


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``predict``."""
    parser.add_argument("model", metavar="MODEL", help="a .safetensors file that mlpcore wrote")
    add_input(parser)
    parser.add_argument("--output", metavar="FILE", help="a CSV file (default: standard output)")
    parser.add_argument(
        "--probabilities", action="store_true", help="add the probability of each class"
    )
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Load, predict, write one row for each row of the data.

    Raises
    ------
    UsageError, ValueError, OSError, DeviceUnavailableError
        If an option, the model, the data, a file or the device is not fit; nothing has been written
        then.
    """
    from mlpcore.cli.dataset import load_inputs
    from mlpcore.cli.meaning import Meaning
    from mlpcore.io.safetensors import read_metadata
    from mlpcore.model import MLP

    if args.output is not None:
        require_output(args.output)
    model = MLP.load(args.model, device=args.device)
    in_features, out_features = model.network.widths[0], model.network.widths[-1]
    meaning = Meaning.from_metadata(read_metadata(args.model), in_features, out_features)
    if args.probabilities and not _classifies(model):
        raise UsageError(f"--probabilities: {args.model} is not a classifier")
    x = load_inputs(args.data, meaning, in_features, model.dtype, x=args.x, header=args.header)
    y = model.predict(x, batch_size=ROWS_AT_ONCE)
    lines = _lines(model, meaning, y, probabilities=args.probabilities)
    if args.output is None:
        _write(sys.stdout, lines)
    else:
        _save(args.output, lines)
    return 0


def _classifies(model: "MLP") -> bool:
    return model.network.output.name in ("softmax", "log_softmax")


def _lines(model: "MLP", meaning: "Meaning", y: Any, *, probabilities: bool) -> Iterable[list[str]]:
    """Give the heading, then a line for each row of y, the model's output."""
    import numpy as np

    if not _classifies(model):
        one = y.shape[1] == 1
        yield ["prediction"] if one else [f"prediction_{i}" for i in range(y.shape[1])]
        # The shortest decimal that is read as the same float.
        yield from ([str(value) for value in row] for row in y)
        return
    classes = meaning.classes or tuple(map(str, range(y.shape[1])))
    p = np.exp(y) if model.network.output.name == "log_softmax" else y
    yield ["prediction", *(f"p({name})" for name in classes)] if probabilities else ["prediction"]
    for row in p:
        rest = [str(value) for value in row] if probabilities else []
        yield [classes[int(row.argmax())], *rest]


def _write(file: Any, lines: Iterable[list[str]]) -> None:
    import csv

    csv.writer(file, lineterminator="\n").writerows(lines)


def _save(path: str, lines: Iterable[list[str]]) -> None:
    import codecs

    from mlpcore.io.atomic import replacing

    with replacing(path) as file:
        _write(codecs.getwriter("utf-8")(file), lines)
