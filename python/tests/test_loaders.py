"""Loaders of PyTorch and WebDataset, with worker processes that are forked and spawned."""

from __future__ import annotations

import collections
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import wavern

torch = pytest.importorskip("torch", reason="NOT RUN: PyTorch is not installed")
from torch.utils.data import DataLoader
from wavern.torch import (
    FileDataset,
    Item,
    ReadLatents,
    ReadPixels,
    ReadSamples,
    ReadSoundLatents,
    StreamDataset,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]

COUNT = 12


@pytest.fixture(scope="module")
def files(photo: npt.NDArray[Any]) -> list[bytes]:
    """Parts of the photograph, of several sizes and in several tiles."""
    shifted = [np.roll(photo, 37 * index, 1)[: 256 - 8 * index, : 384 - 16 * index] for index in range(COUNT)]
    return [wavern.encode(picture, tile_side=256, quality=40) for picture in shifted]


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


@pytest.fixture(scope="module")
def folder(files: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes."""
    root = tmp_path_factory.mktemp("folder")
    for index, file in enumerate(files):
        path = root / ("cat" if index % 3 else "dog") / f"{index:02}.wvn"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(file)
    return root


@pytest.fixture(scope="module")
def shards(files: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three shards with labels, and with other files between."""
    root = tmp_path_factory.mktemp("shards")
    paths = [root / f"{number}.tar" for number in range(3)]
    for number, path in enumerate(paths):
        with tarfile.open(path, "w") as archive:
            for index in range(number, COUNT, 3):
                add(archive, f"all/{index:02}.json", b"{}")
                add(archive, f"all/{index:02}.wvn", files[index])
                add(archive, f"all/{index:02}.cls", b"%d\n" % (index % 5))
    return paths


def everything(loader: Any) -> dict[str, tuple[Any, int]]:
    """Tensor and label by key; every key once."""
    found: dict[str, tuple[Any, int]] = {}
    for x, labels, keys in loader:
        for row, label, key in zip(x, labels.tolist(), keys, strict=True):
            assert key not in found
            found[key] = (row, label)
    return found


def patience(workers: int) -> int:
    """Seconds that a loader waits for its workers: one that hangs is an error."""
    return 120 if workers else 0


def place_of(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> tuple[int, int] | None:
    """Row and column where ``[channels, rows, columns]`` is cut out of a larger array; none if it is not."""
    _, rows, columns = part.shape
    corner = part[0, :3, :6]
    windows = np.lib.stride_tricks.sliding_window_view(whole[0], corner.shape)
    for row, column in np.argwhere((windows == corner).all((2, 3))).tolist():
        if np.array_equal(whole[:, row : row + rows, column : column + columns], part):
            return row, column
    return None


def same(a: dict[str, tuple[Any, int]], b: dict[str, tuple[Any, int]]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key][0], b[key][0]) for key in a)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_batches_are_the_same_from_worker_processes(folder: Path, photo_file: bytes, method: str) -> None:
    wavern.decode(photo_file)  # so that the parent has threads, which a child must not wait for
    data = FileDataset(folder, ReadLatents(crop=(8, 10)), seed=3)
    here = everything(DataLoader(data, batch_size=5))
    assert len(here) == COUNT and data.classes == ["cat", "dog"]
    assert all(x.shape == (256, 8, 10) and x.dtype == torch.float32 for x, _ in here.values())
    assert all(label == (key.startswith("dog")) for key, (_, label) in here.items())
    loader = DataLoader(
        data,
        batch_size=5,
        shuffle=True,
        num_workers=2,
        multiprocessing_context=method,
        persistent_workers=True,
        timeout=120,
    )
    assert same(everything(loader), here)
    data.set_epoch(1)
    other = everything(loader)
    assert other.keys() == here.keys() and not same(other, here), "kept workers see the new epoch"
    assert same(other, everything(DataLoader(data, batch_size=1)))
    data.set_epoch(0)
    assert same(everything(loader), here)


def test_a_crop_is_cut_out_of_the_whole(folder: Path, files: list[bytes]) -> None:
    data = FileDataset(folder, ReadLatents(crop=(7, 9)), seed=5)
    places = set()
    for x, _, key in data:
        whole = wavern.latents(files[int(key[-2:])], dtype="float32").y
        place = place_of(x.numpy(), whole)
        assert place is not None
        places.add(place)
    assert len(places) > COUNT // 2
    centered = FileDataset(folder, ReadLatents(crop=(4, 4), where="center", dtype="int16"))
    for x, _, key in centered:
        whole = wavern.latents(files[int(key[-2:])]).y
        row, column = (whole.shape[1] - 3) // 2, (whole.shape[2] - 3) // 2
        assert np.array_equal(x.numpy(), whole[:, row : row + 4, column : column + 4])


