#!/usr/bin/env python3
"""AVIF by the newest libavif and libaom that PyPI has, as a peer for `wavern eval` where a distribution's are old.

    pip install 'pillow>=12'
    wavern eval images PHOTOS --settings avif-iq=20,35,50,65,80,92 --peer-command 'avif-iq=python3 eval/peers/avif.py encode
        {q} {in} {out} --tune iq :: python3 eval/peers/avif.py decode {in} {out} :: python3 eval/peers/avif.py version'

`{q}` is libavif's quality, 0 to 100.
"""

import argparse

from PIL import Image, features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    encode = verbs.add_parser("encode")
    encode.add_argument("quality", type=float)
    encode.add_argument("source")
    encode.add_argument("coded")
    encode.add_argument("--subsampling", default="4:2:0", choices=["4:2:0", "4:4:4"])
    encode.add_argument("--speed", type=int, default=6)
    encode.add_argument("--tune", choices=["iq", "psnr", "ssim", "ssimulacra2"])
    encode.add_argument("--threads", type=int, default=2)
    decode = verbs.add_parser("decode")
    decode.add_argument("coded")
    decode.add_argument("result")
    verbs.add_parser("version")
    args = parser.parse_args()
    if args.verb == "version":
        print(f"libavif {features.version('avif')}")
    elif args.verb == "decode":
        Image.open(args.coded).convert("RGB").save(args.result, "PNG", compress_level=0)
    else:
        # libavif takes a setting of the encoder that it does not know for an error.
        advanced = {"tune": args.tune} if args.tune else {}
        Image.open(args.source).convert("RGB").save(
            args.coded, "AVIF", quality=round(args.quality), speed=args.speed, subsampling=args.subsampling,
            codec="aom", max_threads=args.threads, advanced=advanced,
        )


if __name__ == "__main__":
    main()
