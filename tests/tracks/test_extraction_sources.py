"""What a user's arguments name: files, folders, patterns, lists, addresses."""

import os
from pathlib import Path

import pytest

from vidcl.errors import VidclError
from vidcl.tracks.extraction import remote
from vidcl.tracks.extraction.sources import Source, list_sources


@pytest.fixture
def folder(tmp_path) -> Path:
    root = tmp_path / "videos"
    for name in ("b.mp4", "a.MKV", "deep/er/c.mov", ".hidden.mp4", "notes.md", ".trash/d.mp4"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def names(sources: list[Source]) -> list[str]:
    return [source.name for source in sources]


def test_folders_files_globs_and_lists(folder, tmp_path):
    assert names(list_sources([folder])) == ["a.MKV", "b.mp4", "deep/er/c.mov"]
    assert names(list_sources([folder / "notes.md"])) == ["notes.md"]  # named: taken as it is
    assert names(list_sources([f"{folder}/**/*.mo[uv]"])) == ["deep/er/c.mov"]
    listing = tmp_path / "list.txt"
    listing.write_text("# two videos\nvideos/b.mp4\n\nvideos/deep/er/c.mov\nvideos/gone.mp4\n")
    found = list_sources([listing])
    assert names(found) == ["b.mp4", "deep/er/c.mov", "gone.mp4"]
    assert [source.size >= 0 for source in found] == [True, True, False]


def test_size_and_time_are_those_of_the_file(folder):
    for source in list_sources([folder]):
        status = os.stat(source.path)
        assert source.path == str(folder / source.name)
        assert source.stamp == f"{status.st_size}-{status.st_mtime_ns}"


def test_a_file_named_twice_counts_once(folder, tmp_path):
    link = tmp_path / "link.mp4"
    link.symlink_to(folder / "b.mp4")
    sources = list_sources([folder / "b.mp4", folder, link, f"{folder}/*.mp4"])
    assert names(sources) == ["a.MKV", "b.mp4", "deep/er/c.mov"]
    (tmp_path / "other").symlink_to(folder)
    assert names(list_sources([folder, tmp_path / "other"])) == names(list_sources([folder]))


def test_links_in_folders(folder, tmp_path):
    (folder / "to nothing.mp4").symlink_to(tmp_path / "gone.mp4")
    (folder / "round").symlink_to(folder)  # followed, it would never end
    (folder / "folder.mp4").mkdir()
    elsewhere = tmp_path / "elsewhere.mp4"
    elsewhere.write_text("x")
    (folder / "z.mp4").symlink_to(elsewhere)
    found = list_sources([folder])
    assert names(found) == ["a.MKV", "b.mp4", "deep/er/c.mov", "to nothing.mp4", "z.mp4"]
    assert [source.size >= 0 for source in found] == [True, True, True, False, True]


def test_a_folder_that_cannot_be_read_is_told(folder, monkeypatch):
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.warns(UserWarning, match="deep cannot be read .* left out"):
        assert names(list_sources([folder])) == ["a.MKV", "b.mp4"]


def test_a_name_that_no_table_can_hold_costs_only_itself(folder):
    path = os.fsencode(folder) + b"/\xff.mp4"
    with open(path, "w"):
        pass
    with pytest.warns(UserWarning, match=r"not UTF-8, rename it"):
        assert names(list_sources([folder])) == ["a.MKV", "b.mp4", "deep/er/c.mov"]
    with pytest.raises(VidclError, match=r"is not UTF-8.*rename it"):
        list_sources([os.fsdecode(path)])


def test_addresses_are_listed_where_they_lie(folder, monkeypatch, tmp_path):
    def listed(argument: str, suffixes: frozenset[str]) -> list[Source]:
        assert ".mp4" in suffixes
        return [Source(f"{argument[-1]}.mp4", f"{argument}.mp4", 3, 4)]

    def all_listed(lines: list[str], suffixes: frozenset[str]) -> list[Source]:
        return [source for line in lines for source in listed(line, suffixes)]

    monkeypatch.setattr(remote, "list_remote", listed)
    monkeypatch.setattr(remote, "list_remote_lines", all_listed)
    found = list_sources(["s3://bucket/x", folder / "b.mp4", "s3://bucket/x"])
    assert [source.path for source in found] == [str(folder / "b.mp4"), "s3://bucket/x.mp4"]
    listing = tmp_path / "list.txt"
    listing.write_text("https://host/y\nvideos/b.mp4\ns3://bucket/z\n")
    assert names(list_sources([listing])) == ["b.mp4", "y.mp4", "z.mp4"]
    listing.write_text("https://host/y\n")
    assert names(list_sources([listing])) == ["y.mp4"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: [], "No sources"),
        (lambda d: [d / "gone"], "does not exist"),
        (lambda d: [d / "*.gone"], "matches no file"),
        (lambda d: [d / "empty"], "holds no file"),
        (lambda d: [d / "empty.txt"], "is empty"),
    ],
)
def test_sources_that_name_nothing(make, words, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n# nothing\n")
    with pytest.raises(VidclError, match=words):
        list_sources(make(tmp_path))


def test_the_current_folder_does_not_matter(folder, monkeypatch):
    absolute = list_sources([folder])
    monkeypatch.chdir(folder.parent)
    assert list_sources([os.path.relpath(folder)]) == absolute
