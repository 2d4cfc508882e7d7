"""Files appear whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eclipsed.errors import OutputError
from eclipsed.files.atomic import atomic_write, check_writable, remove_file, remove_unfinished


def test_the_content_arrives_and_nothing_else_stays(tmp_path):
    path = tmp_path / "deep" / "er" / "a.bin"
    assert atomic_write(path, lambda p: p.write_bytes(b"abc")) == path
    assert path.read_bytes() == b"abc"
    assert os.listdir(path.parent) == ["a.bin"]


def test_the_writer_sees_the_same_suffix_and_folder(tmp_path):
    seen: list[Path] = []
    atomic_write(tmp_path / "a.png", lambda p: (seen.append(p), p.touch()))
    assert seen[0].suffix == ".png"
    assert seen[0].parent == tmp_path


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), ValueError("not about files")])
def test_a_failure_keeps_the_old_file_and_removes_the_half_one(tmp_path, failure):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write(p: Path) -> None:
        p.write_text("half")
        raise failure

    with pytest.raises(OutputError if isinstance(failure, OSError) else ValueError) as caught:
        atomic_write(path, write)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]
    if isinstance(failure, OSError):
        assert str(caught.value) == f"cannot write {path}: no space left on device; nothing was saved there"


def test_an_interrupt_leaves_no_half_file(tmp_path):
    def write(p: Path) -> None:
        p.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(tmp_path / "a.txt", write)
    assert os.listdir(tmp_path) == []


FULL = """
import resource, sys, torch
from safetensors.torch import save_file
from eclipsed.files.atomic import atomic_write
from eclipsed.errors import OutputError

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # as a disk with 1000 bytes left
tensors = {"a": torch.zeros(10_000)}
for write in (lambda p: save_file(tensors, p), lambda p: torch.save(tensors, p), lambda p: p.write_bytes(bytes(9999))):
    try:
        atomic_write(sys.argv[1], write)
    except OutputError as error:
        print(error)
"""


@pytest.mark.slow
def test_a_full_disk_is_our_error_whoever_writes(tmp_path):
    path = tmp_path / "a.safetensors"
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stderr
    assert all(line.startswith(f"cannot write {path}: ") for line in lines)
    assert os.listdir(tmp_path) == []


def test_the_file_may_be_read_by_whom_any_other_file_may(tmp_path):
    import torch
    from safetensors.torch import save_file

    (tmp_path / "plain").touch()
    path = atomic_write(tmp_path / "a.safetensors", lambda p: save_file({"a": torch.zeros(1)}, p))
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    path.chmod(0o604)
    atomic_write(path, lambda p: save_file({"a": torch.zeros(1)}, p))
    assert path.stat().st_mode & 0o777 == 0o604


def test_a_link_is_followed_not_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.txt").write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "real" / "a.txt")
    atomic_write(link, lambda p: p.write_text("new"))
    assert link.is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "new"


@pytest.mark.parametrize("ask", [check_writable, lambda path: atomic_write(path, Path.touch)])
def test_places_that_cannot_be_written_are_one_sentence(tmp_path, ask):
    (tmp_path / "file").touch()
    for place, message in (
        (tmp_path, "it is a folder; give the name of a file"),
        (tmp_path / "file" / "a.txt", "not a directory|is a file"),
        ("/dev/null", "it is not a regular file"),
        ("/proc/no-such-place/a.txt", "cannot write /proc/no-such-place/a"),
        ("a\0b", "null"),
        (tmp_path / ("a" * 300), "name too long"),
    ):
        with pytest.raises(OutputError, match=message):
            ask(place)
    assert os.listdir(tmp_path) == ["file"]


def test_check_writable_leaves_nothing_behind(tmp_path):
    check_writable(tmp_path / "new" / "folder" / "a.txt")
    check_writable(tmp_path / "new" / "folder", folder=True)
    assert os.listdir(tmp_path) == []


def test_a_file_is_removed_once_and_nothing_else(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert remove_file(tmp_path / "link")
    assert (tmp_path / "file").exists()
    assert remove_file(tmp_path / "file")
    assert not remove_file(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=f"^cannot remove {tmp_path}/folder: "):
        remove_file(tmp_path / "folder")


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    """Its name is found out by a writer that sees it, not by the rule that makes it."""
    left = []

    def write(place):
        place.write_bytes(b"half")
        left.append(place.name)
        os.link(place, place.parent / "kept")

    names = ["a.png", ".hidden", "no-suffix", "a" * 90 + ".tar.gz", "line\nbreak.png"]
    for name in names:
        atomic_write(tmp_path / name, write)
        os.rename(tmp_path / "kept", tmp_path / left[-1])
    others = [".a-0123456789ab.jpg", ".b-0123456789ab.png", ".a-0123.png", "a-0123456789ab.png"]
    for name in others:
        (tmp_path / name).touch()
    assert set(os.listdir(tmp_path)) == {*names, *left, *others}
    remove_unfinished([tmp_path / name for name in names] + [tmp_path / "nowhere" / "a.png"])
    assert set(os.listdir(tmp_path)) == {*names, *others}
