"""Applications that tests of the server run under it."""
