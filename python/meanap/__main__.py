"""`python -m meanap` is the command `meanap`."""

import sys

from meanap.cli import main

if __name__ == "__main__":
    sys.exit(main())
