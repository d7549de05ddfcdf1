"""Looking for the end of a JSON value in bytes that come in pieces: at its brackets and strings, and nothing else."""

import re

MAX_TOKENS = 3_000_000
"""Strings and brackets in one piece. A conversation of 32 MB has a third of that; looking at them takes a second."""

MAX_NESTING = 10_000
"""Replies that are nested in what they reply to go some thousand deep; what goes deeper is not looked at."""

# Possessive: a string of any length and any number of escapes is passed without a memory of the way.
_STRING = rb'[^"\\]*+(?:\\.[^"\\]*+)*+("?)'
# It begins with a set of signs, so that what lies between them is passed at the speed of memchr.
_TOKEN = re.compile(rb'[\[\]{}"](?:(?<=")' + _STRING + rb")?+", re.DOTALL)
_REST_OF_STRING = re.compile(_STRING, re.DOTALL)


class Scan:
    """How far a value has been looked at, over as many readings as it takes."""

    def __init__(self, start: int, *, in_string: bool) -> None:
        self.at = start + in_string
        self.reason = ""
        self._in_string = in_string
        self._depth = 0
        self._tokens = 0

    def goes_through(self, buffer: bytes) -> bool:
        """Whether the value ends in this buffer; then `at` is behind its last byte. `reason` says why to give up."""
        if self._in_string:
            found = _REST_OF_STRING.match(buffer, self.at)
            self.at = found.end() if found else self.at
            if not found or not found[1]:
                return False
            self._in_string = False
            if not self._depth:
                return True
        found, depth, tokens = None, self._depth, self._tokens
        for found in _TOKEN.finditer(buffer, self.at):
            tokens += 1
            if found.lastindex:
                continue
            if found[0] in b"[{":
                depth += 1
                if depth > MAX_NESTING or tokens > MAX_TOKENS:
                    self.at = found.end()
                    self.reason = "nested too deeply" if depth > MAX_NESTING else "too many values"
                    return False
            else:
                depth -= 1
                if not depth:
                    self.at = found.end()
                    return True
        self._depth, self._tokens = depth, tokens
        if tokens > MAX_TOKENS:
            self.reason = "too many values"
        self._in_string = bool(found and found.lastindex and not found[1])
        # An open string is gone on with where it stopped, which may be ahead of half an escape.
        self.at = found.end() if found and self._in_string else len(buffer)
        return False
