"""The package by itself: built, installed and used without anything else of the project."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "clients" / "python"


def test_it_imports_nothing_but_httpx_and_the_standard_library() -> None:
    code = (
        "import sys, sessionsite_client, sessionsite_client.recorder.spool, sessionsite_client.__main__\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE, capture_output=True, text=True, check=True, env={"PATH": ""}
    )
    foreign = {name for name in done.stdout.split() if name not in sys.stdlib_module_names and name[0] != "_"}
    of_httpx = {"httpx", "httpcore", "h11", "anyio", "idna", "certifi", "sniffio", "typing_extensions"}
    # What httpx takes along where it happens to be installed, for its own command and for compression.
    where_installed = {
        "brotli",
        "brotlicffi",
        "click",
        "h2",
        "pygments",
        "rich",
        "socksio",
        "zstandard",
        "exceptiongroup",
    }
    assert foreign - of_httpx - where_installed == {"sessionsite_client"}


def test_its_license_is_the_projects() -> None:
    assert (PACKAGE / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.slow
@pytest.mark.thorough
def test_it_installs_alone(tmp_path: Path) -> None:
    uv = _uv()
    subprocess.run([uv, "build", "--quiet", "--out-dir", f"{tmp_path}/dist", f"{PACKAGE}"], check=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "sessionsite_client/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, wheel], check=True)
    code = "import sessionsite_client as s; print(s.__version__, s.__file__)"
    done = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("0.1.0 ")
    assert str(tmp_path) in done.stdout


def _uv() -> str:
    for found in (ROOT / ".uv" / "bin" / "uv", Path("uv")):
        if subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
            return str(found)
    pytest.skip("there is no uv on this machine")


def test_its_version_is_said_once_in_each_place() -> None:
    from sessionsite_client import __version__
    from sessionsite_client.transport import USER_AGENT

    assert f'version = "{__version__}"' in (PACKAGE / "pyproject.toml").read_text()
    assert USER_AGENT.endswith(f"/{__version__}")
