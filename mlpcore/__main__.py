"""``python -m mlpcore`` is the command ``mlpcore``."""

import sys

from mlpcore.cli import main

if __name__ == "__main__":
    sys.exit(main())
