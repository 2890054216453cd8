"""``mlpcore demo``: handwritten digits, learnt and recognised in a few seconds."""

import argparse
import json
import time

from mlpcore.cli.options import add_device, whole_number

NAME = "demo"
HELP = "train on handwritten digits, then measure the throughput"

BATCH_SIZES = (1, 8, 32, 128, 512, 2048)
SECONDS = 0.2
"""How long each batch size is timed."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``demo``."""
    add = parser.add_argument
    add("--json", action="store_true", help="print a JSON object and nothing else")
    add("--epochs", type=whole_number(1), default=40, metavar="N", help="(%(default)s)")
    add("--seed", type=whole_number(0), default=0, metavar="N",
        help="of the initial weights and of the images held out (%(default)s)")  # fmt: skip
    add("--dtype", default="float32", choices=("float32", "float64"), help="(%(default)s)")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Train, test on the images held out, and time the forward pass.

    Raises
    ------
    DeviceUnavailableError
        If the device cannot be used.
    """
    from dataclasses import asdict

    from mlpcore.bench import throughput
    from mlpcore.bench.table import rows_table
    from mlpcore.datasets import load_digits
    from mlpcore.model import MLP
    from mlpcore.nn.losses import loss

    def say(text: str) -> None:
        if not args.json:
            print(text, flush=True)

    model = MLP(
        [64, 256, 10], output="softmax", dtype=args.dtype, device=args.device, seed=args.seed
    )
    train, test = load_digits().split(0.2, seed=args.seed)
    say(
        f"training {'-'.join(map(str, model.network.widths))} on {len(train.t)} handwritten "
        f"digits, {model.device}, {args.epochs} epochs"
    )
    started = time.perf_counter()
    history = model.fit(
        train.x,
        train.t,
        epochs=args.epochs,
        batch_size=64,
        # A target of 1 for every image rewards ever larger weights; a little less than 1 makes the
        # network recognise one more image in a hundred.
        loss=loss("cross_entropy", label_smoothing=0.2),
        optimizer="adam",
        lr=2e-3,
        progress=False if args.json else None,
    )
    seconds = time.perf_counter() - started
    accuracy = model.evaluate(test.x, test.t, metrics="accuracy")["accuracy"]
    say(
        f"test accuracy {100 * accuracy:.2f} % on {len(test.t)} other digits, after {seconds:.1f} s"
    )
    say("throughput of the forward pass:")
    rows = throughput(model, BATCH_SIZES, seconds=SECONDS)
    say("\n".join(rows_table(rows)))
    if args.json:
        found = {
            "test_accuracy": accuracy,
            "loss": history["loss"],
            "seconds": seconds,
            "throughput": [asdict(row) for row in rows],
        }
        print(json.dumps(found, indent=1, allow_nan=False))
    return 0
