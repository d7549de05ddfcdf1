"""Sample conversations of invented people, for a look around and for walks through the pages.

`conversations/` holds one readable file each (`transcript` tells the format), `generated` the texts too long to
write by hand, `cast` the people and models; `drafts` gives every word its time and price, `store` does the rest.
"""

from .store import Filled, Removed, fill, remove

__all__ = ["Filled", "Removed", "fill", "remove"]
