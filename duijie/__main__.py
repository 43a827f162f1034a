"""`python -m duijie`."""

import sys

from duijie.cli import main

sys.exit(main())
