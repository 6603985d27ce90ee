#!/usr/bin/env python3
"""JPEG 4:2:0 with optimised Huffman tables (Pillow, libjpeg-turbo) on a folder of pictures, as rows for
`wavern eval --anchor`.

    python3 benches/jpeg_anchor.py DIR > jpeg.csv
"""
import csv
import io
import pathlib
import sys

import numpy as np
from PIL import Image, features

QUALITIES = [5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 85, 90, 93, 95]

print("libjpeg-turbo", features.version("libjpeg_turbo"), file=sys.stderr)
rows = csv.writer(sys.stdout)
rows.writerow(["file", "quality", "bytes", "bpp", "psnr"])
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.png")):
    picture = Image.open(path).convert("RGB")
    pixels = np.asarray(picture).astype(float)
    for quality in QUALITIES:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True, subsampling=2)
        restored = np.asarray(Image.open(io.BytesIO(file.getvalue()))).astype(float)
        psnr = 10 * np.log10(255**2 / np.mean((pixels - restored) ** 2))
        size = len(file.getvalue())
        rows.writerow([path.name, quality, size, 8 * size / (pixels.shape[0] * pixels.shape[1]), psnr])
