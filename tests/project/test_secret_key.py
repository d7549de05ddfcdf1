import multiprocessing
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from sessionsite.secret_key import FILE_NAME, load_or_create


def test_it_makes_a_long_key_once_and_keeps_it_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    key = load_or_create(folder)
    assert len(key) >= 50
    assert load_or_create(folder) == key
    assert (folder / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]


def test_it_gives_processes_that_start_together_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(load_or_create, [tmp_path / str(number // 4) for number in range(40)], chunksize=1)
    assert all(len(set(keys[first : first + 4])) == 1 for first in range(0, 40, 4))
    assert len(set(keys)) == 10


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xff"])
def test_it_never_replaces_a_key_file_that_it_cannot_use(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match=FILE_NAME):
        load_or_create(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_it_names_the_way_out_when_no_key_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ImproperlyConfigured, match="SESSIONSITE_SECRET_KEY"):
        load_or_create(tmp_path / "file" / "data")
