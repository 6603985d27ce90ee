#!/usr/bin/env python3
"""SSIMULACRA2 2.1 in numpy, independent of the Rust library: for checking it, not for speed.

    python3 ssimulacra2_reference.py ORIGINAL DECODED

Needs numpy, scipy, pillow, and the package ssimulacra2 0.3.0 of PyPI for the weights, the colour transform and the
maps. Two things of that package differ from the metric as it is defined (libjxl, tools/ssimulacra2.cc) and are put
right here: the blur, which is the truncated-cosine filter of Charalampidis (2016) with zeros beyond the borders, and
the smallest scale, which is left out only if the scale above it has a side below 8.
"""
import sys

import numpy as np
import ssimulacra2.ssimulacra2 as package
from PIL import Image
from scipy import ndimage


def kernel(sigma=1.5):
    """Impulse response of the filter; the numbers are those of the equations of the paper."""
    radius = round(3.2795 * sigma + 0.2546)
    omega = np.array([1, 3, 5]) * np.pi / (2 * radius)
    p = np.array([1, -1, 1]) / np.tan(omega / 2)  # (37)
    r = np.array([1, -1, 1]) * p * p / np.sin(omega)  # (44)
    rho = np.exp(-0.5 * sigma**2 * omega**2) / radius  # (50)
    d = lambda i, j: p[i] * r[j] - r[i] * p[j]
    zeta = np.array([d(1, 2) / d(0, 1), d(2, 0) / d(0, 1), 1])  # (52)
    beta = np.linalg.solve(np.array([p, r, zeta]), [1, radius**2 - sigma**2, zeta @ rho])  # (55)
    n = np.arange(-radius, radius + 1)
    return np.cos(np.outer(n, omega)) @ beta


KERNEL = kernel()


def blur(image):
    rows = ndimage.correlate1d(image, KERNEL, axis=0, mode="constant")
    return ndimage.correlate1d(rows, KERNEL, axis=1, mode="constant")


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
    print(score(load(sys.argv[1]), load(sys.argv[2])))
