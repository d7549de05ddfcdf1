"""Logs what Claude Code says and does: called by its hooks, it sends what a transcript has that the site has not.

Needs nothing but Python's standard library and the importers of Sessionsite, which read the transcripts: what is sent
is to the last key what `manage.py import_sessions` would have made of the same file, so neither adds anything to the
other. Nothing is lost while the site does not answer: what could not be sent waits on this machine.
"""
