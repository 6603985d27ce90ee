"""Files in a column of a table through a job, for who has the files in a data set of a cluster already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._jobs import Job


def column_through(job: Job, files: Iterable[Any]) -> dict[str, list[Any]]:
    """The job's columns, and ``error``: empty, or what is wrong with a file, whose other columns are empty then.

    Of a job that gives rows, one column ``rows`` with a list for each file.
    """
    names = ["rows"] if job.rows else list(job.columns)
    out: dict[str, list[Any]] = {name: [] for name in [*names, "error"]}
    for data in files:
        values: dict[str, Any] = dict.fromkeys(names)
        error = None
        try:
            if not isinstance(data, (bytes, bytearray, memoryview)):
                raise TypeError(f"a file is of type {type(data).__name__} (expected bytes)")
            rows = job(bytes(data))
            values = {"rows": rows} if job.rows else rows[0]
        except MemoryError:
            raise
        except Exception as caught:  # noqa: BLE001 (of the codec, of Pillow: whatever a strange file leads to)
            error = f"{type(caught).__name__}: {caught}"
        for name in names:
            out[name].append(values[name])
        out["error"].append(error)
    return out
