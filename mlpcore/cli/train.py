"""``mlpcore train``: a model from a table."""

import argparse
import math
import time
import warnings
from typing import TYPE_CHECKING, Any

from mlpcore.cli.errors import UsageError
from mlpcore.cli.options import (
    add_device,
    add_input,
    names,
    real_number,
    require_output,
    whole_number,
    widths,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mlpcore.cli.target import Classes, Values
    from mlpcore.model import MLP
    from mlpcore.optim import Optimizer

NAME = "train"
HELP = "train a model on a CSV or NPZ file"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``train``."""
    add_input(parser)
    add = parser.add_argument
    add("--target", metavar="COLUMN", help="name or number of the target; array t in an NPZ file")
    add(
        "--ignore", type=names, default=[], metavar="A,B", help="columns of a CSV file to leave out"
    )
    add("--output", default="model.safetensors", metavar="FILE", help="the model (%(default)s)")
    add("--task", default="auto", choices=("auto", "classification", "regression"),
        help="what to train for (%(default)s: found from the target)")  # fmt: skip
    add("--layers", type=widths, default=[64, 64], metavar="N,N",
        help="widths of the hidden layers; '' for none (64,64)")  # fmt: skip
    add("--activation", default="relu", metavar="NAME", help="of the hidden layers (%(default)s)")
    add("--dtype", default="float32", choices=("float32", "float64"), help="(%(default)s)")
    add("--epochs", type=whole_number(1), default=50, metavar="N", help="(%(default)s)")
    add("--batch-size", type=whole_number(1), default=32, metavar="N", help="(%(default)s)")
    add("--optimizer", default="adam", metavar="NAME", help="(%(default)s)")
    add("--lr", type=real_number(0, excluded=True), metavar="RATE",
        help="learning rate (default: the optimizer's own)")  # fmt: skip
    add("--l2", type=real_number(0), default=0.0, metavar="LAMBDA",
        help="weight of the penalty on squared weights (%(default)s)")  # fmt: skip
    add("--validation", type=real_number(0, below=1), default=0.2, metavar="PART",
        help="part of the rows to hold out for the score (%(default)s)")  # fmt: skip
    add("--seed", type=whole_number(0), default=0, metavar="N",
        help="of the initial weights, the rows held out and their order (%(default)s)")  # fmt: skip
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Read, train, score, save.

    Raises
    ------
    UsageError, ValueError, OSError, DeviceUnavailableError
        If an option, the data, a file or the device is not fit; nothing has been written then.
    """
    from mlpcore.cli.dataset import load
    from mlpcore.cli.meaning import Meaning
    from mlpcore.cli.target import choose
    from mlpcore.device import resolve
    from mlpcore.model import MLP
    from mlpcore.optim import optimizer as resolve_optimizer

    device = resolve(args.device)
    optimizer = resolve_optimizer(args.optimizer)
    require_output(args.output)
    data = load(
        args.data, args.target, args.dtype, x=args.x, ignore=args.ignore, header=args.header
    )
    try:
        target = choose(data.t, args.task)
    except ValueError as error:
        raise ValueError(f"{data.path}, target {data.target!r}: {error}") from error
    rows, features = data.x.shape
    train, held_out = _split(target, args.validation, args.seed)
    model = MLP(
        [features, *args.layers, target.outputs],
        args.activation,
        target.output,
        standardize=True,
        dtype=args.dtype,
        device=device,
        seed=args.seed,
    )
    inputs = "1 feature" if features == 1 else f"{features} features"
    print(f"{data.path}: {rows} rows, {inputs}, target {data.target!r}")
    print(f"{target}: {target.reason}")
    print(
        f"network {'-'.join(map(str, model.network.widths))}, {args.activation}, "
        f"{model.num_parameters:,} parameters, {args.dtype}, {model.device}"
    )
    started = time.perf_counter()
    _fit(model, data.x[train], target, train, optimizer, args)
    seconds = time.perf_counter() - started
    print(f"{args.epochs} epochs on {len(train)} rows in {seconds:.1f} s")
    if len(held_out):
        found = model.evaluate(data.x[held_out], target.t[held_out], metrics=target.metrics)
        scores = ", ".join(f"{name} {found[name]:.4g}" for name in target.metrics)
        print(f"validation on {len(held_out)} other rows: {scores}")
    meaning = Meaning(target.task, data.target, data.features, target.names)
    model.save(args.output, metadata=meaning.to_metadata())
    print(f"wrote {args.output}")
    return 0


def _split(
    target: "Classes | Values", part: float, seed: int
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Return the rows to train on and those to hold out."""
    import numpy as np

    from mlpcore.datasets import stratified_split

    rows = len(target.t)
    if part == 0:
        return np.arange(rows), np.arange(0)
    if not 0 < round(part * rows) < rows:
        raise UsageError(
            f"--validation {part:g} of {rows} rows leaves none to "
            f"{'hold out' if round(part * rows) == 0 else 'train on'}; --validation 0 is possible"
        )
    return stratified_split(target.strata, part, seed=seed)


def _fit(
    model: "MLP",
    x: Any,
    target: "Classes | Values",
    rows: "NDArray[np.int64]",
    optimizer: "Optimizer",
    args: argparse.Namespace,
) -> None:
    """Train on `x`, which belongs to `rows` of the targets."""
    from mlpcore.cli.scaling import Scaling, fold
    from mlpcore.cli.target import Values

    t: NDArray[Any] = target.t[rows]
    scaling = Scaling.of(t) if isinstance(target, Values) else None
    model.adapt(x)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the training diverged")  # which is an error here
        history = model.fit(
            x,
            t if scaling is None else scaling.apply(t),
            epochs=args.epochs,
            batch_size=args.batch_size,
            optimizer=optimizer,
            lr=args.lr,
            l2=args.l2,
        )
    last = history[-1]["loss"]
    if not math.isfinite(last):
        raise UsageError(f"the training diverged: its loss became {last}; try a smaller --lr")
    if scaling is not None:
        fold(model, scaling)
