"""Foreign histories in: one module per format, each turning a file into a stream of `ImportEvent`s.

No Django here, and no state beyond the file being read: what to do with the events is the import action's part.
"""

from .sources import Source, open_sources

__all__ = ["Source", "open_sources"]
