"""One shard after the other: which are left to be done, and doing one so that it is done whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import resource
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ._errors import OptionError
from ._jobs import Job
from ._shard_files import copy_shard
from ._shards import Shard, Sources, paths_of

#: Ends of names of what is not finished.
UNFINISHED = ".part"


@dataclasses.dataclass(frozen=True)
class Report:
    """What was done of a shard."""

    source: str
    """What was read."""
    output: str
    """What was written."""
    files: int = 0
    """Files that went well."""
    errors: int = 0
    """Files that failed, and are in the table of errors."""
    bytes_in: int = 0
    """Of the files that went well."""
    bytes_out: int = 0
    """Of what became of them."""
    seconds: float = 0.0
    """From the beginning of the shard to its end."""
    cpu_seconds: float = 0.0
    """That the process had a core in this time; less than ``seconds`` where others want the cores too."""
    worker: str = ""
    """Host and number of the process."""
    memory: int = 0
    """Bytes of memory that the process had at its peak, of whatever it did up to then."""
    problem: str | None = None
    """Why the shard is not finished. A later run tries again."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be done."""

    waiting: list[Shard]
    """Shards without output."""
    finished: list[Shard]
    """Shards with one."""


@dataclasses.dataclass
class Summary:
    """What a run did."""

    shards: int = 0
    """Finished in this run."""
    skipped: int = 0
    """Finished before."""
    files: int = 0
    """That went well in this run."""
    errors: int = 0
    """Files that failed in this run, see :func:`errors`."""
    bytes_in: int = 0
    """Of the files that went well."""
    bytes_out: int = 0
    """Of what became of them."""
    seconds: float = 0.0
    """From beginning to end."""
    unfinished: list[Report] = dataclasses.field(default_factory=list)
    """Shards that could not be read or written; running again tries them again."""

    def add(self, report: Report) -> None:
        """Counts a shard."""
        if report.problem is not None:
            self.unfinished.append(report)
            return
        self.shards += 1
        self.files += report.files
        self.errors += report.errors
        self.bytes_in += report.bytes_in
        self.bytes_out += report.bytes_out

    @property
    def files_per_second(self) -> float:
        """Files that went well, over the time of the run."""
        return self.files / self.seconds if self.seconds else 0.0


def plan(
    job: Job,
    sources: Sources,
    output: str | os.PathLike[str],
    *,
    column: str = "bytes",
    key: str | None = None,
) -> Plan:
    """Which shards are left to be done.

    ``sources`` is a shard, a folder of them (``.tar`` and ``.parquet``, sorted, not in folders below), or a list. Outputs
    have their names; those of :class:`~wavern.jobs.Evaluate` are tables.

    Raises :class:`~wavern.OptionError` if there are none, or two would have the same output.
    """
    folder = Path(output)
    shards: dict[str, Shard] = {}
    for path in paths_of(sources):
        found = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in found:
            if file.suffix not in (".tar", ".parquet") or file.name.startswith("."):
                if path.is_dir():
                    continue
                raise OptionError(f"sources: {file} is neither .tar nor .parquet", option="sources")
            name = f"{file.stem}.parquet" if job.rows else file.name
            if name in shards:
                problem = f"{shards[name].source} and {file} would both become {name}"
                raise OptionError(f"sources: {problem}", option="sources")
            if file.resolve() == (folder / name).resolve():
                raise OptionError(f"output: {file} would replace itself", option="output")
            shards[name] = Shard(str(file), str(folder / name), column, key)
    if not shards:
        raise OptionError("sources: there are no shards in them", option="sources")
    waiting = [shard for shard in shards.values() if not Path(shard.output).exists()]
    return Plan(waiting, [shard for shard in shards.values() if shard not in waiting])


def process_shard(job: Job, shard: Shard) -> Report:
    """Do a shard, unless its output is there. What was begun and not finished before is done anew.

    What is wrong with a file becomes a row of the table of errors, and its sample is left out; what keeps the shard from
    being read or written is told in the report, and the shard is not finished.
    """
    finished = report_of(shard)
    if finished is not None:
        return finished
    output = Path(shard.output)
    try:
        return _process(job, shard, output)
    except Exception as error:  # noqa: BLE001 (whatever it is, others go on)
        return Report(
            shard.source, shard.output, problem=f"{type(error).__name__}: {error}", worker=_worker()
        )


