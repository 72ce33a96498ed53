"""`python -m augment` is `kizu`."""

import sys

from augment.cli import main

if __name__ == "__main__":
    sys.exit(main())
