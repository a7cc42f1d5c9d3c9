"""`python -m periskope_async` is the `periskope` command, for where that is not on the PATH."""

import sys

from periskope_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
