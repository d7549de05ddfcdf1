"""The hook, as a file to run: `python3 claude-code.pyz`, or from a checkout `python3 clients/claude-code`.

Written so that any Python 3 can read it and say which one is needed.
"""

import sys

if sys.version_info < (3, 12):
    sys.stderr.write(
        "Sessionsite's hook needs Python 3.12 or newer; this is %d.%d. With uv: uv run --python 3.13 %s\n"
        % (sys.version_info[0], sys.version_info[1], sys.argv[0])
    )
    sys.exit(1)

import os

# From a checkout: the importers lie in the project itself. In a bundle they are inside, and this path is none.
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from sessionsite_hook.commands import main

sys.exit(main())
