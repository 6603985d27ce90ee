"""Data sets of PyTorch: folders and tar shards of .wvn files as latents, pixels or samples, whole or in crops of one size.

>>> from torch.utils.data import DataLoader                                  # doctest: +SKIP
>>> read = wavern.torch.ReadLatents(crop=(14, 14))                           # doctest: +SKIP
>>> data = wavern.torch.FileDataset("train", read, seed=1)                   # doctest: +SKIP
>>> loader = DataLoader(data, batch_size=256, shuffle=True, num_workers=8)   # doctest: +SKIP
>>> for epoch in range(90):                                                  # doctest: +SKIP
...     data.set_epoch(epoch)                                                # other crops
...     for x, label, key in loader: ...

Worker processes may be forked or spawned. Crops depend on the seed, the epoch and the key of a file alone: not on the
number of workers, and not on the order.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from ._errors import OptionError, WavernError
from ._options import integer
from ._reading import Read, ReadLatents, ReadPixels, ReadSamples, ReadSoundLatents
from ._shards import Place, Sources, is_shard, paths_of, places, places_in

__all__ = [
    "FileDataset",
    "Item",
    "ReadLatents",
    "ReadPixels",
    "ReadSamples",
    "ReadSoundLatents",
    "StreamDataset",
]


class Item(NamedTuple):
    """What a data set gives for a file, and a loader for a batch of them."""

    x: torch.Tensor
    """What was read, or what the transform made of it; in a batch, with one axis more in front."""
    label: int
    """Index of its class, −1 without one."""
    key: str
    """Name of the file without extension: relative to its folder, or behind the name of its shard."""


class FileDataset(Dataset[Item]):
    """The .wvn files of folders and tar shards, by index.

    ``sources`` is a folder, a tar shard, a file, or a list of them. Folders are searched at any depth and sorted; of
    shards only the headers are read here. ``read`` says what becomes of a file, ``transform`` is applied to the tensor.

    The class of a file in a folder is the first folder below it, of which ``classes`` is the sorted list; that of a file
    in a shard is the number in the file of the same key and the extension ``cls``. Others have −1.

    Errors of the codec name the file and are raised where the loader is iterated.
    """

    def __init__(
        self,
        sources: Sources,
        read: Read,
        *,
        transform: Callable[[torch.Tensor], torch.Tensor] | None = None,
        seed: int = 0,
    ) -> None:
        self.read, self.transform = read, transform
        self.places = places(sources)
        if not self.places:
            raise OptionError("sources: there is no .wvn file in them", option="sources")
        self.classes = sorted({name for name in map(_folder, self.places) if name is not None})
        self._indices = {name: index for index, name in enumerate(self.classes)}
        self._chance = _Chance(seed)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Item:
        place = self.places[index]
        return _item(place, place.read(), self.read, self.transform, self._chance, self._label(place))

    def labels(self) -> list[int]:
        """The class of every file, in order, without reading any."""
        return [self._label(place) for place in self.places]

    def _label(self, place: Place) -> int:
        folder = _folder(place)
        return self._indices[folder] if folder is not None else -1 if place.label is None else place.label

    def set_epoch(self, epoch: int) -> None:
        """Draws other crops from the next batch that is begun on; running worker processes see it too."""
        self._chance.set_epoch(epoch)


class StreamDataset(IterableDataset[Item]):
    """The .wvn files of folders and tar shards, one after the other: shards are read from front to back.

    With ``shuffle`` above 1, shards come in an order drawn from seed and epoch, and files are drawn out of that many, which
    wait as they are in the shard: coded, so a buffer of 10,000 pictures is some hundred megabytes.

    Worker processes and ``world`` ranks share the shards: with no fewer shards than of them all together, each reads its
    own; otherwise each reads all of them and takes its share of the files. Seed, epoch, workers and ranks determine the
    order. With ``on_error="skip"`` a file that cannot be decoded is left out with a warning; with ``"raise"`` it ends the
    iteration. Other arguments are those of :class:`FileDataset`; classes of files in folders are −1 unless
    ``classes`` lists the folders.
    """

    def __init__(
        self,
        sources: Sources,
        read: Read,
        *,
        transform: Callable[[torch.Tensor], torch.Tensor] | None = None,
        shuffle: int = 0,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        classes: list[str] | None = None,
        on_error: Literal["raise", "skip"] = "raise",
    ) -> None:
        self.sources, self.read, self.transform = paths_of(sources), read, transform
        self.shuffle = integer("shuffle", shuffle, 0, 2**31 - 1)
        self.world = integer("world", world, 1, 2**31 - 1)
        self.rank = integer("rank", rank, 0, self.world - 1)
        if on_error not in ("raise", "skip"):
            raise OptionError(f"on_error: {on_error!r} (expected 'raise' or 'skip')", option="on_error")
        self.on_error = on_error
        missing = [str(path) for path in self.sources if not path.exists()]
        if missing or not self.sources:
            problem = f"{missing[0]} is not there" if missing else "there are none"
            raise OptionError(f"sources: {problem}", option="sources")
        self._indices = {name: index for index, name in enumerate(classes or [])}
        self._chance = _Chance(seed)

    def __iter__(self) -> Iterator[Item]:
        # Of this pass, even if the epoch is set meanwhile.
        chance = self._chance.fixed()
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        mine, consumers = self.rank * workers + worker, self.world * workers
        shards = list(self.sources)
        if self.shuffle > 1:
            shards = [shards[index] for index in chance.generator("order of shards").permutation(len(shards))]
        if len(shards) >= consumers:
            files = (place for shard in shards[mine::consumers] for place in places_in(shard))
        else:
            everything = (place for shard in shards for place in places_in(shard))
            files = (place for index, place in enumerate(everything) if index % consumers == mine)
        read = ((place, place.read()) for place in files)
        for place, data in _shuffled(read, self.shuffle, chance.generator(f"buffer {mine}")):
            folder = _folder(place)
            label = self._indices.get(folder, -1) if folder is not None else place.label
            try:
                yield _item(place, data, self.read, self.transform, chance, -1 if label is None else label)
            except WavernError as error:
                if self.on_error == "raise":
                    raise
                warnings.warn(f"{error.path}: {error}", stacklevel=2)

    def set_epoch(self, epoch: int) -> None:
        """Draws another order and other crops for the next pass; running worker processes see it too."""
        self._chance.set_epoch(epoch)


def _folder(place: Place) -> str | None:
    """The first folder below the source of a file that is in none of the shards."""
    first, slash, _ = place.key.partition("/")
    return first if slash and not is_shard(Path(place.path)) else None


def _shuffled(
    files: Iterator[tuple[Place, bytes]], size: int, random: np.random.Generator
) -> Iterator[tuple[Place, bytes]]:
    """All files, each drawn out of the next ``size``."""
    waiting: list[tuple[Place, bytes]] = []
    for file in files:
        if len(waiting) < size:
            waiting.append(file)
            continue
        if not waiting:
            yield file
            continue
        index = int(random.integers(size))
        yield waiting[index]
        waiting[index] = file
    for index in random.permutation(len(waiting)):
        yield waiting[index]


def _item(
    place: Place,
    data: bytes,
    read: Read,
    transform: Callable[[torch.Tensor], torch.Tensor] | None,
    chance: _Chance,
    label: int,
) -> Item:
    try:
        array = read(data, chance.generator(place.key))
    except WavernError as error:
        error.path = place.path if place.offset is None else f"{place.path}: {place.key}"
        raise
    x = torch.from_numpy(array)
    return Item(x if transform is None else transform(x), label, place.key)


class _Chance:
    """Random numbers from a seed, an epoch and a name: the same ones in every process."""

    def __init__(self, seed: int, epoch: int | None = None) -> None:
        self.seed = integer("seed", seed, 0, 2**63 - 1)
        # In memory that worker processes share, so that those of a loader that keeps them see a new epoch too.
        self._epoch: Any = torch.zeros(1, dtype=torch.int64).share_memory_() if epoch is None else [epoch]

    def set_epoch(self, epoch: int) -> None:
        self._epoch[0] = integer("epoch", epoch, 0, 2**63 - 1)

    def fixed(self) -> _Chance:
        """At the epoch of now."""
        return _Chance(self.seed, int(self._epoch[0]))

    def generator(self, name: str) -> np.random.Generator:
        words = (self.seed, int(self._epoch[0]), zlib.crc32(name.encode()), len(name))
        return np.random.default_rng(np.random.SeedSequence(words))
