#!/usr/bin/env python3
"""The numbers that the tests of wavern-eval expect, computed by other libraries.

    python3 known_answers.py

Needs numpy, librosa. The signals are those of `metrics::known` in the crate.
"""
import librosa
import numpy as np


def sounds(frames):
    n = np.arange(frames)
    x = [(((n * n * (3 + c) // 16 + n * 13) % 2001 - 1000) / 1250).astype(np.float32) for c in (0, 1)]
    y = [(v.astype(float) * 0.9 + ((n * 31) % 101 - 50) / 2500).astype(np.float32) for v in x]
    return x, y


def mel_distance(x, y, rate):
    total = 0
    for window, bands in [(32, 5), (64, 10), (128, 20), (256, 40), (512, 80), (1024, 160), (2048, 320)]:
        log = [
            np.log10(np.maximum(librosa.feature.melspectrogram(
                y=v.astype(float), sr=rate, n_fft=window, hop_length=window // 4, n_mels=bands, power=1,
                pad_mode="reflect"), 1e-5))
            for v in (x, y)
        ]
        total += np.abs(log[0] - log[1]).mean()
    return total


x, y = sounds(5000)
print("mel distance", np.mean([mel_distance(a, b, 44100) for a, b in zip(x, y)]))