def test_pixels_whole_cropped_scaled_and_larger_than_the_picture(folder: Path, files: list[bytes]) -> None:
    for scale in (1, 1 / 4):
        data = FileDataset(folder, ReadPixels(crop=(64, 96), scale=scale), seed=1)
        for x, _, key in data:
            whole = wavern.decode(files[int(key[-2:])], scale=scale).transpose(2, 0, 1)
            assert x.shape == (3, 64 * scale, 96 * scale) and x.dtype == torch.uint8
            assert place_of(x.numpy(), whole) is not None
    large = FileDataset(folder, ReadPixels(crop=(300, 400)))[0]
    whole = wavern.decode(files[int(large.key[-2:])]).transpose(2, 0, 1)
    height, width = whole.shape[1:]
    assert np.array_equal(large.x[:, :height, :width].numpy(), whole)
    assert torch.equal(large.x[:, 299], large.x[:, height - 1])
    y = FileDataset(folder, ReadLatents(crop=(30, 30)))[0].x
    assert y.shape == (256, 30, 30) and not y[:, 16:].any() and y[:, :16, :22].any()
    with pytest.raises(wavern.SignalError, match="does not fit") as caught:
        FileDataset(folder, ReadLatents(crop=(30, 30), small="error"))[0]
    assert caught.value.path.endswith(".wvn")
    with pytest.raises(wavern.OptionError, match="multiples"):
        FileDataset(folder, ReadPixels(crop=(63, 64), scale=1 / 2))[0]


def test_gray_has_three_channels_or_one(tmp_path: Path) -> None:
    (tmp_path / "gray.wvn").write_bytes(wavern.encode(np.arange(48 * 40, dtype=np.uint8).reshape(48, 40)))
    assert FileDataset(tmp_path, ReadPixels())[0].x.shape == (3, 48, 40)
    assert FileDataset(tmp_path / "gray.wvn", ReadPixels(channels=None))[0].x.shape == (1, 48, 40)


def test_shards_by_index_have_labels(shards: list[Path], files: list[bytes]) -> None:
    data = FileDataset(shards, ReadLatents(dtype="int16"))
    assert len(data) == COUNT and data.labels() == [int(place.key[-2:]) % 5 for place in data.places]
    for x, label, key in data:
        index = int(key[-2:])
        assert key == f"{index % 3}/all/{index:02}" and label == index % 5
        assert np.array_equal(x.numpy(), wavern.latents(files[index]).y)


@pytest.mark.parametrize("workers", [0, 2, 4])
@pytest.mark.parametrize("source", ["shards", "folder"])
def test_a_stream_gives_every_file_once(shards: list[Path], folder: Path, workers: int, source: str) -> None:
    sources: Any = shards if source == "shards" else folder
    orders = []
    for epoch in (0, 0, 1):
        data = StreamDataset(sources, ReadLatents(crop=(4, 4)), shuffle=4, seed=9, classes=["cat", "dog"])
        data.set_epoch(epoch)
        found = everything(DataLoader(data, batch_size=2, num_workers=workers, timeout=patience(workers)))
        assert len(found) == COUNT
        for key, (_, label) in found.items():
            assert label == (int(key[-2:]) % 5 if source == "shards" else key.startswith("dog"))
        orders.append(list(found))
    assert orders[0] == orders[1] != orders[2]


def test_ranks_share_a_stream(shards: list[Path]) -> None:
    keys: list[str] = []
    for rank in range(4):
        data = StreamDataset(shards, ReadLatents(crop=(4, 4)), rank=rank, world=4)
        keys += [item.key for item in data]
    assert len(keys) == len(set(keys)) == COUNT


