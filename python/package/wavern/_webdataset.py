"""What WebDataset decodes .wvn files with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ._codec import Dtype, Layout, decode, latents
from ._signals import Latents


@dataclass(frozen=True)
class WebDatasetDecoder:
    """A handler of :mod:`webdataset`: ``dataset.decode(wavern.wds)`` makes arrays of files whose extension is ``wvn``, as
    :func:`wavern.decode` does, and leaves others to other handlers. It can be sent to worker processes.
    """

    threads: int = 1
    """Of each process."""

    def __call__(self, key: str, data: bytes) -> npt.NDArray[Any] | None:
        """The array of a file, or ``None`` if its extension is another one."""
        return decode(data, threads=self.threads) if _is_wavern(key) else None

    @staticmethod
    def latents(
        *, dtype: Dtype = "int16", layout: Layout = "channels_first", threads: int = 1
    ) -> WebDatasetLatents:
        """A handler that makes :class:`wavern.Latents`, as :func:`wavern.latents` does with the same arguments."""
        return WebDatasetLatents(dtype, layout, threads)


@dataclass(frozen=True)
class WebDatasetLatents:
    """A handler of :mod:`webdataset` that makes latents: see :meth:`WebDatasetDecoder.latents`."""

    dtype: Dtype
    layout: Layout
    threads: int

    def __call__(self, key: str, data: bytes) -> Latents | None:
        """The latents of a file, or ``None`` if its extension is another one."""
        if not _is_wavern(key):
            return None
        return latents(data, dtype=self.dtype, layout=self.layout, threads=self.threads)


def _is_wavern(key: str) -> bool:
    """Whether an extension, such as ``.wvn`` or ``left.wvn``, is that of Wavern."""
    return key.lower().rpartition(".")[2] == "wvn"


#: The handler for arrays. ``wds.latents(dtype=…)`` makes one for latents.
wds = WebDatasetDecoder()
