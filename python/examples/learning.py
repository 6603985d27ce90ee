"""What the experiments on latents share: one family of small classifiers, one recipe of training, one table.

A classifier is a stem of one linear layer over patches, then stages of residual blocks (depthwise 3 × 3, two pointwise
layers with a ReLU between them), the side halved and the width doubled from stage to stage, then the mean over all
places and one linear layer. Stages of half the width at twice the side cost as much for each block, so that inputs of
different sides get classifiers of equal cost.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import nn


@dataclass(frozen=True)
class Shape:
    """Size of a classifier: ``patch`` is the side of what the stem sees at once; one width and depth for each stage.
    Inputs of one row, such as sounds, have kernels of one row."""

    patch: int
    widths: tuple[int, ...]
    blocks: tuple[int, ...]


@dataclass(frozen=True)
class Recipe:
    """How long and how to train; the same for every input."""

    epochs: int = 14
    batch: int = 32
    rate: float = 3e-3
    decay: float = 0.05
    mixup: float = 0.0
    smoothing: float = 0.1
    dropout: float = 0.2
    expand: int = 2


@dataclass
class Examples:
    """Labelled inputs, all of one size. ``x`` is ``[examples, channels, rows, columns]`` of any type, ``crop`` the rows and
    columns that a step of training sees. ``mirrored`` is what the mirrored signals were coded to, where mirroring ``x``
    itself would not do; without ``mirror`` nothing is mirrored."""

    x: torch.Tensor
    labels: torch.Tensor
    crop: tuple[int, int]
    mirrored: torch.Tensor | None = None
    mirror: bool = True

    def part(self, indices: torch.Tensor) -> Examples:
        """Some of them."""
        mirrored = None if self.mirrored is None else self.mirrored[indices]
        return Examples(self.x[indices], self.labels[indices], self.crop, mirrored, self.mirror)

    def batch(self, indices: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """Random crops, half of them mirrored, as float32."""
        crops = []
        draw = torch.rand(len(indices), 3, generator=random).tolist()
        for index, (flip, *at) in zip(indices.tolist(), draw, strict=True):
            flip = self.mirror and flip < 0.5
            source = self.mirrored if flip and self.mirrored is not None else self.x
            rows, columns = (
                int(place * (side - size + 1))
                for place, side, size in zip(at, self.x.shape[2:], self.crop, strict=True)
            )
            crop = source[index, :, rows : rows + self.crop[0], columns : columns + self.crop[1]]
            crops.append(crop.flip(2) if flip and self.mirrored is None else crop)
        return torch.stack(crops).float()


class Normalize:
    """asinh((x − mean) / scale), a channel at a time: nearly linear for what is usual, a logarithm for what is large, since
    coefficients of a transform have long tails.

    The scale is the geometric mean of the channel's deviation and of that of all channels: channels of little energy gain
    on the others, but are not blown up to the same size. Deviations are those of the examples that are learned from.
    """

    def __init__(self, x: torch.Tensor) -> None:
        count = x.numel() / x.shape[1]
        parts = x.split(256)
        mean = sum(part.double().sum((0, 2, 3)) for part in parts) / count
        square = sum(part.double().square().sum((0, 2, 3)) for part in parts) / count
        deviation = (square - mean.square()).clamp(min=1e-12).sqrt()
        scale = (deviation * deviation.square().mean().sqrt()).sqrt()
        self.mean, self.scale = (value.float()[:, None, None] for value in (mean, scale))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """As float16, which halves the memory."""
        return torch.cat(
            [torch.asinh((part.float() - self.mean) / self.scale).half() for part in x.split(256)]
        )


def normalized(data: Examples, test: Examples) -> tuple[Examples, Examples]:
    """Both by the statistics of the first."""
    normalize = Normalize(data.x)
    mirrored = None if data.mirrored is None else normalize(data.mirrored)
    return (
        replace(data, x=normalize(data.x), mirrored=mirrored),
        replace(test, x=normalize(test.x), mirrored=None),
    )


class Block(nn.Module):
    """x + pointwise(ReLU(pointwise(norm(depthwise(x)))))"""

    def __init__(self, width: int, expand: int, rows: int = 3) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(width, width, (rows, 3), padding=(rows // 2, 1), groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.Conv2d(width, expand * width, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(expand * width, width, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x)


def classifier(x: torch.Tensor, shape: Shape, classes: int, recipe: Recipe) -> nn.Module:
    """A classifier for inputs like ``x``, ``[examples, channels, rows, columns]``."""
    width = shape.widths[0]

    def high(side: int) -> int:
        return side if x.shape[2] > 1 else 1

    patch, half = (high(shape.patch), shape.patch), (high(2), 2)
    layers: list[nn.Module] = [nn.Conv2d(x.shape[1], width, patch, patch)]
    for wider, blocks in zip(shape.widths, shape.blocks, strict=True):
        if wider != width:
            layers.append(nn.Conv2d(width, wider, half, half))
        layers.append(nn.BatchNorm2d(wider))
        layers += [Block(wider, recipe.expand, high(3)) for _ in range(blocks)]
        width = wider
    layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    layers += [nn.Dropout(recipe.dropout), nn.Linear(width, classes)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def multiply_adds(model: nn.Module, x: torch.Tensor) -> int:
    """Multiply-adds of the convolutions for one input ``[1, channels, rows, columns]``."""
    total = 0

    def count(layer: nn.Module, _: object, out: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d)
        total += out[0].numel() * layer.weight[0].numel()

    hooks = [layer.register_forward_hook(count) for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    model.eval()
    with torch.no_grad():
        model(x.float())
    for hook in hooks:
        hook.remove()
    return total


def train(model: nn.Module, data: Examples, recipe: Recipe, seed: int) -> float:
    """Trains the model. Returns the seconds of CPU time that it took."""
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=recipe.decay)
    batch = min(recipe.batch, len(data.x))
    steps = len(data.x) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, total_steps=recipe.epochs * steps, pct_start=0.2
    )
    beta = torch.distributions.Beta(recipe.mixup, recipe.mixup) if recipe.mixup else None
    model.train()
    start = time.process_time()
    for _ in range(recipe.epochs):
        order = torch.randperm(len(data.x), generator=random)
        for indices in order[: steps * batch].split(batch):
            x = data.batch(indices, random).contiguous(memory_format=torch.channels_last)
            labels = data.labels[indices]
            share = float(beta.sample()) if beta else 1.0
            if share < 1:
                x = share * x + (1 - share) * x.flip(0)
            said = model(x)
            loss = share * nn.functional.cross_entropy(said, labels, label_smoothing=recipe.smoothing)
            if share < 1:
                other = nn.functional.cross_entropy(said, labels.flip(0), label_smoothing=recipe.smoothing)
                loss = loss + (1 - share) * other
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return time.process_time() - start


def accuracy(model: nn.Module, data: Examples) -> float:
    """Share of whole inputs, not crops, that are told right, 0 to 1."""
    model.eval()
    right = 0
    with torch.no_grad():
        for x, labels in zip(data.x.split(64), data.labels.split(64), strict=True):
            right += int((model(x.float()).argmax(1) == labels).sum())
    return right / len(data.x)


def held_out(data: Examples) -> tuple[Examples, Examples]:
    """Every fifth example of each class apart, to choose a recipe with: (the others, those)."""
    seen: dict[int, int] = {}
    apart = []
    for label in data.labels.tolist():
        seen[label] = seen.get(label, 0) + 1
        apart.append(seen[label] % 5 == 0)
    chosen = torch.tensor(apart)
    return data.part((~chosen).nonzero()[:, 0]), data.part(chosen.nonzero()[:, 0])


@dataclass
class Row:
    """What was measured of an input."""

    name: str
    title: str
    bytes: float
    """Mean size of a file."""
    values: int
    nonzero: float
    """Mean number of values that are not 0; of latents, of the integers that are coded."""
    rate: float
    """Inputs that the loader reads in a second of CPU time."""
    macs: int = 0
    seconds: list[float] = field(default_factory=list)
    """CPU time of each training, without the loader."""
    accuracies: list[float] = field(default_factory=list)

    @property
    def mean(self) -> float:
        return statistics.fmean(self.accuracies)

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else 0.0


def arguments_of(description: str | None, *, epochs: int) -> argparse.ArgumentParser:
    """What the command line of each experiment takes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, help="where coded files are kept; a temporary folder by default")
    parser.add_argument("--json", type=Path, help="write the rows to this file too")
    parser.add_argument("--inputs", help="names of some inputs, with commas between them; all by default")
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch")
    parser.add_argument("--quick", action="store_true", help="two epochs and one seed, to see that all works")
    parser.add_argument("--validate", action="store_true", help="choose a recipe: the test is not touched")
    return parser


