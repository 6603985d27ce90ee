"""Jobs on shards: tar and Parquet, atomic, resumed, with a table of errors."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
import wavern
from conftest import TESTDATA
from wavern import jobs


def png(pixels: npt.NDArray[Any]) -> bytes:
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def write_tar(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def read_tar(path: str | Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        members = [info for info in archive if info.isfile()]
        assert len({info.name for info in members}) == len(members)
        return {info.name: archive.extractfile(info).read() for info in members}  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def pictures(photo: npt.NDArray[Any]) -> list[bytes]:
    return [png(photo[8 * index : 8 * index + 64, :80]) for index in range(4)]


@pytest.fixture
def source(tmp_path: Path, pictures: list[bytes]) -> Path:
    """Two shards, one of which has a bad file."""
    folder = tmp_path / "in"
    folder.mkdir()
    files: dict[str, bytes] = {}
    for index, picture in enumerate(pictures):
        files |= {f"{index}.png": picture, f"{index}.cls": b"%d" % index, f"{index}.left.png": picture}
    write_tar(folder / "good.tar", files)
    write_tar(
        folder / "mixed.tar", {"a/x.png": pictures[0], "a/bad.png": pictures[1][:99], "a/bad.txt": b"t"}
    )
    (folder / "notes.txt").write_text("no shard")
    return folder


def run(job: jobs.Job, source: Any, output: Path, **options: Any) -> list[jobs.Report]:
    return [jobs.process_shard(job, shard) for shard in jobs.plan(job, source, output, **options).waiting]


def test_encode_and_back(source: Path, tmp_path: Path, pictures: list[bytes]) -> None:
    out = tmp_path / "out"
    good, mixed = run(jobs.Encode(quality=70), source, out)
    assert (good.files, good.errors, mixed.files, mixed.errors) == (8, 0, 1, 1)
    coded = read_tar(out / "good.tar")
    assert coded.keys() == {f"{i}.{name}" for i in range(4) for name in ("wvn", "left.wvn", "cls")}
    assert all(coded[f"{i}.wvn"] == wavern.encode(picture, quality=70) for i, picture in enumerate(pictures))
    assert coded["2.cls"] == b"2"
    assert good.bytes_in == 2 * sum(map(len, pictures))
    assert good.bytes_out == sum(len(data) for name, data in coded.items() if name.endswith("wvn"))
    assert good.memory > 10**7 and 0 < good.cpu_seconds and good.worker.endswith(f":{os.getpid()}")
    assert set(read_tar(out / "mixed.tar")) == {"a/x.wvn"}, "a sample with a bad file is left out"
    [row] = jobs.errors(out)
    assert row["file"] == "a/bad.png" and row["source"].endswith("mixed.tar") and row["message"]

    back = tmp_path / "back"
    [_, again] = run(jobs.Decode(), out, back)
    assert again.files == 1
    arrays = read_tar(back / "good.tar")
    for index in range(4):
        pixels = np.load(io.BytesIO(arrays[f"{index}.npy"]))
        assert np.array_equal(pixels, wavern.decode(coded[f"{index}.wvn"]))
    run(jobs.Decode("png"), out, tmp_path / "png")
    shown = read_tar(tmp_path / "png/good.tar")["1.png"]
    decoded = wavern.decode(coded["1.wvn"])
    assert np.array_equal(np.asarray(PIL.Image.open(io.BytesIO(shown))), decoded)

    run(jobs.Latents("float32"), out, tmp_path / "latents")
    found = read_tar(tmp_path / "latents/good.tar")
    expected = wavern.latents(coded["3.wvn"], dtype="float32")
    assert np.array_equal(np.load(io.BytesIO(found["3.y.npy"])), expected.y)
    assert np.array_equal(np.load(io.BytesIO(found["3.z.npy"])), expected.z)
    said = json.loads(found["3.latents.json"])
    assert said["width"] == 80 and said["level"] == expected.level and len(said["gains"]) == 256


def test_a_finished_shard_is_not_done_again_and_others_are(source: Path, tmp_path: Path) -> None:
    job, out = jobs.Encode(quality=30), tmp_path / "out"
    run(job, source, out)
    first = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    (out / "mixed.tar").unlink()
    (out / ".mixed.tar.1-2.part").write_bytes(b"left behind")
    todo = jobs.plan(job, source, out)
    assert [Path(shard.source).name for shard in todo.waiting] == ["mixed.tar"]
    assert [Path(shard.source).name for shard in todo.finished] == ["good.tar"]
    assert [jobs.process_shard(job, shard).files for shard in todo.waiting] == [1]
    assert (out / "good.tar").stat().st_mtime_ns == first["good.tar"]
    # Of a finished one, the report that was written.
    assert jobs.process_shard(job, todo.finished[0]) == jobs.reports(out)[0]
    assert len(jobs.errors(out)) == 1
    assert sum(report.files for report in jobs.reports(out)) == 9


def test_nothing_appears_before_it_is_complete(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends at each of the moments at which files get their names."""
    job, out = jobs.Encode(), tmp_path / "out"
    [_, shard] = jobs.plan(job, source, out).waiting
    replace = Path.replace

    class Killed(BaseException):
        pass

    for lives in range(3):
        left = lives

        def dies(path: Path, target: Path) -> Path:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", dies)
        with pytest.raises(Killed):
            jobs.process_shard(job, shard)
        assert not Path(shard.output).exists()
        assert len(jobs.plan(job, source, out).waiting) == 2
    monkeypatch.setattr(Path, "replace", replace)
    assert jobs.process_shard(job, shard).errors == 1 and len(jobs.errors(out)) == 1


