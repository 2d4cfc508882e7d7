"""Which kind of source a path is."""

from __future__ import annotations

from pathlib import Path

from eclipsed.inversion.folder_places import SHARDS, TABLES
from eclipsed.inversion.picture_sources import FolderPictures, PictureSource, shards_of
from eclipsed.inversion.shard_pictures import ShardPictures
from eclipsed.inversion.table_pictures import TablePictures

__all__ = ["open_pictures"]


def open_pictures(path: Path, *, recursive: bool = False) -> PictureSource:
    """The pictures of a folder, of tables of Parquet, or of tar files as WebDataset has them.

    Args:
        path: a folder; a table or tar file; or a folder that holds nothing but tables, or nothing but tar files.
        recursive: also the pictures of a folder's folders.
    Raises:
        InputError: a table or tar file has no pictures.
        MissingExtraError: what reads tables is not there.
    """
    tables, shards = shards_of(path, TABLES), shards_of(path, SHARDS)
    if tables:
        return TablePictures(tables)
    return ShardPictures(shards) if shards else FolderPictures(path, recursive=recursive)
