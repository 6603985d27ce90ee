"""Work on many files in shards: what :mod:`wavern.ray` and :mod:`wavern.spark` spread over a cluster.

A *job* says what becomes of a file: :class:`Encode`, :class:`Decode`, :class:`Latents`, :class:`Evaluate`. A *shard* is a
tar file as of WebDataset, or a Parquet table with a column of bytes. :func:`process_shard` turns one into one of the
same name in another folder, for schedulers other than those two:

>>> from wavern import jobs
>>> for shard in jobs.plan(jobs.Encode(quality=60), ["in/0.tar", "in/1.tar"], "out").waiting:   # doctest: +SKIP
...     report = jobs.process_shard(jobs.Encode(quality=60), shard)

In the folder of outputs are the finished shards, which appear complete or not at all; ``errors``, with a table of the
files that failed, for each shard that has any (JSON, a line for each); and ``reports``, with a :class:`Report` for each
shard. A shard whose output is there is not done again. All processes have to see the same folders.
"""

from __future__ import annotations

from ._jobs import Decode, Encode, Evaluate, Job, Latents
from ._process import Plan, Report, Summary, errors, plan, process_shard, reports
from ._shards import Shard

__all__ = [
    "Decode",
    "Encode",
    "Evaluate",
    "Job",
    "Latents",
    "Plan",
    "Report",
    "Shard",
    "Summary",
    "errors",
    "plan",
    "process_shard",
    "reports",
]
