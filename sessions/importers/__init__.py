"""Foreign histories in: one module per format, each turning a file into a stream of `ImportEvent`s.

No Django here, and no state beyond the file being read: what to do with the events is the import action's part.
"""

from .sources import Source, check_format
from .walking import open_sources

__all__ = ["Source", "check_format", "open_sources"]
