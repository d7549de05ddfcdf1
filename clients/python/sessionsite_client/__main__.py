"""`python -m sessionsite_client flush`: send what processes that are gone left in the spool."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import ClientError
from .transport import TOKEN_VARIABLE, URL_VARIABLE, site_of


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        site = site_of(options.url, None)
        from .recorder.flushing import flush, rejected_in
        from .recorder.spool import default_root

        left = 0
        root = options.spool or default_root()
        for done in flush(root, site, all_tokens=options.all_tokens):
            left += done.left
            print(f"{done.folder}: {done.sent:,} sent, {done.rejected:,} set aside, {done.left:,} left.")  # noqa: T201
            if done.trouble is not None:
                print(f"    {done.trouble}", file=sys.stderr)  # noqa: T201
            if lying := rejected_in(done.folder):
                print(f"    {lying:,} lie set aside in {done.folder / 'rejected.jsonl'}.")  # noqa: T201
    except (ClientError, ImportError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 1 if left else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sessionsite_client", description="Look after the spool.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "flush",
        help="send what processes that are gone left behind",
        description=f"Send what waits in the spool. The token is read from {TOKEN_VARIABLE}, never from the command "
        "line, which others may see. Exits with 0 where nothing is left, 1 where something is, 2 where it is not"
        " set up.",
    )
    command.add_argument("--url", help=f"the server; {URL_VARIABLE} where it is not given")
    command.add_argument("--spool", type=Path, help="the spool's folder; SESSIONSITE_SPOOL_DIR or the usual one")
    command.add_argument(
        "--all-tokens", action="store_true", help="also what was recorded with another token for the same server"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
