"""Compare what `mlpcore demo --json` printed on the CPU and on the GPU.

    python ci/compare_demos.py CPU.json GPU.json

Ends with an error unless both recognise as many digits and their losses agree to 1e-5: in float64
in every epoch, in float32 in the first ten.  Later, single precision says nothing: if each weight
of the first layer begins one ulp away from what it was, the CPU parts from itself by 1e-4 and more.
"""

import json
import sys
from pathlib import Path

CLOSE = 1e-5
EPOCHS = {"float32": 10, "float64": None}
"""How many epochs are compared; None is all."""


def main(arguments):
    """Return nothing, or what is wrong."""
    cpu, gpu = (json.loads(Path(name).read_text("utf-8")) for name in arguments)
    first, second = cpu["throughput"][0], gpu["throughput"][0]
    ran = first["device"], second["device"]
    if ran != ("cpu", "cuda:0") or first["dtype"] != second["dtype"]:
        return f"expected results of the CPU and of a GPU in one dtype, got those of {ran}"
    dtype = first["dtype"]
    apart = [abs(a - b) / a for a, b in zip(cpu["loss"], gpu["loss"], strict=True)]
    compared = apart[: EPOCHS[dtype]]
    accuracies = cpu["test_accuracy"], gpu["test_accuracy"]
    print(
        f"demo in {dtype}: test accuracy {accuracies[0]:.4f} on the CPU and {accuracies[1]:.4f} on "
        f"the GPU; loss curves at most {max(compared):.1e} apart in {len(compared)} epochs, "
        f"{max(apart):.1e} in all {len(apart)}; {cpu['seconds']:.1f} s and {gpu['seconds']:.1f} s"
    )
    if accuracies[0] != accuracies[1]:
        return "the accuracies differ"
    if not max(compared) <= CLOSE:
        return f"the loss curves are more than {CLOSE} apart"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
