"""Says which adapters were not tested here, and why."""

import pytest

from .conftest import NEEDED, is_there


def test_it_has_the_library_of_an_adapter(module: str) -> None:
    missing = [name for name in NEEDED[module] if not is_there(name)]
    if missing:
        pytest.skip(f"{module} needs {', '.join(missing)}: `uv sync --group adapters`")
