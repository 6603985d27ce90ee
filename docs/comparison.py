#!/usr/bin/env python3
"""Makes docs/comparison.jpg: one photograph from JPEG, AVIF and Wavern files of equal size, beside the original.

    pip install 'pillow>=12'            # JPEG (libjpeg-turbo) and AVIF (libaom)
    cargo build --release -p wavern-cli
    docs/comparison.py guitar-lossless.png

The photograph is guitar-lossless.png of https://github.com/gianni-rosato/gb82-image-set (CC0 1.0), at 502f9f94cb73.
Of that set it is one where the codecs differ about as much as on the mean of the set. JPEG and AVIF encode the whole
photograph at the highest quality whose file has at most BITS_PER_PIXEL; Wavern has no more bytes than either. A part is
shown, pixel for pixel.
"""

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
BITS_PER_PIXEL = 0.25
# Left, top, width and height of the part that is shown.
PART = (172, 150, 310, 310)
LABEL = 26


def largest(encode, low, high, most):
    """The longest file of at most `most` bytes over the integer settings low..=high, which make files longer."""
    best = None
    while low <= high:
        middle = (low + high) // 2
        data = encode(middle)
        if len(data) <= most:
            best, low = data, middle + 1
        else:
            high = middle - 1
    return best


def pillow(picture, **options):
    """Encodes at a quality with Pillow."""

    def encode(quality):
        out = io.BytesIO()
        picture.save(out, quality=quality, **options)
        return out.getvalue()

    return encode


def wavern(source, most, folder):
    """Encodes with the command; also returns what it decodes to."""
    program = ROOT / "target/release/wavern"
    coded, decoded = folder / "a.wvn", folder / "a.png"
    target = ["--tune", "visual", "--target-size", str(most), "--json", "-f"]
    said = subprocess.run([program, "encode", source, coded, *target], check=True, capture_output=True)
    subprocess.run([program, "decode", "--quiet", "-f", coded, decoded], check=True)
    return json.loads(said.stdout)["bytes"], Image.open(decoded).convert("RGB")


def main():
    source = Path(sys.argv[1])
    picture = Image.open(source).convert("RGB")
    most = int(picture.width * picture.height * BITS_PER_PIXEL / 8)
    jpeg = largest(pillow(picture, format="JPEG", optimize=True, subsampling="4:2:0"), 0, 95, most)
    avif = largest(pillow(picture, format="AVIF", speed=6, subsampling="4:2:0"), 0, 100, most)
    with tempfile.TemporaryDirectory() as folder:
        size, ours = wavern(source, min(len(jpeg), len(avif)), Path(folder))
    panels = [
        (f"original (PNG), {source.stat().st_size:,} bytes", picture),
        (f"JPEG, {len(jpeg):,} bytes", Image.open(io.BytesIO(jpeg)).convert("RGB")),
        (f"AVIF, {len(avif):,} bytes", Image.open(io.BytesIO(avif)).convert("RGB")),
        (f"Wavern, {size:,} bytes", ours),
    ]
    left, top, width, height = PART
    sheet = Image.new("RGB", (len(panels) * (width + 4) - 4, height + LABEL), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for index, (label, panel) in enumerate(panels):
        x = index * (width + 4)
        sheet.paste(panel.crop((left, top, left + width, top + height)), (x, LABEL))
        draw.text((x + 2, 3), label, fill="black", font=font)
    out = Path(__file__).with_suffix(".jpg")
    sheet.save(out, quality=88, subsampling="4:4:4", optimize=True)
    print(f"{out}: {out.stat().st_size:,} bytes; " + "; ".join(label for label, _ in panels))


if __name__ == "__main__":
    main()
