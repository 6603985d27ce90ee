#!/usr/bin/env bash
# Whole processes on the same PPM: wavern beside cjxl/djxl -e 7, avifenc/avifdec -s 6 and cwebp/dwebp, and, where the
# command was built with it, libtorch on the same weights. One line of CSV for each: best and median of RUNS wall times.
#
#   benches/whole_process.sh PICTURE.ppm [THREADS] > benches/record/DATE-speed.csv
#
# Qualities give about the PSNR of wavern's default; a tool that is missing is left out. WAVERN names the command,
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

measure() { # codec, direction, command
  local codec=$1 direction=$2
  shift 2
  for _ in $(seq "$runs"); do
    local start=$EPOCHREALTIME
    /usr/bin/time -f '%M' -o "$work/time" $launch "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    echo "$start $EPOCHREALTIME $(tail -n 1 "$work/time")" | awk '{ printf "%.4f %d\n", $2 - $1, $3 }'
  done | sort -n | awk -v c="$codec" -v d="$direction" -v t="$threads" -v p="$pixels" '
    { time[NR] = $1; if ($2 > most) most = $2 }
    END { median = time[int((NR + 1) / 2)]
          printf "%s,%s,%d,%d,%.4f,%.4f,%.2f,%.1f\n", c, d, t, p, time[1], median, p / time[1] / 1e6, most / 1024 }'
}

echo "codec,direction,threads,pixels,best_s,median_s,best_mp_per_s,peak_mib"
measure wavern encode "$wavern" encode -f --quiet -j "$threads" "$picture" "$work/x.wvn"
measure wavern decode "$wavern" decode -f --quiet -j "$threads" "$work/x.wvn" "$work/x.ppm"
if [ -n "${WAVERN_TORCH:-}" ]; then
  export OMP_NUM_THREADS=$threads
  measure wavern-torch encode "$WAVERN_TORCH" encode -f --quiet -j "$threads" --backend torch "$picture" "$work/t.wvn"
  measure wavern-torch decode "$WAVERN_TORCH" decode -f --quiet -j "$threads" --backend torch "$work/x.wvn" "$work/t.ppm"
fi
if command -v cjxl >/dev/null; then
  measure cjxl-e7 encode cjxl "$picture" "$work/x.jxl" -q 75 -e 7 --num_threads="$threads"
  measure djxl decode djxl "$work/x.jxl" "$work/j.ppm" --num_threads="$threads"
fi
if command -v avifenc >/dev/null; then
  # It reads no PPM; what wavern made of the picture is one as good.
  "$wavern" decode -f --quiet "$work/x.wvn" "$work/x.png"
  measure avifenc-s6 encode avifenc -s 6 --min 18 --max 26 -j "$threads" "$work/x.png" "$work/x.avif"
  measure avifdec decode avifdec -j "$threads" "$work/x.avif" "$work/a.y4m"
fi
if command -v cwebp >/dev/null; then
  measure cwebp encode cwebp -quiet -mt -q 85 "$picture" -o "$work/x.webp"
  measure dwebp decode dwebp -quiet -mt -ppm "$work/x.webp" -o "$work/w.ppm"
fi
