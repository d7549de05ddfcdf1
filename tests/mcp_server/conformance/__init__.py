"""The official conformance suite against this server: what it asks for beside our own tools, and how it is run."""
