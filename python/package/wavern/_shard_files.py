"""A shard through a job: tar to tar, Parquet to Parquet, either to a table of rows."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._errors import OptionError, WavernError
from ._jobs import Job
from ._shards import Shard, member, samples

#: Rows of a table that are in memory at once.
ROWS = 64


@dataclass
class Counts:
    """Of a shard."""

    files: int = 0
    bytes_in: int = 0
    bytes_out: int = 0

    def add(self, data: bytes, rows: list[dict[str, Any]]) -> None:
        """A file, and what became of it."""
        self.files += 1
        self.bytes_in += len(data)
        for row in rows:
            self.bytes_out += sum(len(value) for value in row.values() if isinstance(value, (bytes, str)))


#: Takes the name of a file and what is wrong with it.
Failed = Callable[[str, Exception], None]


def copy_shard(job: Job, shard: Shard, output: Path, failed: list[dict[str, str]]) -> Counts:
    """Writes what the job makes of a shard to ``output``, and appends what is wrong to ``failed``."""

    def fail(file: str, error: Exception) -> None:
        failed.append(
            {
                "source": shard.source,
                "file": file,
                "error": type(error).__name__,
                "message": str(error),
            }
        )

    counts = Counts()
    if shard.source.endswith(".tar"):
        if job.rows:
            _tar_to_table(job, shard, output, counts, fail)
        else:
            _tar_to_tar(job, shard, output, counts, fail)
    else:
        _table_to_table(job, shard, output, counts, fail)
    return counts


def _run(job: Job, name: str, data: bytes, fail: Failed) -> list[dict[str, Any]] | None:
    """What becomes of a file; ``None`` if it fails."""
    try:
        return job(data)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (of the codec, of Pillow: whatever a strange file leads to)
        fail(name, error)
        return None


def _samples(shard: Shard, fail: Failed) -> Iterator[tuple[str, dict[str, tarfile.TarInfo]]]:
    """The samples of a tar, up to where it is damaged."""
    try:
        yield from samples(Path(shard.source))
    except tarfile.TarError as error:
        fail("", error)


def _is_wanted(job: Job, extension: str) -> bool:
    return extension.rpartition(".")[2] in job.extensions


def _tar_to_tar(job: Job, shard: Shard, output: Path, counts: Counts, fail: Failed) -> None:
    with Path(shard.source).open("rb") as source, tarfile.open(output, "w") as archive:
        for key, members in _samples(shard, fail):
            made: list[tuple[str, bytes]] = []
            done: list[tuple[bytes, list[dict[str, Any]]]] = []
            for extension, info in members.items():
                try:
                    data = member(source, info)
                except WavernError as error:  # the shard ends here
                    fail(info.name, error)
                    break
                if not _is_wanted(job, extension):
                    made.append((extension, data))
                    continue
                rows = _run(job, info.name, data, fail)
                if rows is None:
                    break
                done.append((data, rows))
                # left.png becomes left.wvn
                prefix = extension.rpartition(".")[0]
                prefix = f"{prefix}." if prefix else ""
                for name, value in rows[0].items():
                    made.append((prefix + name, value.encode() if isinstance(value, str) else value))
            else:
                for data, rows in done:
                    counts.add(data, rows)
                for extension, data in made:
                    info = tarfile.TarInfo(f"{key}.{extension}")
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))


def _tar_to_table(job: Job, shard: Shard, output: Path, counts: Counts, fail: Failed) -> None:
    import pyarrow as arrow

    fields = [("file", arrow.string()), *_fields(job)]
    with Path(shard.source).open("rb") as source, _TableWriter(output, arrow.schema(fields)) as table:
        for _, members in _samples(shard, fail):
            for extension, info in members.items():
                if not _is_wanted(job, extension):
                    continue
                try:
                    data = member(source, info)
                except WavernError as error:  # the shard ends here
                    fail(info.name, error)
                    break
                rows = _run(job, info.name, data, fail)
                if rows is not None:
                    counts.add(data, rows)
                    for row in rows:
                        table.add({"file": info.name, **row})


def _table_to_table(job: Job, shard: Shard, output: Path, counts: Counts, fail: Failed) -> None:
    import pyarrow as arrow
    from pyarrow import parquet

    with parquet.ParquetFile(shard.source) as source:
        schema = source.schema_arrow
        for name in (shard.column, shard.key):
            if name is not None and name not in schema.names:
                raise OptionError(f"column: {shard.source} has no {name!r}", option="column")
        kept = [field for field in schema if field.name != shard.column and field.name not in job.columns]
        number = 0
        with _TableWriter(output, arrow.schema([*kept, *_fields(job)])) as table:
            for batch in source.iter_batches(ROWS):
                for values in batch.to_pylist():
                    name = str(number if shard.key is None else values[shard.key])
                    number += 1
                    data = values[shard.column]
                    if not isinstance(data, bytes):
                        fail(name, TypeError(f"{shard.column} is {type(data).__name__}, not bytes"))
                        continue
                    beside = {field.name: values[field.name] for field in kept}
                    rows = _run(job, name, data, fail)
                    if rows is not None:
                        counts.add(data, rows)
                        for row in rows:
                            table.add({**beside, **row})


def _fields(job: Job) -> list[tuple[str, Any]]:
    import pyarrow as arrow

    return [(name, getattr(arrow, kind)()) for name, kind in job.columns.items()]


class _TableWriter:
    """Writes rows to a Parquet file, some at a time."""

    def __init__(self, path: Path, schema: Any) -> None:
        from pyarrow import parquet

        self._schema, self._rows = schema, list[dict[str, Any]]()
        self._writer = parquet.ParquetWriter(path, schema)

    def __enter__(self) -> _TableWriter:  # noqa: PYI034 (Self is of Python 3.11)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._flush()
        self._writer.close()

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= ROWS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as arrow

        self._writer.write_table(arrow.Table.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()
