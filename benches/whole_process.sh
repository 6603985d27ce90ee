#!/usr/bin/env bash
# Whole processes on the same PPM: wavern, cjxl/djxl -e 7, avifenc/avifdec -s 6, cwebp/dwebp and, where the command was
# built with it, libtorch on the same weights. One line of CSV for each: best and median of RUNS wall times.
#
#   benches/whole_process.sh PICTURE.ppm [THREADS] > benches/record/DATE-speed.csv
#
# Each peer runs at the lowest quality of 1 to 100 whose PSNR is at least that of wavern's default, found by bisection with
# ffmpeg; without ffmpeg, or with QUALITIES="JXL AVIF WEBP", at the given ones. (AVIF's quantizers go from 63 to 0 with
# it.) A missing tool is left out. WAVERN names the command, WAVERN_TORCH the command `wavern-torch`, RUNS the
# number of repetitions, LAUNCH a prefix such as `chrt -f 5`.
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

commands() { # peer, quality: sets `encode`, `decode` as they are timed, `view` into `seen` to look at, and the `setting`
  local at=$((63 - $2 * 63 / 100))
  setting=$2
  case $1 in
    jxl)
      encode=(cjxl "$picture" "$work/x.jxl" -q "$2" -e 7 --num_threads="$threads")
      decode=(djxl "$work/x.jxl" "$work/j.ppm" --num_threads="$threads")
      view=("${decode[@]}") seen=$work/j.ppm ;;
    avif) # It reads no PPM.
      encode=(avifenc -s 6 --min "$at" --max "$at" -j "$threads" "$work/x.png" "$work/x.avif")
      decode=(avifdec -j "$threads" "$work/x.avif" "$work/a.y4m")
      view=(avifdec "$work/x.avif" "$work/a.png") seen=$work/a.png setting=$at ;;
    webp)
      encode=(cwebp -quiet -mt -q "$2" "$picture" -o "$work/x.webp")
      decode=(dwebp -quiet -mt -ppm "$work/x.webp" -o "$work/w.ppm")
      view=("${decode[@]}") seen=$work/w.ppm ;;
  esac
}

peer() { # peer, name of its encoder, of its decoder, quality without ffmpeg
  local low=1 high=100 middle
  if ! command -v "${2%%-*}" >/dev/null; then return; fi
  if [ -n "${QUALITIES:-}" ] || [ -z "$goal" ]; then low=$(($4 - 1)) high=$4; fi
  while [ $((high - low)) -gt 1 ]; do
    middle=$(((low + high) / 2))
    commands "$1" "$middle"
    "${encode[@]}" >/dev/null 2>&1 && "${view[@]}" >/dev/null 2>&1
    if awk -v a="$(psnr "$seen")" -v b="$goal" 'BEGIN { exit !(a >= b) }'; then high=$middle; else low=$middle; fi
  done
  commands "$1" "$high"
  if "${encode[@]}" >/dev/null 2>&1 && "${view[@]}" >/dev/null 2>&1; then
    local reached
    reached=$(psnr "$seen")
    measure "$2" "$setting" "$reached" encode "${encode[@]}"
    measure "$3" "$setting" "$reached" decode "${decode[@]}"
  else
    echo "$2 or $3 fails on this picture" >&2
  fi
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
peer jxl cjxl-e7 djxl "$jxl"
if command -v ffmpeg >/dev/null; then ffmpeg -v error -y -i "$picture" "$work/x.png"; else "$wavern" decode -f --quiet "$work/x.wvn" "$work/x.png"; fi
peer avif avifenc-s6 avifdec "$avif"
peer webp cwebp dwebp "$webp"
