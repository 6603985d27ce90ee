#!/usr/bin/env bash
# Whole processes on the same PPM: wavern beside cjxl/djxl -e 7, avifenc/avifdec -s 6 and cwebp/dwebp, and, where the
# command was built with it, libtorch on the same weights. One line of CSV for each: best and median of RUNS wall times.
#
#   benches/whole_process.sh PICTURE.ppm [THREADS] > benches/record/DATE-speed.csv
#
# Each peer runs at the quality whose PSNR is nearest to that of wavern's default, found by bisection with ffmpeg; without
# ffmpeg, or with QUALITIES="JXL AVIF WEBP", at given ones. A tool that is missing is left out. WAVERN names the command,
# WAVERN_TORCH one built with `--features torch`, RUNS the repetitions, LAUNCH a prefix such as `chrt -f 5`.
set -euo pipefail
picture=$1
threads=${2:-2}
wavern=${WAVERN:-target/release/wavern}
runs=${RUNS:-7}
launch=${LAUNCH:-}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
pixels=$(head -c 20 "$picture" | tr '\n' ' ' | awk '{print $2 * $3}')

psnr() { # decoded picture
  if command -v ffmpeg >/dev/null; then
    ffmpeg -hide_banner -i "$1" -i "$picture" -lavfi psnr -f null - 2>&1 | sed -n 's/.*average:\([0-9.]*\).*/\1/p'
  fi
}

measure() { # codec, quality, PSNR, direction, command
  local codec=$1 quality=$2 psnr=$3 direction=$4
  shift 4
  for _ in $(seq "$runs"); do
    local start=$EPOCHREALTIME
    /usr/bin/time -f '%M' -o "$work/time" $launch "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    echo "$start $EPOCHREALTIME $(tail -n 1 "$work/time")" | awk '{ printf "%.4f %d\n", $2 - $1, $3 }'
  done | sort -n | awk -v c="$codec,$direction,$threads,$pixels,$quality,$psnr" -v p="$pixels" '
    { time[NR] = $1; if ($2 > most) most = $2 }
    END { median = time[int((NR + 1) / 2)]
          printf "%s,%.4f,%.4f,%.2f,%.1f\n", c, time[1], median, p / time[1] / 1e6, most / 1024 }'
}

encode_jxl() { cjxl "$picture" "$work/x.jxl" -q "$1" -e 7 --num_threads="$threads" --quiet; }
decode_jxl() { djxl "$work/x.jxl" "$work/p.ppm" --quiet; }
encode_avif() { avifenc -s 6 --min "$((63 - $1 * 63 / 100))" --max "$((63 - $1 * 63 / 100))" -j "$threads" "$work/x.png" "$work/x.avif"; }
decode_avif() { avifdec "$work/x.avif" "$work/p.png"; }
encode_webp() { cwebp -quiet -mt -q "$1" "$picture" -o "$work/x.webp"; }
decode_webp() { dwebp -quiet -ppm "$work/x.webp" -o "$work/p.ppm"; }

matching() { # peer, extension of what it decodes to, quality without ffmpeg
  local low=1 high=100 middle
  if [ -n "${QUALITIES:-}" ] || [ -z "$goal" ]; then
    echo "$3"
    return
  fi
  while [ $((high - low)) -gt 1 ]; do
    middle=$(((low + high) / 2))
    "encode_$1" "$middle" >/dev/null 2>&1 && "decode_$1" >/dev/null 2>&1
    if awk -v a="$(psnr "$work/p.$2")" -v b="$goal" 'BEGIN { exit !(a >= b) }'; then high=$middle; else low=$middle; fi
  done
  echo "$high"
}

read -r jxl avif webp <<<"${QUALITIES:-80 66 85}"
"$wavern" encode -f --quiet "$picture" "$work/x.wvn"
"$wavern" decode -f --quiet "$work/x.wvn" "$work/x.ppm"
goal=$(psnr "$work/x.ppm")

echo "codec,direction,threads,pixels,quality,psnr,best_s,median_s,best_mp_per_s,peak_mib"
measure wavern 60 "$goal" encode "$wavern" encode -f --quiet -j "$threads" "$picture" "$work/x.wvn"
measure wavern 60 "$goal" decode "$wavern" decode -f --quiet -j "$threads" "$work/x.wvn" "$work/x.ppm"
if [ -n "${WAVERN_TORCH:-}" ]; then
  export OMP_NUM_THREADS=$threads
  measure wavern-torch 60 "$goal" encode "$WAVERN_TORCH" encode -f --quiet -j "$threads" --backend torch "$picture" "$work/t.wvn"
  measure wavern-torch 60 "$goal" decode "$WAVERN_TORCH" decode -f --quiet -j "$threads" --backend torch "$work/x.wvn" "$work/t.ppm"
fi
if command -v cjxl >/dev/null; then
  q=$(matching jxl ppm "$jxl")
  if encode_jxl "$q" 2>/dev/null && decode_jxl; then
    p=$(psnr "$work/p.ppm")
    measure cjxl-e7 "$q" "$p" encode cjxl "$picture" "$work/x.jxl" -q "$q" -e 7 --num_threads="$threads"
    measure djxl "$q" "$p" decode djxl "$work/x.jxl" "$work/j.ppm" --num_threads="$threads"
  else
    echo "cjxl or djxl fails on this picture" >&2
  fi
fi
if command -v avifenc >/dev/null; then
  # It reads no PPM.
  "$wavern" encode -f --quiet "$picture" "$work/x.wvn"
  if command -v ffmpeg >/dev/null; then ffmpeg -v error -y -i "$picture" "$work/x.png"; else "$wavern" decode -f --quiet "$work/x.wvn" "$work/x.png"; fi
  q=$(matching avif png "$avif")
  if encode_avif "$q" >/dev/null && decode_avif >/dev/null; then
    p=$(psnr "$work/p.png")
    at=$((63 - q * 63 / 100))
    measure avifenc-s6 "$at" "$p" encode avifenc -s 6 --min "$at" --max "$at" -j "$threads" "$work/x.png" "$work/x.avif"
    measure avifdec "$at" "$p" decode avifdec -j "$threads" "$work/x.avif" "$work/a.y4m"
  else
    echo "avifenc or avifdec fails on this picture" >&2
  fi
fi
if command -v cwebp >/dev/null; then
  q=$(matching webp ppm "$webp")
  if encode_webp "$q" && decode_webp; then
    p=$(psnr "$work/p.ppm")
    measure cwebp "$q" "$p" encode cwebp -quiet -mt -q "$q" "$picture" -o "$work/x.webp"
    measure dwebp "$q" "$p" decode dwebp -quiet -mt -ppm "$work/x.webp" -o "$work/w.ppm"
  else
    echo "cwebp or dwebp fails on this picture" >&2
  fi
fi
