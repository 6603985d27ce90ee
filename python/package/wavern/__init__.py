"""Wavern: a learned codec for photographs and sound.

Encode arrays, images of Pillow or files to bytes, and decode them:

>>> import numpy, wavern
>>> ramp = numpy.tile(numpy.arange(0, 256, 2, dtype=numpy.uint8), (96, 1))
>>> file = wavern.encode(ramp, quality=75)
>>> wavern.decode(file).shape, wavern.decode(file, scale=1/4).shape
((96, 128), (24, 32))

- :func:`encode`, :func:`decode`, :func:`decode_image`, :func:`decode_audio`: signals to bytes and back.
- :func:`latents`, :func:`decode_latents`: what a network may learn from in place of pixels, and back.
- :func:`decode_batch`, :func:`latents_batch`: many files at once, on several threads.
- :func:`probe`, :func:`inspect`, :func:`verify`: what a file holds, and whether it is whole.
- :mod:`wavern.metrics`: PSNR, SSIMULACRA2, BD-rates and others.
- ``import wavern.pillow``: Pillow opens and saves .wvn files from then on.
- ``import wavern.torch``: data sets of PyTorch; :data:`wds` is a decoder for WebDataset.
- :mod:`wavern.jobs`, ``wavern.ray``, ``wavern.spark``: work on shards of files, on a cluster.

Everything that takes time releases the lock of the interpreter. Children may be forked at any time: threads and locks
of the parent are never waited for. All errors are :class:`WavernError`.
"""

from __future__ import annotations

from . import metrics
from ._batch import decode_batch, latents_batch
from ._codec import (
    decode,
    decode_audio,
    decode_image,
    decode_latents,
    encode,
    inspect,
    latents,
    probe,
    verify,
)
from ._errors import (
    FormatError,
    KindError,
    LimitError,
    OptionError,
    SignalError,
    UnsupportedError,
    WavernError,
    WeightsError,
)
from ._options import Limits
from ._signals import Audio, AudioInfo, Contents, Damaged, Image, ImageInfo, Latents, Metadata, Report
from ._wavern import __version__
from ._webdataset import wds

__all__ = [
    "Audio",
    "AudioInfo",
    "Contents",
    "Damaged",
    "FormatError",
    "Image",
    "ImageInfo",
    "KindError",
    "Latents",
    "LimitError",
    "Limits",
    "Metadata",
    "OptionError",
    "Report",
    "SignalError",
    "UnsupportedError",
    "WavernError",
    "WeightsError",
    "__version__",
    "decode",
    "decode_audio",
    "decode_batch",
    "decode_image",
    "decode_latents",
    "encode",
    "inspect",
    "latents",
    "latents_batch",
    "metrics",
    "probe",
    "verify",
    "wds",
]
