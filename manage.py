#!/usr/bin/env python
"""The command line of Sessionsite."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sessionsite.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        # 128 + SIGINT, as a shell reports it. Whoever pressed Ctrl-C needs no traceback.
        sys.exit(130)
