"""Read what `mlpcore demo --json` prints: it must have learned the digits and measured itself."""

import json
import sys

result = json.load(sys.stdin)
accuracy, seconds = result["test_accuracy"], result["seconds"]
print(f"demo: test accuracy {accuracy:.4f} in {seconds:.2f} s, {len(result['throughput'])} rows")
if not 0.97 <= accuracy <= 1.0:
    sys.exit(f"expected a test accuracy of at least 0.97, got {accuracy}")
if not result["throughput"]:
    sys.exit("expected a throughput by batch size, got none")
