#!/usr/bin/env python3
"""SSIMULACRA2 2.1 in numpy, independent of the Rust library: for checking it, not for speed.

    python3 ssimulacra2_reference.py [--recursive] ORIGINAL DECODED

Needs numpy, scipy, pillow, and the package ssimulacra2 0.3.0 of PyPI for the weights, the colour transform and the
maps. Two things of that package differ from the metric as it is defined (libjxl, tools/ssimulacra2.cc) and are put
right here: the blur, which is the truncated-cosine filter of Charalampidis (2016) with zeros beyond the borders, and
the smallest scale, which is left out only if the scale above it has a side below 8.

The filter of the paper is recursive, and libjxl and the Rust library run it so in 32 bits, with what that loses: up to
0.2 points of 100. With --recursive it is run in the same way here, else as the sum that it stands for, in 64 bits.
"""
import sys

import numpy as np
import ssimulacra2.ssimulacra2 as package
from PIL import Image
from scipy import ndimage


SIGMA = 1.5
RADIUS = round(3.2795 * SIGMA + 0.2546)
OMEGA = np.array([1, 3, 5]) * np.pi / (2 * RADIUS)


def weights():
    """Of the three cosines; the numbers are those of the equations of the paper."""
    p = np.array([1, -1, 1]) / np.tan(OMEGA / 2)  # (37)
    r = np.array([1, -1, 1]) * p * p / np.sin(OMEGA)  # (44)
    rho = np.exp(-0.5 * SIGMA**2 * OMEGA**2) / RADIUS  # (50)
    d = lambda i, j: p[i] * r[j] - r[i] * p[j]
    zeta = np.array([d(1, 2) / d(0, 1), d(2, 0) / d(0, 1), 1])  # (52)
    return np.linalg.solve(np.array([p, r, zeta]), [1, RADIUS**2 - SIGMA**2, zeta @ rho])  # (55)


KERNEL = np.cos(np.outer(np.arange(-RADIUS, RADIUS + 1), OMEGA)) @ weights()


def blur_at_once(image):
    rows = ndimage.correlate1d(image, KERNEL, axis=0, mode="constant")
    return ndimage.correlate1d(rows, KERNEL, axis=1, mode="constant")


def blur_recursively(image):
    return recursion(recursion(image.astype(np.float32), 1), 0)


def recursion(image, axis):
    """(33) and (35) in 32 bits, all rows or columns at a time; sums of products are rounded once, as fused ones are."""
    lines = np.moveaxis(image, axis, 0)
    fused = lambda a, b, c: (a.astype(np.float64) * b + c).astype(np.float32)
    wide = lambda v: v.astype(np.float32).reshape(3, *[1] * (lines.ndim - 1))
    into, before = wide(weights() * np.cos(OMEGA * (RADIUS + 1))), wide(2 * np.cos(OMEGA))
    silence = np.zeros_like(lines[0])
    last, last_but_one = (np.zeros((3, *silence.shape), np.float32) for _ in range(2))
    out = np.empty_like(lines)
    for n in range(1 - RADIUS, len(lines)):
        left, right = n - RADIUS - 1, n + RADIUS - 1
        total = (lines[left] if left >= 0 else silence) + (lines[right] if right < len(lines) else silence)
        now = fused(before, last, fused(-np.ones_like(into), last_but_one, total * into))
        last, last_but_one = now, last
        if n >= 0:
            out[n] = now[0] + now[1] + now[2]
    return np.moveaxis(out, 0, axis)


blur = blur_at_once


def score(original, decoded):
    """Of two arrays of linear RGB, [height, width, 3]."""
    result = package.MsssimScale, package.Msssim()
    scale_type, msssim = result
    for scale in range(6):
        if min(original.shape[:2]) < 8:
            break
        if scale:
            original, decoded = (halve(linear) for linear in (original, decoded))
        x, y = (positive(linear) for linear in (original, decoded))
        mean_x, mean_y = blur(x), blur(y)
        at_scale = scale_type()
        at_scale.avg_ssim = package.ssim_map(mean_x, mean_y, blur(x * x), blur(y * y), blur(x * y))
        at_scale.avg_edgediff = package.edge_diff_map(x, mean_x, y, mean_y)
        msssim.scales.append(at_scale)
    return msssim.score()


def positive(linear):
    xyb = package.linear_rgb_to_xyb(linear).transpose(1, 0, 2)  # the package gives columns before rows
    return package.make_positive_xyb(xyb)


def halve(linear):
    height, width, _ = linear.shape
    linear = np.pad(linear, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return (linear[::2, ::2] + linear[1::2, ::2] + linear[::2, 1::2] + linear[1::2, 1::2]) / 4


def load(path):
    srgb = np.asarray(Image.open(path).convert("RGB")) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


if __name__ == "__main__":
    if sys.argv[1] == "--recursive":
        blur = blur_recursively
        del sys.argv[1]
    print(score(load(sys.argv[1]), load(sys.argv[2])))