def test_shards_that_cannot_be_read(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    whole = (source / "good.tar").read_bytes()
    (source / "cut.tar").write_bytes(whole[: len(whole) // 2 // 512 * 512 + 100])
    (source / "rubbish.tar").write_bytes(b"no tar" * 1000)
    (source / "gone.tar").symlink_to(source / "nothing")
    cut, gone, good, _, rubbish = run(jobs.Encode(), source, out)
    assert 1 <= cut.files < 8 and cut.errors == 1 and good.files == 8
    assert (rubbish.files, rubbish.errors) == (0, 1)
    assert gone.problem is not None and "FileNotFoundError" in gone.problem
    assert not (out / "gone.tar").exists(), "it may come back"
    assert {Path(row["source"]).name for row in jobs.errors(out)} == {"cut.tar", "rubbish.tar", "mixed.tar"}


def test_evaluate(source: Path, tmp_path: Path, pictures: list[bytes]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="NOT RUN: pyarrow is not installed")
    sound = (TESTDATA / "audio/odd-chunks.wav").read_bytes()
    write_tar(source / "sound.tar", {"s.wav": sound, "s.txt": b"-"})
    run(jobs.Evaluate((20, 70)), source, tmp_path / "out")
    rows = parquet.read_table(tmp_path / "out/good.parquet").to_pylist()
    assert len(rows) == 16
    for low, high in zip(rows[::2], rows[1::2], strict=True):
        assert low["file"] == high["file"] and (low["quality"], high["quality"]) == (20, 70)
        assert low["bytes"] < high["bytes"] and low["psnr"] < high["psnr"]
        assert (
            low["samples"] == 64 * 80 and low["ssimulacra2"] < high["ssimulacra2"] and low["si_sdr"] is None
        )
    file = wavern.encode(pictures[0], quality=70)
    assert rows[1]["bytes"] == len(file)
    original = np.asarray(PIL.Image.open(io.BytesIO(pictures[0])))
    assert rows[1]["psnr"] == wavern.metrics.psnr(original, wavern.decode(file))
    [low, high] = parquet.read_table(tmp_path / "out/sound.parquet").to_pylist()
    assert low["kind"] == "audio" and low["si_sdr"] < high["si_sdr"] and low["psnr"] is None


def test_tables(tmp_path: Path, pictures: list[bytes]) -> None:
    arrow = pytest.importorskip("pyarrow", reason="NOT RUN: pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    names = [f"n{index}" for index in range(200)]
    files: list[Any] = [pictures[index % 4] for index in range(200)]
    files[7], files[9] = b"no picture", None
    table = arrow.table({"name": names, "bytes": files, "label": list(range(200))})
    parquet.write_table(table, tmp_path / "in.parquet", row_group_size=50)
    [report] = run(jobs.Encode(quality=20), tmp_path / "in.parquet", tmp_path / "out", key="name")
    assert (report.files, report.errors, report.problem) == (198, 2, None)
    rows = parquet.read_table(tmp_path / "out/in.parquet").to_pylist()
    assert [row["label"] for row in rows] == [index for index in range(200) if index not in (7, 9)]
    coded = [wavern.encode(picture, quality=20) for picture in pictures]
    assert all(row["wvn"] == coded[row["label"] % 4] and row["name"] == names[row["label"]] for row in rows)
    assert rows[0].keys() == {"name", "label", "wvn"}
    assert [row["file"] for row in jobs.errors(tmp_path / "out")] == ["n7", "n9"]
    [report] = run(jobs.Latents("int8"), tmp_path / "out/in.parquet", tmp_path / "y", column="wvn")
    rows = parquet.read_table(tmp_path / "y/in.parquet").to_pylist()
    y = np.load(io.BytesIO(rows[1]["y.npy"]))
    assert np.array_equal(y, wavern.latents(coded[1], dtype="int8").y)
    [report] = run(jobs.Evaluate((50,)), tmp_path / "in.parquet", tmp_path / "e", key="name")
    assert len(parquet.read_table(tmp_path / "e/in.parquet")) == 198
    [report] = run(jobs.Encode(), tmp_path / "in.parquet", tmp_path / "no", column="pixels")
    assert report.problem is not None and "no 'pixels'" in report.problem


def test_what_makes_no_sense_is_refused(source: Path, tmp_path: Path) -> None:
    for wrong in (
        lambda: jobs.Encode(quality=60, target_bpp=1),
        lambda: jobs.Encode(effort=10),
        lambda: jobs.Decode("jpeg"),  # type: ignore[arg-type]
        lambda: jobs.Latents("uint8"),  # type: ignore[arg-type]
        lambda: jobs.Evaluate((101,)),
        lambda: jobs.plan(jobs.Encode(), tmp_path / "out", source / "notes.txt"),
        lambda: jobs.plan(jobs.Encode(), source / "notes.txt", tmp_path),
        lambda: jobs.plan(jobs.Encode(), source, source),
        lambda: jobs.plan(jobs.Encode(), [source, source / "good.tar"], tmp_path),
    ):
        with pytest.raises(wavern.OptionError):
            wrong()
    with pytest.raises(TypeError):
        jobs.Encode(colour="red")
