"""``python -m toolkit``: the command."""

import sys

from toolkit.cli import main

sys.exit(main())
