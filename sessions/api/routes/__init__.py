"""The operations, by subject. Each is one call of a verb of `sessions.agents`.

The order is the order of the addresses: what is asked for oftenest is found first.
"""

from . import cleanups, contexts, exports, imports, interactions, merges, service, sessions, users

ROUTES = (
    interactions.routes,
    sessions.routes,
    contexts.routes,
    exports.routes,
    imports.routes,
    merges.routes,
    users.routes,
    cleanups.routes,
    service.routes,
)
