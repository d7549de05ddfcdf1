"""The copy on disk: one JSON Lines journal per session, and what keeps it true.

`layout` knows the paths, `codec` the lines, `journal` the file operations, `drain` brings files up to the
database, `load` the database up to the files, `verify` compares both. docs/mirror-format.md describes the format.
"""