def test_a_stream_and_an_index_draw_the_same_crops(shards: list[Path]) -> None:
    read = ReadPixels(crop=(32, 32))
    by_index = {item.key: item.x for item in FileDataset(shards, read, seed=2)}
    for x, _, key in StreamDataset(shards, read, seed=2, shuffle=5):
        assert torch.equal(x, by_index[key])


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_file_is_named_or_left_out(folder: Path, tmp_path: Path, workers: int) -> None:
    for path in folder.rglob("*.wvn"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "03.wvn").write_bytes((tmp_path / "03.wvn").read_bytes()[:-60])
    read = ReadLatents(crop=(4, 4))
    for data in (FileDataset(tmp_path, read), StreamDataset(tmp_path, read)):
        with pytest.raises(wavern.FormatError, match=r"03\.wvn" if workers else None):
            list(DataLoader(data, num_workers=workers, timeout=patience(workers)))
    patient = StreamDataset(tmp_path, read, on_error="skip")
    if workers == 0:
        with pytest.warns(UserWarning, match=r"03\.wvn"):
            assert len(everything(DataLoader(patient))) == COUNT - 1
    else:
        assert len(everything(DataLoader(patient, num_workers=1, timeout=120))) == COUNT - 1


def test_sounds_in_segments(tone_file: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wvn").write_bytes(tone_file)
    (tmp_path / "b.wvn").write_bytes(wavern.encode(np.zeros(300), sample_rate=8000))
    whole = wavern.latents(tone_file, dtype="float32").y
    samples = wavern.decode(tone_file)
    for seed in range(6):
        y = FileDataset(tmp_path, ReadSoundLatents(frames=10), seed=seed)[0].x.numpy()
        windows = np.lib.stride_tricks.sliding_window_view(whole, y.shape)[0, 0, 0]
        assert y.shape == (1, 2, 256, 10) and (windows == y).all((1, 2, 3, 4)).any()
        x = FileDataset(tmp_path, ReadSamples(frames=5000), seed=seed)[0].x.numpy()
        windows = np.lib.stride_tricks.sliding_window_view(samples, (2, 5000))[0]
        assert x.shape == (2, 5000) and (windows == x).all((1, 2)).any()
    assert torch.equal(FileDataset(tmp_path, ReadSamples())[0].x, torch.from_numpy(samples))
    short = FileDataset(tmp_path, ReadSoundLatents(frames=10))[1].x
    assert short.shape == (1, 1, 256, 10)
    assert FileDataset(tmp_path, ReadSamples(frames=1000))[1].x.shape == (1, 1000)
    with pytest.raises(wavern.KindError, match="a sound, not a picture"):
        FileDataset(tmp_path, ReadPixels())[0]


def test_what_makes_no_sense_is_refused(folder: Path, tmp_path: Path) -> None:
    for wrong in (
        lambda: FileDataset(tmp_path, ReadLatents()),
        lambda: FileDataset(folder, ReadLatents(crop=(0, 4)))[0],
        lambda: FileDataset(folder, ReadLatents(), seed=-1),
        lambda: StreamDataset(tmp_path / "no.tar", ReadLatents()),
        lambda: StreamDataset(folder, ReadLatents(), rank=2, world=2),
        lambda: StreamDataset([], ReadLatents()),
    ):
        with pytest.raises(wavern.OptionError):
            wrong()


def double(x: Any) -> Any:
    return x * 2


def test_transforms_and_items(folder: Path) -> None:
    plain = FileDataset(folder, ReadLatents(crop=(4, 4)))
    item = FileDataset(folder, ReadLatents(crop=(4, 4)), transform=double)[2]
    assert isinstance(item, Item) and torch.equal(item.x, plain[2].x * 2)


def test_batches_are_pinned_where_there_is_a_driver(folder: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("NOT RUN: pinned memory takes a driver of CUDA")
    for batch in DataLoader(FileDataset(folder, ReadLatents(crop=(4, 4))), batch_size=4, pin_memory=True):
        assert batch.x.is_pinned() and batch.label.is_pinned()


def test_webdataset(shards: list[Path], files: list[bytes]) -> None:
    wds = pytest.importorskip("webdataset", reason="NOT RUN: WebDataset is not installed")
    urls = [str(path) for path in shards]

    def data(handler: Any) -> Any:
        return wds.WebDataset(urls, shardshuffle=False).decode(handler).to_tuple("__key__", "wvn", "cls")

    for key, pixels, label in data(wavern.wds):
        assert np.array_equal(pixels, wavern.decode(files[int(key[-2:])])) and label == int(key[-2:]) % 5
    seen = collections.Counter()
    loader = DataLoader(
        data(wavern.wds.latents(dtype="float32")), num_workers=2, batch_size=None, timeout=120
    )
    for key, latents, _ in loader:
        assert np.array_equal(latents.y, wavern.latents(files[int(key[-2:])], dtype="float32").y)
        seen[key] += 1
    assert len(seen) == COUNT and set(seen.values()) == {1}
    assert wavern.wds(".png", b"") is None
