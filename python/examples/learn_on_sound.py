"""What a small classifier learns from the latents of sounds, and what from a spectrogram of them.

python learn_on_sound.py FOLDER [--work FOLDER] [--json FILE] [--seeds 3] [--epochs 20] [--quick] [--validate]

FOLDER is {train,test}/CLASS/SOUND.wav, short sounds of one channel, 16 bits and one sample rate. Inputs:

mel            logarithms of 40 mel bands of the WAV file, a column every 128 samples
mel0, mel30    the same of what a .wvn file of quality 0 or 30 decodes to
y0, y30, y60   logarithms of the magnitudes of the latents of quality 0, 30 and 60: 256 bands, a column every 256 samples

Every sound is brought to one length, its middle in the middle; training sees crops of 8/9 of it. Classifiers, recipe, times
and --validate are those of learn_on_latents.py. Sounds are not mirrored.
"""

from __future__ import annotations

import io
import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import wavern
from learn_on_latents import coded_files, labels, loaded
from learning import Examples, Recipe, Row, Shape, arguments_of, held_out, normalized, run

#: Samples between columns of latents and of a spectrogram, and what a spectrogram looks at.
HOP, MEL_HOP, WINDOW, BANDS = 256, 128, 256, 40

Floats = npt.NDArray[np.float32]


def in_the_middle(x: Floats, columns: int) -> Floats:
    """With this many columns: what is missing is 0 on both sides, what is too much is cut off on both."""
    missing = columns - x.shape[-1]
    if missing < 0:
        return x[..., -missing // 2 :][..., :columns]
    sides = [(0, 0)] * (x.ndim - 1) + [(missing // 2, missing - missing // 2)]
    return np.pad(x, sides)


def mel_filters(rate: int) -> Floats:
    """Triangles on the mel scale, ``[bands, frequencies]``."""

    def mel(hertz: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return 2595 * np.log10(1 + np.asarray(hertz) / 700)

    edges = np.interp(
        np.linspace(mel(50), mel(rate / 2), BANDS + 2),
        mel(np.arange(rate // 2 + 1)),
        np.arange(rate // 2 + 1),
    )
    at = np.fft.rfftfreq(2 * WINDOW, 1 / rate)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle))).astype(
        np.float32
    )


def log_mel(samples: Floats, rate: int, frames: int) -> Floats:
    """``[bands, 1, columns]`` of ``frames`` × 256 samples"""
    samples = in_the_middle(samples, frames * HOP + WINDOW - MEL_HOP)
    pieces = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::MEL_HOP]
    power = np.abs(np.fft.rfft(pieces * np.hanning(WINDOW), 2 * WINDOW)) ** 2
    return np.log(power.astype(np.float32) @ mel_filters(rate).T + 1e-6).T[:, None]


def read_wav(file: bytes, frames: int) -> Floats:
    with wave.open(io.BytesIO(file)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float32) / 32768
        return log_mel(samples, sound.getframerate(), frames)


def read_decoded(file: bytes, frames: int) -> Floats:
    audio = wavern.decode_audio(file, threads=1)
    return log_mel(audio.samples[0], audio.sample_rate, frames)


def read_latents(file: bytes, frames: int) -> Floats:
    """``[bands, 1, columns]``. The sign of a coefficient of a lapped transform depends on where its frame begins."""
    y = wavern.latents(file, dtype="float32", threads=1).y[0, 0]
    return (
        in_the_middle(np.log(np.abs(y) + 0.1), frames)[:, None]
        if y.size
        else np.zeros((256, 1, frames), "f4")
    )


@dataclass(frozen=True)
class Input:
    """One way to give sounds to a classifier."""

    name: str
    title: str
    quality: float | None
    read: Callable[[bytes, int], Floats]
    shape: Shape


def inputs() -> list[Input]:
    # Two columns of a spectrogram are one of latents.
    mel, y = Shape(2, (64, 128), (2, 2)), Shape(1, (64, 128), (1, 2))
    return [
        Input("mel", "log-mel of the WAV file", None, read_wav, mel),
        Input("mel0", "log-mel, decoded from quality 0", 0, read_decoded, mel),
        Input("mel30", "log-mel, decoded from quality 30", 30, read_decoded, mel),
        Input("y0", "ŷ, quality 0", 0, read_latents, y),
        Input("y30", "ŷ, quality 30", 30, read_latents, y),
        Input("y60", "ŷ, quality 60", 60, read_latents, y),
    ]


def examples(entry: Input, folder: Path, work: Path, frames: int) -> tuple[Row, Examples, Examples]:
    """The row of an input so far, what to learn from, and what to test with."""
    quality = entry.quality

    def encode(path: Path, _: Path) -> bytes:
        return path.read_bytes() if quality is None else wavern.encode(path, quality=quality, threads=1)

    out = work / ("wav" if quality is None else f"wvn{quality:.0f}")
    found = {}
    for part in ("train", "test"):
        paths = coded_files(folder / part, out / part, encode)
        found[part] = (paths, *loaded(paths, lambda file: entry.read(file, frames)))
    paths, x, seconds = found["train"]
    size = float(np.mean([path.stat().st_size for path in paths + found["test"][0]]))
    crop = (1, 8 * x.shape[3] // 9)
    if entry.read is read_latents:
        nonzero = float(np.mean([np.count_nonzero(wavern.latents(path).y) for path in paths[::5]]))
    else:
        nonzero = float(x[0].numel())
    row = Row(entry.name, entry.title, size, x[0].numel(), nonzero, 1 / seconds)
    data = Examples(x, labels(paths), crop, mirror=False)
    return row, data, Examples(found["test"][1], labels(found["test"][0]), crop)


def main(arguments: list[str] | None = None) -> None:
    parser = arguments_of(__doc__, epochs=20)
    parser.add_argument("--frames", type=int, default=36, help="length of every sound, in 256 samples")
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    recipe = Recipe(epochs=2 if args.quick else args.epochs)
    rows: list[tuple[Row, Examples, Examples, Shape]] = []
    with tempfile.TemporaryDirectory() as temporary:
        for entry in inputs():
            if args.inputs and entry.name not in args.inputs.split(","):
                continue
            row, data, test = examples(entry, args.folder, args.work or Path(temporary), args.frames)
            if args.validate:
                data, test = held_out(data)
            rows.append((row, *normalized(data, test), entry.shape))
    about = {"wavern": wavern.__version__, "frames": args.frames}
    run(rows, recipe, 1 if args.quick else args.seeds, about, args.json)


if __name__ == "__main__":
    main()
