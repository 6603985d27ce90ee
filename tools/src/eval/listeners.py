"""Scores of pairs of sounds by the Python packages zimtohrli and visqol, for `wavern eval audio`.

Says on its first line which of the packages named on the command line are there, as a JSON object of versions. Then
reads JSON objects {"original": PATH, "decoded": PATH} from standard input, one a line, and answers each with an object
of scores, null where there is none (ViSQOL knows none of silence), or {"error": TEXT}. The sounds are WAV files of 16 bits; the mean over their channels is scored.
"""
import importlib.metadata
import json
import math
import sys

RATE = 48000  # what both packages expect


def load(path):
    import wave

    import numpy

    with wave.open(path) as file:
        channels, width, rate, frames = file.getparams()[:4]
        if width != 2:
            raise ValueError(f"{8 * width} bits a sample (expected 16)")
        samples = numpy.frombuffer(file.readframes(frames), "<i2").reshape(-1, channels)
    return to_48000(samples.mean(axis=1) / 32768, rate)


def to_48000(samples, rate):
    if rate == RATE:
        return samples
    from scipy.signal import resample_poly

    common = math.gcd(rate, RATE)
    return resample_poly(samples, RATE // common, rate // common)


def zimtohrli_scorer():
    import zimtohrli

    return zimtohrli.mos_from_signals


def visqol_scorer():
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="audio")
    return lambda original, decoded: api.measure_from_arrays(original, decoded, RATE).moslqo


KNOWN = {"zimtohrli": ("zimtohrli", zimtohrli_scorer), "visqol": ("visqol-python", visqol_scorer)}


def main():
    scorers, versions = {}, {}
    for name in sys.argv[1:]:
        package, make = KNOWN[name]
        try:
            import scipy.signal  # noqa: F401

            scorers[name] = make()
            versions[name] = importlib.metadata.version(package)
        except ImportError:
            pass
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        pair = json.loads(line)
        try:
            sounds = load(pair["original"]), load(pair["decoded"])
            scores = {name: float(score(*sounds)) for name, score in scorers.items()}
            answer = {name: score if math.isfinite(score) else None for name, score in scores.items()}
        except Exception as error:  # whatever goes wrong in a package is an answer, not the end
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
