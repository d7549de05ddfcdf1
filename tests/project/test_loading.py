"""What every command has to load before it begins."""

import subprocess
import sys

# All commands but a few know the addresses: Django's checks do.
SCRIPT = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
django.setup()
from django.urls import get_resolver
assert get_resolver().url_patterns
print(*[name for name in ("mcp", "uvicorn", "starlette", "gunicorn") if name in sys.modules])
"""


def test_the_addresses_are_known_without_the_protocols_sdk() -> None:
    """It takes longer to load than all the rest of the site."""
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
