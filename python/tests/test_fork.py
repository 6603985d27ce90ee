"""Children: forked after the parent's pools were used, while they are used, and spawned."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import wavern

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="NOT RUN: there is no fork here"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def in_child(work: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether `work` is true in a forked child. A child that hangs is ended."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


@pytest.mark.parametrize("threads", [None, 2])
def test_a_child_works_after_its_parent_did(photo: npt.NDArray[Any], threads: int | None) -> None:
    file = wavern.encode(photo, threads=threads)
    pixels = wavern.decode(file, threads=threads)
    y = wavern.latents_batch([file, file], threads=threads)[0].y
    score = wavern.metrics.ssimulacra2(photo, pixels, threads=threads)

    def work() -> bool:
        return (
            wavern.encode(photo, threads=threads) == file
            and np.array_equal(wavern.decode(file, threads=threads), pixels)
            and np.array_equal(wavern.latents_batch([file], threads=threads)[0].y, y)
            and wavern.metrics.ssimulacra2(photo, pixels, threads=threads) == score
        )

    assert in_child(work)
    assert in_child(lambda: in_child(work)), "a child of a child"
    assert work(), "and the parent goes on"


def test_a_child_works_while_its_parent_does(photo: npt.NDArray[Any], tone_file: bytes) -> None:
    file = wavern.encode(photo)
    pixels, samples = wavern.decode(file), wavern.decode(tone_file)
    done = threading.Event()

    def busy() -> None:
        while not done.is_set():
            wavern.decode_batch([file] * 4)
            wavern.encode(photo, effort=2)

    threads = [threading.Thread(target=busy) for _ in range(3)]
    [thread.start() for thread in threads]
    try:
        for _ in range(12):
            assert in_child(
                lambda: (
                    np.array_equal(wavern.decode(file), pixels)
                    and np.array_equal(wavern.decode(tone_file), samples)
                )
            )
    finally:
        done.set()
        [thread.join() for thread in threads]


def _shape(file: bytes) -> tuple[int, ...]:
    return wavern.decode(file).shape


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes(photo_file: bytes, method: str) -> None:
    wavern.decode(photo_file)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(_shape, [photo_file] * 6).get(60) == [(256, 384, 3)] * 6


def test_ctrl_c_ends_a_search(photo: npt.NDArray[Any]) -> None:
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.5, lambda: signal.pthread_kill(main, signal.SIGINT))
    big = np.tile(photo, (2, 2, 1))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        wavern.encode(big, effort=9)
    assert time.monotonic() - start < 30
    assert wavern.decode(wavern.encode(photo)).shape == photo.shape