def report_of(shard: Shard) -> Report | None:
    """That of a shard, if it is finished."""
    output = Path(shard.output)
    return _read_report(_beside(output, "reports", "json")) if output.exists() else None


def _process(job: Job, shard: Shard, output: Path) -> Report:
    start, cpu = time.perf_counter(), time.process_time()
    output.parent.mkdir(parents=True, exist_ok=True)
    failed: list[dict[str, str]] = []
    with _complete(output) as unfinished:
        counts = copy_shard(job, shard, unfinished, failed)
        table = _beside(output, "errors", "jsonl")
        if failed:
            table.parent.mkdir(exist_ok=True)
            with _complete(table) as path:
                path.write_text("".join(json.dumps(row) + "\n" for row in failed))
        else:
            table.unlink(missing_ok=True)
        # In kilobytes, but in bytes on macOS.
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
            1 if sys.platform == "darwin" else 1024
        )
        report = Report(
            shard.source,
            shard.output,
            files=counts.files,
            errors=len(failed),
            bytes_in=counts.bytes_in,
            bytes_out=counts.bytes_out,
            seconds=time.perf_counter() - start,
            cpu_seconds=time.process_time() - cpu,
            worker=_worker(),
            memory=memory,
        )
        said = _beside(output, "reports", "json")
        said.parent.mkdir(exist_ok=True)
        with _complete(said) as path:
            path.write_text(json.dumps(dataclasses.asdict(report)))
        # Now the output itself gets its name, as the last one: with it, everything is there.
    return report


@contextlib.contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """Another name beside, which becomes ``path`` in the end. Two processes at the same shard have different ones."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex}{UNFINISHED}")
    try:
        yield unfinished
        with unfinished.open("rb") as stream:
            os.fsync(stream.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _beside(output: Path, folder: str, extension: str) -> Path:
    return output.parent / folder / f"{output.stem}.{extension}"


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _read_report(path: Path) -> Report:
    return Report(**json.loads(path.read_text()))


def remove_unfinished(output: str | os.PathLike[str]) -> None:
    """What processes that were ended left behind. There must be no other run at this folder."""
    for folder in (Path(output), Path(output) / "errors", Path(output) / "reports"):
        for path in folder.glob(f".*{UNFINISHED}"):
            path.unlink(missing_ok=True)


def errors(output: str | os.PathLike[str]) -> list[dict[str, str]]:
    """The table of errors of a folder of outputs: ``source``, ``file``, ``error`` (the class) and ``message``."""
    tables = sorted((Path(output) / "errors").glob("*.jsonl"))
    return [json.loads(line) for table in tables for line in table.read_text().splitlines()]


def reports(output: str | os.PathLike[str]) -> list[Report]:
    """Those of all finished shards of a folder of outputs."""
    outputs = [path for path in sorted(Path(output).iterdir()) if path.suffix in (".tar", ".parquet")]
    return [
        _read_report(_beside(path, "reports", "json")) for path in outputs if not path.name.startswith(".")
    ]


class Progress:
    """Shards as they are finished: counted, and told at most once a second."""

    def __init__(self, plan: Plan, tell: bool | Callable[[Summary, int], Any]) -> None:
        self.summary = Summary(skipped=len(plan.finished))
        self.all = len(plan.waiting)
        self._tell = _line if tell is True else tell or None
        self._start = time.monotonic()
        self._told = 0.0

    def add(self, report: Report) -> None:
        """A shard that is finished or has failed."""
        self.summary.add(report)
        self.summary.seconds = time.monotonic() - self._start
        done = self.summary.shards + len(self.summary.unfinished) == self.all
        if self._tell is not None and (done or time.monotonic() - self._told > 1):
            self._told = time.monotonic()
            self._tell(self.summary, self.all)

    def end(self) -> Summary:
        """What was done."""
        self.summary.seconds = time.monotonic() - self._start
        return self.summary


def _line(summary: Summary, shards: int) -> None:
    rate = summary.bytes_in / summary.seconds / 1e6 if summary.seconds else 0.0
    left = (shards - summary.shards) * summary.seconds / max(summary.shards, 1)
    print(
        f"{summary.shards} of {shards} shards, {summary.files} files, {summary.errors} errors, "
        f"{summary.files_per_second:.1f} files/s, {rate:.2f} MB/s, {left:.0f} s left",
        file=sys.stderr,
    )
