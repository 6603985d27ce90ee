"""A small classifier that learns from latents: no picture is decoded to pixels.

python train_on_latents.py FOLDER [--test FOLDER] [--epochs 30] [--crop 14] [--quality 60]

The folder holds a folder for each class, with .wvn files or any pictures that Pillow reads; those are encoded first, into
the folder of --coded. Without --test, every fifth picture of a class is kept for the test.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import wavern
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset
from wavern.torch import FileDataset, Item, ReadLatents


def coded(folder: Path, out: Path, quality: float) -> Path:
    """The folder with every picture as .wvn, in the same folders of classes."""

    def one(path: Path) -> None:
        target = out / path.relative_to(folder).with_suffix(".wvn")
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".wvn":
            target.write_bytes(path.read_bytes())
            return
        try:
            # Small tiles make crops cheap.
            target.write_bytes(wavern.encode(path, quality=quality, tile_side=256, threads=1))
        except wavern.WavernError as error:
            print(f"left out: {error}", file=sys.stderr)

    with ThreadPoolExecutor() as pool:
        list(pool.map(one, sorted(path for path in folder.rglob("*") if path.is_file())))
    return out


def classifier(classes: int) -> nn.Module:
    """Latents have seen a network already, and are 1/16 of the picture along each side: little is enough."""
    return nn.Sequential(
        nn.BatchNorm2d(256),
        nn.Conv2d(256, 96, 1),
        nn.ReLU(),
        nn.Conv2d(96, 128, 3, padding=1),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(128, 192, 3, padding=1),
        nn.BatchNorm2d(192),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.4),
        nn.Linear(192, classes),
    )


def split(data: FileDataset) -> tuple[list[int], list[int]]:
    """Indices to learn from and, every fifth of a class, to test with."""
    learn: list[int] = []
    test: list[int] = []
    seen: dict[int, int] = {}
    for index, label in enumerate(data.labels()):
        seen[label] = seen.get(label, 0) + 1
        (test if seen[label] % 5 == 0 else learn).append(index)
    return learn, test


def accuracy(model: nn.Module, loader: DataLoader[Item]) -> float:
    """Of the test, 0 to 1."""
    model.eval()
    right = count = 0
    with torch.no_grad():
        for x, label, _ in loader:
            right += int((model(x).argmax(1) == label).sum())
            count += len(label)
    return right / max(count, 1)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--coded", type=Path, help="where .wvn files are kept; a temporary folder by default")
    parser.add_argument("--quality", type=float, default=60)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--crop", type=int, default=14, help="rows and columns of latents, of 16 pixels each")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0, help="processes that read")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    torch.manual_seed(args.seed)

    with tempfile.TemporaryDirectory() as temporary:
        out = args.coded or Path(temporary)
        crop = (args.crop, args.crop)
        folder = coded(args.folder, out / "train", args.quality)
        data = FileDataset(folder, ReadLatents(crop), seed=args.seed)
        centered = ReadLatents(crop, where="center")
        learn: Dataset[Item] = data
        if args.test is None:
            indices, kept = split(data)
            learn, test = Subset(data, indices), Subset(FileDataset(folder, centered), kept)
        else:
            test = FileDataset(coded(args.test, out / "test", args.quality), centered)
            if test.classes != data.classes:
                parser.error("the classes of the test are others")
        loader = DataLoader(learn, args.batch, shuffle=True, drop_last=True, num_workers=args.workers)
        tests = DataLoader(test, args.batch, num_workers=args.workers)

        model = classifier(len(data.classes))
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=args.epochs * len(loader))
        start, seen = time.perf_counter(), 0
        for epoch in range(args.epochs):
            data.set_epoch(epoch)
            model.train()
            for x, label, _ in loader:
                loss = nn.functional.cross_entropy(model(x), label, label_smoothing=0.1)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                seen += len(label)
            if epoch % 5 == 4 or epoch == args.epochs - 1:
                rate = seen / (time.perf_counter() - start)
                print(f"epoch {epoch + 1}: loss {loss.item():.3f}, {rate:.0f} pictures/s", flush=True)
        print(
            f"{len(data.classes)} classes, {len(test)} pictures kept: {100 * accuracy(model, tests):.1f} % right"
        )


if __name__ == "__main__":
    main()
