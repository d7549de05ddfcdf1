"""REST at /api/v1: routes between HTTP and the verbs of `sessions.agents`. docs/rest-api.md is the contract."""
