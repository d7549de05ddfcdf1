"""The asynchronous client: the same verbs, awaited."""
