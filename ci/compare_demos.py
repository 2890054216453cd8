"""Compare what `mlpcore demo --json` printed on the CPU and on the GPU.

    python ci/compare_demos.py CPU.json GPU.json

Ends with an error unless both recognise as many digits by loss curves as close as `BOUNDS` says.
What may be asked is how far the CPU parts from itself if each weight of the first layer begins one
ulp away: in float64 by 2e-15 in all 40 epochs; in float32 by 2e-5 to 1e-4 in the first ten and by
1e-4 in all.  So float64 shows that both compute the same, and float32 little after its first
epochs.
"""

import json
import sys
from pathlib import Path

BOUNDS = {"float32": {10: 1e-5, None: 5e-4}, "float64": {None: 1e-13}}
"""How far apart relative to the CPU's, by dtype, in how many first epochs; None is all."""


def main(arguments):
    """Return nothing, or what is wrong."""
    cpu, gpu = (json.loads(Path(name).read_text("utf-8")) for name in arguments)
    first, second = cpu["throughput"][0], gpu["throughput"][0]
    ran = first["device"], second["device"]
    if ran != ("cpu", "cuda:0") or first["dtype"] != second["dtype"]:
        return f"expected results of the CPU and of a GPU in one dtype, got those of {ran}"
    apart = [abs(a - b) / a for a, b in zip(cpu["loss"], gpu["loss"], strict=True)]
    found = {epochs: (max(apart[:epochs]), most) for epochs, most in BOUNDS[first["dtype"]].items()}
    said = ", ".join(
        f"{worst:.1e} in {'all' if epochs is None else 'the first'} {epochs or len(apart)} epochs"
        for epochs, (worst, _) in found.items()
    )
    accuracies = cpu["test_accuracy"], gpu["test_accuracy"]
    print(
        f"demo in {first['dtype']}: test accuracy {accuracies[0]:.4f} on the CPU and "
        f"{accuracies[1]:.4f} on the GPU; loss curves apart by at most {said}; "
        f"{cpu['seconds']:.1f} s and {gpu['seconds']:.1f} s"
    )
    if accuracies[0] != accuracies[1]:
        return "the accuracies differ"
    for worst, most in found.values():
        if not worst <= most:
            return f"the loss curves are {worst:.1e} apart, more than {most}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
