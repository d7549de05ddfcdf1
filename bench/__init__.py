"""What proves and measures the store from outside: docs/benchmarks.md tells how to run each program.

`workload` makes texts, `scratch` a store to spoil, `copies` reads both copies without the store's code, `defects`
holds the faults that each proof must find, `writer` the processes that get killed and traced; `bigstore` builds a
store of a million interactions, of `texts`, on which `pages` times every page.
"""
