"""Full text over all that was said: one analysis and one ranking of our own, two databases that only keep and fetch.

docs/search.md says what can be asked, docs/decisions/0006-search-index-is-a-debt.md why it is built so.
"""
