"""Every verb of the server that agents need, as a description of its request. docs/rest-api.md is the contract."""
