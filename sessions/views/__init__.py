"""The browser face: a view reads the request, calls one action, and shows a page."""
