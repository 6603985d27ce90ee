"""Jobs on a cluster of Spark: :func:`run` for shards in files, :func:`udf` for a column of a data frame.

>>> import wavern.spark                                                           # doctest: +SKIP
>>> from wavern import jobs                                                       # doctest: +SKIP
>>> summary = wavern.spark.run(spark, jobs.Encode(quality=60), "in", "out")       # doctest: +SKIP

Or with the files where Spark reads and writes them:

>>> encode = wavern.spark.udf(jobs.Encode())                                      # doctest: +SKIP
>>> files = spark.read.format("binaryFile").load("s3://pictures")                 # doctest: +SKIP
>>> files.select("path", encode("content").alias("coded")).select("path", "coded.*")  # doctest: +SKIP
"""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable
from typing import Any

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from ._jobs import Job
from ._process import Plan, Progress, Report, Summary, plan, process_shard, remove_unfinished, report_of
from ._rows import column_through
from ._shards import Shard, Sources

__all__ = ["run", "udf"]

#: Seconds between looks at the reports.
POLL = 1.0

_TYPES: dict[str, Any] = {
    "binary": T.BinaryType(),
    "string": T.StringType(),
    "int64": T.LongType(),
    "float64": T.DoubleType(),
}


def udf(job: Job) -> Any:
    """A pandas UDF from a column of files to a structure of the job's columns and ``error``, which is empty where all went
    well. Of :class:`~wavern.jobs.Evaluate` it has an array ``rows``, of a structure for each quality.
    """
    fields = [T.StructField(name, _TYPES[kind]) for name, kind in job.columns.items()]
    if job.rows:
        fields = [T.StructField("rows", T.ArrayType(T.StructType(fields)))]
    result = T.StructType([*fields, T.StructField("error", T.StringType())])

    def through(files: pd.Series) -> pd.DataFrame:
        return pd.DataFrame(column_through(job, files))

    return F.pandas_udf(through, result)


def run(
    spark: SparkSession,
    job: Job,
    sources: Sources,
    output: str | os.PathLike[str],
    *,
    column: str = "bytes",
    key: str | None = None,
    progress: bool | Callable[[Summary, int], Any] = True,
) -> Summary:
    """Do a job on every shard of ``sources`` that has no output yet: see :func:`wavern.jobs.plan`.

    Each shard is a task of Spark. A task that dies is done again, from its beginning, up to ``spark.task.maxFailures``
    times; its output appears once, as it is complete. ``progress`` prints a line a second at most, or calls a function
    with what was done up to then and the number of shards. All processes have to see the same folders, and there must be
    no other run at ``output``.
    """
    todo = plan(job, sources, output, column=column, key=key)
    remove_unfinished(output)
    tracker = Progress(todo, progress)
    if not todo.waiting:
        return tracker.end()
    names = [field.name for field in dataclasses.fields(Shard)]
    schema = T.StructType([T.StructField(name, T.StringType()) for name in names])
    rows = [dataclasses.astuple(shard) for shard in todo.waiting]
    # One task for each.
    shards = spark.createDataFrame(spark.sparkContext.parallelize(rows, len(rows)), schema)

    def work(batch: pd.DataFrame) -> pd.Series:
        done = [process_shard(job, Shard(**values)) for values in batch.to_dict("records")]
        return pd.Series([report.problem for report in done], dtype=object)

    process = F.pandas_udf(work, T.StringType())
    table = shards.select("output", process(F.struct(*names)).alias("problem"))
    watcher = _Watcher(todo, tracker)
    try:
        problems = {row["output"]: row["problem"] for row in table.collect()}
    finally:
        watcher.stop()
    for shard in todo.waiting:
        if problems[shard.output] is not None:
            tracker.add(Report(shard.source, shard.output, problem=problems[shard.output]))
    remove_unfinished(output)
    return tracker.end()


class _Watcher:
    """Tells of shards while Spark works: their reports are there as soon as they are finished."""

    def __init__(self, todo: Plan, tracker: Progress) -> None:
        self._waiting, self._tracker = list(todo.waiting), tracker
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Looks once more."""
        self._end.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._end.wait(POLL):
            self._look()

    def _look(self) -> None:
        waiting = []
        for shard in self._waiting:
            report = report_of(shard)
            if report is None:
                waiting.append(shard)
            else:
                self._tracker.add(report)
        self._waiting = waiting
