"""The translation is tested anywhere; what launches needs a CUDA device, or its double."""

import os

if not os.environ.get("MLPCORE_TEST_DEVICE", "").startswith("cuda"):
    collect_ignore = ["test_formulas_on_device.py"]
