"""Jobs on clusters of Ray and Spark, on this machine: several processes, one of which is killed."""

from __future__ import annotations

import collections
import functools
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import wavern
from test_jobs import png, read_tar, write_tar
from wavern import jobs

SHARDS, FILES = 40, 50
BAD = "17/03"


@pytest.fixture(scope="module")
def pictures(photo: npt.NDArray[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 small pictures in 40 shards, no two alike; one is damaged."""
    folder = tmp_path_factory.mktemp("pictures")
    for shard in range(SHARDS):
        files = {}
        for index in range(FILES):
            number = shard * FILES + index
            x, y = number % 60 * 5, number // 60 * 5
            data = png(photo[y : y + 48, x : x + 64])
            key = f"{shard:02}/{index:02}"
            files[f"{key}.png"] = data[:70] if key == BAD else data
            files[f"{key}.cls"] = b"%d" % number
        write_tar(folder / f"{shard:02}.tar", files)
    return folder


def check(out: Path, summary: jobs.Summary, photo: npt.NDArray[Any]) -> None:
    """All there, once, and right."""
    keys: collections.Counter[str] = collections.Counter()
    for path in sorted(out.glob("*.tar")):
        files = read_tar(path)
        for name, data in files.items():
            key, _, extension = name.rpartition(".")
            if extension != "wvn":
                continue
            keys[key] += 1
            number = int(files[f"{key}.cls"])
            if number % 97 == 0:
                x, y = number % 60 * 5, number // 60 * 5
                assert data == wavern.encode(photo[y : y + 48, x : x + 64], quality=30)
    expected = {f"{shard:02}/{index:02}" for shard in range(SHARDS) for index in range(FILES)}
    assert set(keys) == expected - {BAD} and set(keys.values()) == {1}
    [row] = jobs.errors(out)
    assert row["file"] == f"{BAD}.png"
    reports = jobs.reports(out)
    assert len(reports) == SHARDS and sum(report.files for report in reports) == SHARDS * FILES - 1
    assert (summary.files, summary.errors, summary.unfinished) == (SHARDS * FILES - 1, 1, [])
    assert summary.shards + summary.skipped == SHARDS
    assert not [path for path in out.rglob("*") if path.name.endswith(".part")]


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A cluster of a head and another node, each with one core for work."""
    ray = pytest.importorskip("ray", reason="NOT RUN: Ray is not installed")
    pytest.importorskip("ray.data", reason="NOT RUN: Ray Data is not installed")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is sent anywhere
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    yield ray
    ray.shutdown()
    cluster.shutdown()


def test_ray_with_a_worker_killed(ray: Any, pictures: Path, photo: npt.NDArray[Any], tmp_path: Path) -> None:
    import wavern.ray

    assert len(ray.nodes()) == 2
    out, killed, told = tmp_path / "out", [], []
    ended = threading.Event()

    def kill() -> None:
        """Once some shards are done, the process that writes another one, as its temporary file is named."""
        while not ended.wait(0.005):
            if len(list(out.glob("*.tar"))) < 5:
                continue
            for path in out.glob(".*.tar.*.part"):
                pid = int(path.name.split(".")[-2].partition("-")[0])
                os.kill(pid, signal.SIGKILL)
                killed.append((pid, path.name))
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        summary = wavern.ray.run(
            jobs.Encode(quality=30), pictures, out, progress=lambda done, all_of_it: told.append(done.shards)
        )
    finally:
        ended.set()
        killer.join()
    assert len(killed) == 1, "a process was killed while it wrote"
    check(out, summary, photo)
    workers = {report.worker for report in jobs.reports(out)}
    assert len(workers) >= 2 and told[-1] == SHARDS
    assert sorted(told) == told and summary.files_per_second > 0

    # What is there is not done again; what is not, is.
    times = {path.name: path.stat().st_mtime_ns for path in out.glob("*.tar")}
    (out / "05.tar").unlink()
    again = wavern.ray.run(jobs.Encode(quality=30), pictures, out, progress=False)
    assert (again.shards, again.skipped, again.files) == (1, SHARDS - 1, FILES)
    check(out, jobs.Summary(SHARDS, 0, SHARDS * FILES - 1, 1), photo)
    changed = [path.name for path in out.glob("*.tar") if path.stat().st_mtime_ns != times[path.name]]
    assert changed == ["05.tar"]


def test_ray_decodes_evaluates_and_takes_latents(ray: Any, pictures: Path, tmp_path: Path) -> None:
    import wavern.ray

    some = [pictures / "01.tar", pictures / "17.tar"]
    quiet = functools.partial(wavern.ray.run, progress=False)
    assert quiet(jobs.Encode(), some, tmp_path / "coded").errors == 1
    assert quiet(jobs.Decode("png"), tmp_path / "coded", tmp_path / "png").files == 2 * FILES - 1
    assert quiet(jobs.Latents(), tmp_path / "coded", tmp_path / "y", workers=1).files == 2 * FILES - 1
    assert set(read_tar(tmp_path / "y/01.tar")) >= {"01/00.y.npy", "01/00.z.npy", "01/00.cls"}
    summary = quiet(jobs.Evaluate((30,)), some, tmp_path / "table")
    assert summary.files == 2 * FILES - 1
    assert ray.data.read_parquet(str(tmp_path / "table")).count() == 2 * FILES - 1


def test_ray_with_a_column(ray: Any, pictures: Path) -> None:
    import wavern.ray

    files = list(read_tar(pictures / "17.tar").items())
    rows = [{"name": name, "bytes": data} for name, data in files if name.endswith("png")]
    table = ray.data.from_items(rows).map_batches(wavern.ray.Column(jobs.Encode()), batch_size=16)
    found = {row["name"]: row for row in table.take_all()}
    assert len(found) == FILES and "bytes" not in found["17/00.png"]
    for row in rows:
        result = found[row["name"]]
        if row["name"] == f"{BAD}.png":
            assert result["wvn"] is None and "Error" in result["error"]
        else:
            assert result["error"] is None and result["wvn"] == wavern.encode(row["bytes"])
    measured = ray.data.from_items(rows[:2]).map_batches(
        wavern.ray.Column(jobs.Evaluate((20, 80)), keep=True)
    )
    assert [len(row["rows"]) for row in measured.take_all()] == [2, 2]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Two processes for work."""
    pytest.importorskip("pyspark", reason="NOT RUN: PySpark is not installed")
    pytest.importorskip("pandas", reason="NOT RUN: pandas is not installed")
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable  # else the one that is called python3
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    try:
        session = builder.getOrCreate()
    except Exception as error:  # noqa: BLE001 (of Java or of Spark)
        pytest.skip(f"NOT RUN: Spark does not start ({type(error).__name__}): it takes a Java runtime")
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def test_spark(spark: Any, pictures: Path, photo: npt.NDArray[Any], tmp_path: Path) -> None:
    import wavern.spark

    out, told = tmp_path / "out", []
    summary = wavern.spark.run(
        spark,
        jobs.Encode(quality=30),
        pictures,
        out,
        progress=lambda done, all_of_it: told.append(done.shards),
    )
    check(out, summary, photo)
    assert len({report.worker for report in jobs.reports(out)}) == 2 and told[-1] == SHARDS
    (out / "05.tar").unlink()
    again = wavern.spark.run(spark, jobs.Encode(quality=30), pictures, out, progress=False)
    assert (again.shards, again.skipped, again.files) == (1, SHARDS - 1, FILES)

    some = [out / "01.tar", out / "17.tar", tmp_path / "gone.tar"]
    summary = wavern.spark.run(spark, jobs.Decode(), some, tmp_path / "npy", progress=False)
    assert (summary.files, len(summary.unfinished)) == (2 * FILES - 1, 1)
    assert "FileNotFoundError" in str(summary.unfinished[0].problem)
    evaluated = wavern.spark.run(
        spark, jobs.Evaluate((30,)), pictures / "01.tar", tmp_path / "t", progress=False
    )
    assert evaluated.files == FILES and spark.read.parquet(str(tmp_path / "t/01.parquet")).count() == FILES


def test_a_udf_of_spark(spark: Any, pictures: Path) -> None:
    import wavern.spark

    files = [(name, data) for name, data in read_tar(pictures / "17.tar").items() if name.endswith("png")]
    frame = spark.createDataFrame(files, "name string, content binary").repartition(2)
    coded = frame.select("name", wavern.spark.udf(jobs.Encode())("content").alias("c")).select("name", "c.*")
    found = {row["name"]: row for row in coded.collect()}
    assert len(found) == FILES
    for name, data in files:
        if name == f"{BAD}.png":
            assert found[name]["wvn"] is None and "Error" in found[name]["error"]
        else:
            assert found[name]["error"] is None and bytes(found[name]["wvn"]) == wavern.encode(data)
    latents = coded.where("error is null").select(wavern.spark.udf(jobs.Latents())("wvn").alias("l"))
    row = latents.select("l.*").first()
    assert np.load(io.BytesIO(row["y.npy"])).shape == (256, 3, 4)
    measured = frame.limit(3).select(wavern.spark.udf(jobs.Evaluate((20, 80)))("content").alias("m"))
    assert [len(row["m"]["rows"]) for row in measured.collect()] == [2, 2, 2]
