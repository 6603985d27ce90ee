"""Jobs on a cluster of Ray: :func:`run` for shards in files, :class:`Column` for a data set of Ray Data.

>>> import ray, wavern.ray                                             # doctest: +SKIP
>>> from wavern import jobs                                            # doctest: +SKIP
>>> ray.init(address="auto")                                           # doctest: +SKIP
>>> summary = wavern.ray.run(jobs.Encode(quality=60), "in", "out")     # doctest: +SKIP

Or with the files where Ray Data reads and writes them, such as in object storage:

>>> table = ray.data.read_parquet("s3://pictures")                     # doctest: +SKIP
>>> table.map_batches(wavern.ray.Column(jobs.Encode()), batch_size=64).write_parquet("s3://coded")  # doctest: +SKIP
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import ray

from ._jobs import Job
from ._process import Progress, Report, Summary, plan, process_shard, remove_unfinished
from ._rows import column_through
from ._shards import Shard, Sources

__all__ = ["Column", "run"]


def run(
    job: Job,
    sources: Sources,
    output: str | os.PathLike[str],
    *,
    workers: int | None = None,
    cpus: float = 1,
    memory: int | None = None,
    column: str = "bytes",
    key: str | None = None,
    progress: bool | Callable[[Summary, int], Any] = True,
) -> Summary:
    """Do a job on every shard of ``sources`` that has no output yet: see :func:`wavern.jobs.plan`.

    Each shard is a task of Ray Data, with ``cpus`` cores and ``memory`` bytes set aside for it; ``workers`` bounds how many
    there are at once. A task whose process or machine dies is done again elsewhere, from its beginning; its output appears
    once, as it is complete. ``progress`` prints a line a second at most, or calls a function with what was done up to
    then and the number of shards. All processes have to see the same folders, and there must be no other run at
    ``output``.
    """
    todo = plan(job, sources, output, column=column, key=key)
    remove_unfinished(output)
    tracker = Progress(todo, progress)
    if todo.waiting:
        shards = [dataclasses.asdict(shard) for shard in todo.waiting]
        data = ray.data.from_items(shards, override_num_blocks=len(shards)).map(
            _process,
            fn_kwargs={"job": job},
            compute=ray.data.TaskPoolStrategy(size=workers),
            num_cpus=cpus,
            memory=memory,
            max_retries=-1,
        )
        for report in data.iter_rows():
            tracker.add(Report(**report))
        remove_unfinished(output)
    return tracker.end()


def _process(shard: dict[str, Any], job: Job) -> dict[str, Any]:
    return dataclasses.asdict(process_shard(job, Shard(**shard)))


class Column:
    """A function for ``map_batches`` of Ray Data: a column of files through a job.

    The batch gets the columns of the job, such as ``wvn``, and ``error``, which is empty where all went well; with
    ``keep=False`` it loses the column of files. Of :class:`~wavern.jobs.Evaluate` there is a column ``rows`` of lists.
    """

    def __init__(self, job: Job, column: str = "bytes", *, keep: bool = False) -> None:
        self.job, self.column, self.keep = job, column, keep

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch as NumPy arrays, the default format of ``map_batches``."""
        import numpy as np

        made = column_through(self.job, batch[self.column])
        out = {name: values for name, values in batch.items() if self.keep or name != self.column}
        for name, values in made.items():
            # Of objects: arrays of bytes would lose zeros at their ends.
            array = np.empty(len(values), object)
            array[:] = values
            out[name] = array
        return out
