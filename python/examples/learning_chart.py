"""Draws what learn_on_latents.py and learn_on_sound.py wrote as JSON: accuracy against bytes, and against the loader's time.

python learning_chart.py ROWS.json OUT.svg
"""

from __future__ import annotations

import json
import math
import sys
from html import escape
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 400, 300, 52, 34, 16, 44


def ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten within a range."""
    tens = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**ten for ten in tens for step in (1, 2, 5) if low <= step * 10.0**ten <= high]


def panel(rows: list[dict[str, Any]], places: list[float], label: str, x0: int) -> list[str]:
    """One chart: ``places`` on a logarithmic axis, accuracies with a line of one deviation to both sides."""
    low, high = min(places) / 1.3, max(places) * 1.6
    worst = min(row["mean"] - row["spread"] for row in rows)
    best = max(row["mean"] + row["spread"] for row in rows)
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2) if (best - worst) / step <= 6)
    bottom, top = math.floor(worst / step) * step, math.ceil(best / step) * step
    right, base = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(value: float) -> float:
        return x0 + LEFT + (right - LEFT) * math.log(value / low) / math.log(high / low)

    def y(value: float) -> float:
        return base - (base - TOP) * (value - bottom) / max(top - bottom, 1e-9)

    out = [f'<text x="{x0 + LEFT}" y="20" font-weight="bold">accuracy against {escape(label)}</text>']
    for tick in range(round((top - bottom) / step) + 1):
        value = bottom + tick * step
        out.append(f'<path class="grid" d="M{x0 + LEFT} {y(value):.1f}H{x0 + right}"/>')
        out.append(
            f'<text x="{x0 + LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{100 * value:.0f} %</text>'
        )
    for value in ticks(low, high):
        out.append(f'<path class="grid" d="M{x(value):.1f} {TOP}V{base}"/>')
        out.append(f'<text x="{x(value):.1f}" y="{base + 16}" text-anchor="middle">{value:,g}</text>')
    out.append(
        f'<text x="{x0 + (LEFT + right) / 2}" y="{base + 34}" text-anchor="middle">{escape(label)}</text>'
    )
    for row, place in zip(rows, places, strict=True):
        kind = "latents" if row["name"].startswith("y") else "pixels"
        at = x(place)
        out.append(
            f'<path class="{kind}" d="M{at:.1f} {y(row["mean"] - row["spread"]):.1f}V{y(row["mean"] + row["spread"]):.1f}"/>'
            f'<circle class="{kind}" cx="{at:.1f}" cy="{y(row["mean"]):.1f}" r="4"/>'
        )
        side, shift = ("end", -8) if at > x0 + right - 70 else ("start", 8)
        out.append(
            f'<text x="{at + shift:.1f}" y="{y(row["mean"]) + 4:.1f}" text-anchor="{side}">{row["name"]}</text>'
        )
    return out


def chart(rows: list[dict[str, Any]]) -> str:
    """Both charts side by side as SVG, readable on light and dark pages."""
    style = (
        "text{font:11px sans-serif;fill:#777}.grid{stroke:#8884;stroke-width:1}"
        ".latents{fill:#c60;stroke:#c60;stroke-width:2}.pixels{fill:#27c;stroke:#27c;stroke-width:2}"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" width="{2 * WIDTH}">',
        f"<style>{style}</style>",
        *panel(rows, [row["bytes"] for row in rows], "bytes of a file", 0),
        *panel(rows, [1000 / row["rate"] for row in rows], "milliseconds of the loader", WIDTH),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def main(arguments: list[str] | None = None) -> None:
    source, target = sys.argv[1:] if arguments is None else arguments
    rows = json.loads(Path(source).read_text(encoding="utf-8"))["rows"]
    Path(target).write_text(chart(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
