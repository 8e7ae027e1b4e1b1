"""``python -m toolkit``: the command."""

import sys

from toolkit.cli.command import main

sys.exit(main())
