#!/usr/bin/env python3
"""Draws curve.csv as chart.svg: the validation after each run against all crops seen, on a logarithmic axis.

The fit is rate = a + b log2(crops), by least squares: what a doubling of the crops brings. Runs at a constant learning
rate are open circles; they stand above the line because of the noise of their steps.
"""

import csv
import math
from pathlib import Path

WIDTH, HEIGHT, MARGIN = 640, 400, 56


def main() -> None:
    folder = Path(__file__).parent
    points, crops = [], 0
    with open(folder / "curve.csv", newline="") as file:
        for row in csv.DictReader(file):
            crops += int(row["crops"])
            points.append((crops, float(row["validation"]), "cool-down" in row["device"]))
    xs = [math.log2(n) for n, _, _ in points]
    ys = [y for _, y, _ in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / sum((x - mean_x) ** 2 for x in xs)
    low, high = math.floor(min(xs)), math.ceil(max(xs)) + 1
    bottom, top = math.floor(min(ys) / 5) * 5 - 5, math.ceil(max(ys) / 5) * 5

    def place(x: float, y: float) -> tuple[float, float]:
        across = MARGIN + (x - low) / (high - low) * (WIDTH - 2 * MARGIN)
        down = MARGIN + (top - y) / (top - bottom) * (HEIGHT - 2 * MARGIN)
        return round(across, 1), round(down, 1)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{MARGIN}" y="28" font-size="14">Rate against 27f345b95d1f, % (training\'s estimate)</text>',
        f'<text x="{WIDTH // 2}" y="{HEIGHT - 14}" text-anchor="middle">crops seen</text>',
    ]
    for y in range(bottom, top + 1, 5):
        (x0, down), (x1, _) = place(low, y), place(high, y)
        out.append(f'<path d="M{x0} {down}H{x1}" stroke="#ddd"/>')
        out.append(f'<text x="{x0 - 6}" y="{down + 4}" text-anchor="end">{y}</text>')
    for x in range(low, high + 1, 2):
        across, down = place(x, bottom)
        out.append(f'<text x="{across}" y="{down + 18}" text-anchor="middle">{2**x / 1000:,.0f} k</text>')
    ends = [place(x, mean_y + slope * (x - mean_x)) for x in (min(xs), high)]
    out.append(f'<path d="M{ends[0][0]} {ends[0][1]}L{ends[1][0]} {ends[1][1]}" stroke="#888" stroke-dasharray="4 4"/>')
    out.append(f'<text x="{ends[1][0]}" y="{ends[1][1] - 8}" text-anchor="end">{slope:+.2f} % a doubling</text>')
    for x, (_, y, cooled) in zip(xs, points):
        across, down = place(x, y)
        fill = "#1f5fa8" if cooled else "white"
        out.append(f'<circle cx="{across}" cy="{down}" r="5" fill="{fill}" stroke="#1f5fa8" stroke-width="2"/>')
    out.append("</svg>")
    (folder / "chart.svg").write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
