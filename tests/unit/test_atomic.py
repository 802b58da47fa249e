"""Files that are whole or absent, with the modes that the umask leaves; and files of others, read within bounds."""

import os
import stat

import pytest

from lenet.atomic import remove_folder, whole_file, whole_folder
from lenet.untrusted import MAX_LINE, read_json_lines, read_lines, read_regular
from tests.support.memory import peak_of


@pytest.fixture
def umask():
    """A function that sets the umask of this process until the test ends."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(("mask", "modes"), [(0o022, "644 755 644"), (0o077, "600 700 600"), (0o002, "664 775 664")])
def test_the_umask_decides_the_modes(tmp_path, umask, mask, modes):
    umask(mask)
    with whole_file(tmp_path / "file") as partial:
        partial.write_text("text")
    with whole_folder(tmp_path / "folder") as partial:
        (partial / "inside").write_text("text")
    made = tmp_path / "file", tmp_path / "folder", tmp_path / "folder" / "inside"
    assert [f"{stat.S_IMODE(path.stat().st_mode):o}" for path in made] == modes.split()


def test_the_umask_of_the_process_is_left_alone(tmp_path, monkeypatch):
    """Not even for a moment: other threads create files too."""
    monkeypatch.setattr(os, "umask", None)
    with whole_file(tmp_path / "file") as partial:
        partial.write_text("new")
    with whole_folder(tmp_path / "folder"):
        pass
    assert (tmp_path / "file").read_text() == "new"
    assert (tmp_path / "folder").is_dir()


def fail_in(block):
    """Leaves a block that writes with an error."""
    with block as partial:
        (partial / "inside" if partial.is_dir() else partial).write_text("half")
        raise RuntimeError


@pytest.mark.parametrize("write", [whole_file, whole_folder])
def test_a_block_that_fails_changes_nothing(tmp_path, write):
    (tmp_path / "taken").write_text("old")
    for name in ("taken", "new"):
        with pytest.raises(RuntimeError):
            fail_in(write(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert (tmp_path / "taken").read_text() == "old"


def test_a_folder_takes_the_place_of_another(tmp_path):
    for text in ("old", "new", "new"):
        with whole_folder(tmp_path / "folder") as partial:
            (partial / "inside").write_text(text)
        assert (tmp_path / "folder" / "inside").read_text() == text
    remove_folder(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_read_up_to_its_limit(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert read_regular(tmp_path / "file", 5) == b"12345"
    assert list(read_lines(tmp_path / "file", 9, limit=5)) == [b"12345"]
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_regular(tmp_path / "file", 4)
    with pytest.raises(OSError, match="more than 4 bytes"):
        list(read_lines(tmp_path / "file", 9, limit=4))


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    before = len(os.listdir("/proc/self/fd"))
    for path, reason in (("/dev/zero", "not a regular"), (tmp_path / "pipe", "not a regular"), (tmp_path, "directory")):
        with pytest.raises(OSError, match=reason):
            read_regular(path, 10)
        with pytest.raises(OSError, match=reason):
            next(read_lines(path, 10))
    assert len(os.listdir("/proc/self/fd")) == before


def test_long_lines_are_cut_and_the_next_line_is_whole(tmp_path):
    (tmp_path / "file").write_bytes(b"123\n" + 25 * b"x" + b"\n\n1234567\n12345678\nend")
    lines = list(read_lines(tmp_path / "file", 8))
    assert lines == [b"123\n", 8 * b"x", b"\n", b"1234567\n", b"12345678", b"end"]


def test_a_line_without_end_takes_little_memory(tmp_path):
    with open(tmp_path / "file", "wb") as file:
        file.truncate(200 << 20)
        file.seek(0, os.SEEK_END)
        file.write(b'\n{"step": 1}\n')
    lines, peak = peak_of(lambda: list(read_json_lines(tmp_path / "file")))
    assert peak < 1 << 20
    assert [len(line.text) for line in lines] == [MAX_LINE, 12]
    assert [line.record for line in lines] == [None, {"step": 1}]


def test_lines_that_hold_no_object_have_no_record(tmp_path):
    wrong = [b"1", b"[]", b"null", b'"text"', b"{", b"", b"\xff", b"[" * 4000, b"9" * 4000 + b"9" * 90, b'{"a": 1} {}']
    (tmp_path / "file").write_bytes(b"".join(line + b"\n" for line in wrong) + b'{"a": 1}\n{"a": 2}')
    assert [line.record for line in read_json_lines(tmp_path / "file")] == [*len(wrong) * [None], {"a": 1}, None]
