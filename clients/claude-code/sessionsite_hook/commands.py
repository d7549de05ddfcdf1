# ruff: noqa: T201  (a command line)
"""What it can be called for. Nothing is ever printed on standard output by `hook`: Claude Code would read it."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import installing
from .memory import Busy, names_that_wait
from .sending import Post
from .settings import NotConfigured, Settings, load, save, state_folder
from .site import Away, Refusal, Site
from .transcripts import files_of

# Claude Code takes 2 for "stop this"; nothing that goes wrong here is a reason to.
FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (NotConfigured, Refusal, installing.Unreadable, OSError) as error:
        print(f"sessionsite: {error}", file=sys.stderr)
    except Away as error:
        print(f"sessionsite: {error} What was said waits here.", file=sys.stderr)
        return 0 if options.run is _hook else FAILED
    return FAILED


def _hook(options: argparse.Namespace) -> int:
    """Called by Claude Code, with one JSON object on standard input."""
    try:
        told = json.load(sys.stdin)
        transcript = Path(told["transcript_path"]).expanduser()
    except (ValueError, KeyError, TypeError):
        print("sessionsite: standard input is not what a hook of Claude Code is told.", file=sys.stderr)
        return FAILED
    return _send([transcript] if transcript.is_file() else [])


def _send_some(options: argparse.Namespace) -> int:
    return _send(options.transcript, aloud=True)


def _flush(options: argparse.Namespace) -> int:
    return _send([], aloud=True)


def _send(transcripts: Sequence[Path], *, aloud: bool = False) -> int:
    settings = load()
    folder = state_folder(settings)
    post = Post(Site(settings), folder)
    try:
        for transcript in transcripts:
            for path in files_of(transcript):
                post.send(path)
        post.send_waiting()
    except Busy:
        return 0
    finally:
        left = len(names_that_wait(folder))
        if aloud:
            print(f"{post.sent:,} sent, {post.refused:,} refused and set aside; {left:,} transcripts wait.")
    return 0


def _install(options: argparse.Namespace) -> int:
    token = options.token or os.environ.get("SESSIONSITE_TOKEN", "")
    settings = Settings(options.url.rstrip("/"), token, options.user)
    if not token:
        raise NotConfigured("Give a token with --token, or in SESSIONSITE_TOKEN.")
    me = Site(settings).me()
    if me["scope"] == "read":
        raise NotConfigured("This token may only read; make one with the scope write.")
    kept = save(settings)
    path = installing.settings_file()
    installing.put_in(path)
    print(f"The token {me['name']!r} is kept in {kept}, the hooks stand in {path}.")
    print("Claude Code logs from its next start on.")
    return 0


def _uninstall(options: argparse.Namespace) -> int:
    path = installing.settings_file()
    installing.take_out(path)
    print(f"The hooks were taken out of {path}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Log what Claude Code says and does in a Sessionsite.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verbs.add_parser("hook", help="what Claude Code calls").set_defaults(run=_hook)
    install = verbs.add_parser("install", help="keep address and token, and put the hooks into Claude Code's settings")
    install.add_argument("--url", required=True, help="the site's address")
    install.add_argument("--token", default="", help="the token; SESSIONSITE_TOKEN where it is not given")
    install.add_argument("--user", default="", help="whose sessions they become, where the token says nothing of it")
    install.set_defaults(run=_install)
    verbs.add_parser("uninstall", help="take the hooks out again").set_defaults(run=_uninstall)
    send = verbs.add_parser("send", help="send transcripts by hand")
    send.add_argument("transcript", nargs="+", type=Path)
    send.set_defaults(run=_send_some)
    verbs.add_parser("flush", help="send what waits").set_defaults(run=_flush)
    return parser