def measure(row: Row, data: Examples, test: Examples, shape: Shape, recipe: Recipe, seed: int) -> None:
    """Trains a classifier and adds what came out to the row."""
    torch.manual_seed(seed)
    model = classifier(data.x, shape, int(data.labels.max()) + 1, recipe)
    row.macs = multiply_adds(model, data.x[:1, :, : data.crop[0], : data.crop[1]])
    row.seconds.append(train(model, data, recipe, seed))
    row.accuracies.append(accuracy(model, test))
    print(f"{row.title}: {100 * row.accuracies[-1]:.2f} % (seed {seed}, {row.seconds[-1]:.0f} s)", flush=True)


def run(
    rows: Sequence[tuple[Row, Examples, Examples, Shape]],
    recipe: Recipe,
    seeds: int,
    about: dict[str, object],
    json_file: Path | None,
) -> None:
    """Measures all rows, seed by seed, prints the table, and writes it with ``about`` to a file, anew after each seed."""
    reads = recipe.epochs * len(rows[0][1].x)
    for seed in range(seeds):
        for row, data, test, shape in rows:
            measure(row, data, test, shape, recipe, seed)
        if json_file:
            found = [{**asdict(row), "mean": row.mean, "spread": row.spread} for row, *_ in rows]
            examples = {"train": len(rows[0][1].x), "test": len(rows[0][2].x)}
            about = {**about, "examples": examples, "recipe": asdict(recipe), "torch": torch.__version__}
            text = json.dumps({**about, "rows": found}, indent=2, ensure_ascii=False)
            json_file.write_text(text + "\n", encoding="utf-8")
    print(table([row for row, *_ in rows], reads))


def table(rows: Sequence[Row], reads: int) -> str:
    """The rows as a table of Markdown. ``reads`` is the number of inputs that a training sees."""
    lines = [
        "| input | bytes | values | not 0 | loader, 1/s | multiply-adds | network | with loader | accuracy |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        network = statistics.fmean(row.seconds)
        lines.append(
            f"| {row.title} | {row.bytes:,.0f} | {row.values:,} | {row.nonzero:,.0f} | {row.rate:,.0f} "
            f"| {row.macs / 1e6:.1f} M | {network:.0f} s | {network + reads / row.rate:.0f} s "
            f"| {100 * row.mean:.1f} ± {100 * row.spread:.1f} % |"
        )
    return "\n".join(lines)
