"""The synchronous client, its verbs by subject."""
