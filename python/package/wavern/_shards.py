"""Folders and tar shards of files: what is in them, and where its bytes are.

A *sample* is what has one key: in a tar shard files of one name up to the first dot of its last part, one after the other,
as in WebDataset; in a folder one file.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Union, cast

from ._errors import WavernError

#: A folder, a tar shard or a file, or several of them.
Sources = Union[str, "os.PathLike[str]", Iterable[Union[str, "os.PathLike[str]"]]]


@dataclass(frozen=True)
class Shard:
    """A shard to be done."""

    source: str
    """What is read: a file ``.tar`` or ``.parquet``."""
    output: str
    """What is written."""
    column: str = "bytes"
    """Of a table, the column with the bytes of files."""
    key: str | None = None
    """Of a table, the column that names files in the table of errors; without one, the number of the row does."""


@dataclass(frozen=True)
class Place:
    """Where the bytes of a file are."""

    key: str
    """Its name without extension, and in a tar shard behind the name of the shard: unique in a list of sources."""
    path: str
    """The file, or the shard that it is in."""
    offset: int | None
    """In a shard, its first byte."""
    size: int | None
    """In a shard, how many bytes."""
    label: int | None
    """In a shard, what a file ``.cls`` of the same sample says."""

    def read(self) -> bytes:
        """The bytes. Each call opens and closes the file, so nothing has to be shared between processes."""
        with Path(self.path).open("rb") as stream:
            if self.offset is None or self.size is None:
                return stream.read()
            stream.seek(self.offset)
            data = stream.read(self.size)
        if len(data) != self.size:
            raise WavernError(f"{self.path} ends within {self.key}")
        return data


def paths_of(sources: Sources) -> list[Path]:
    """Folders and files, in the order in which they were given."""
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    return [Path(source) for source in sources]


def is_shard(path: Path) -> bool:
    """By its name."""
    return path.suffix == ".tar"


def split_name(name: str) -> tuple[str, str]:
    """Key and extension of a file in a shard, as WebDataset has them: ``a/b.c.png`` is ``a/b`` and ``c.png``."""
    folder, _, last = name.rpartition("/")
    stem, _, extension = last.partition(".")
    return (f"{folder}/{stem}" if folder else stem), extension.lower()


def places(sources: Sources, extension: str = "wvn") -> list[Place]:
    """All files of an extension in folders (at any depth, sorted) and tar shards (in their order)."""
    return [place for path in paths_of(sources) for place in places_in(path, extension)]


def places_in(path: Path, extension: str = "wvn") -> Iterator[Place]:
    """Those of one source."""
    if path.is_dir():
        for file in sorted(path.rglob(f"*.{extension}")):
            key = file.relative_to(path).with_suffix("").as_posix()
            yield Place(key, str(file), None, None, None)
    elif is_shard(path):
        for key, members in samples(path):
            # Labels are numbers in text, and short.
            label = members.get("cls")
            if extension in members:
                info = members[extension]
                yield Place(
                    f"{path.stem}/{key}",
                    str(path),
                    info.offset_data,
                    info.size,
                    None if label is None else _number(path, label),
                )
    else:
        yield Place(path.stem, str(path), None, None, None)


def samples(path: Path) -> Iterator[tuple[str, dict[str, tarfile.TarInfo]]]:
    """The samples of a tar shard: key and, by extension, where its files are. Nothing but headers is read."""
    with tarfile.open(path, "r:") as archive:
        current: str | None = None
        members: dict[str, tarfile.TarInfo] = {}
        for info in archive:
            if not info.isfile():
                continue
            key, extension = split_name(info.name)
            if key != current:
                if current is not None:
                    yield current, members
                current, members = key, {}
            members[extension] = info
        if current is not None:
            yield current, members


def member(stream: BinaryIO, info: tarfile.TarInfo) -> bytes:
    """The bytes of a file in an uncompressed tar."""
    stream.seek(info.offset_data)
    data = stream.read(info.size)
    if len(data) != info.size:
        raise WavernError(f"the shard ends within {info.name}")
    return data


def _number(path: Path, info: tarfile.TarInfo) -> int | None:
    with path.open("rb") as stream:
        text = member(cast(BinaryIO, stream), info).strip()
    return int(text) if text.isdigit() else None
