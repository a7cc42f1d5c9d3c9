"""`python -m periskope_async` is the `periskope` command, for where that is not on the PATH."""

from periskope_async.cli import main

raise SystemExit(main())
