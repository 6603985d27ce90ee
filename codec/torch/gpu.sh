#!/usr/bin/env bash
# Trains the image model for a while on another machine, one with libtorch 2.11 and a GPU: what it needs goes there as a
# folder, and what it learned comes back as files of at most 16 MiB.
#
#   gpu.sh pack FOLDER CHECKPOINT PICTURES [MEGABYTES]   here: binary, start and pictures (24 MB of them) into FOLDER
#   gpu.sh run FOLDER OUT SECONDS [DEVICE]               there: check the loss, train on DEVICE (cuda), averages into OUT
#   wavern-torch train image --init OUT/run.ckpt …      here: go on from the averages; parts are read as one file
#
# `pack` wants a build of `cargo build --release -p wavern-cli-torch`, and LIBTORCH as docs/training.md says. `run` finds
# libtorch in the machine's Python package torch, or in LIBTORCH. Its first fifth of a minute compares the loss on three fixed
# batches with that of the machine that packed; then the rate is constant for four fifths of the time and falls to zero in the last.
# BATCH (256), RATE (1.2e-3), OPTIMIZER (soap), CROP (256), THREADS (4) and FAVOUR (cid22,cq100,stunning) are taken from the
# environment.
set -euo pipefail

say() { printf 'gpu.sh: %s\n' "$*" >&2; }
usage() { sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//' >&2; exit 2; }

train() { # FOLDER, then options
  local folder=$1
  shift
  "$folder/wavern-torch" train image --data "$folder/pictures" --threads "${THREADS:-4}" --seed 7 --crop "${CROP:-256}" \
    --drawings 0.05 --favour "${FAVOUR:-cid22,cq100,stunning}" "$@"
}

pack() {
  local folder=$1 checkpoint=$2 pictures=$3 limit=$((${4:-24} * 1000000)) size=0 root
  root=$(cd "$(dirname "$0")/../.." && pwd)
  mkdir -p "$folder/pictures"
  cp "$root/target/release/wavern-torch" "$folder/wavern-torch"
  case $checkpoint in
    *.safetensors) cp "$checkpoint" "$folder/start.safetensors" ;;
    *) "$folder/wavern-torch" train slim --force "$checkpoint" "$folder/start.ckpt" ;;
  esac
  # In an order that is as good as random and always the same.
  while read -r file; do
    size=$((size + $(stat -c %s "$file")))
    [ "$size" -le "$limit" ] || break
    cp "$file" "$folder/pictures/"
  done < <(find "$pictures" -type f \( -name '*.jpg' -o -name '*.webp' -o -name '*.png' \) | sort |
    while read -r file; do printf '%s %s\n' "$(basename "$file" | cksum | cut -d' ' -f1)" "$file"; done |
    sort -n | cut -d' ' -f2-)
  train "$folder" --init "$folder"/start.* --out "$folder/check.ckpt" --batch 8 --precision f32 --check 3 > "$folder/expected"
  say "$(du -sh "$folder" | cut -f1) in $folder, $(find "$folder/pictures" -type f | wc -l) pictures; losses $(xargs < "$folder/expected")"
}

run() {
  local folder=$1 out=$2 seconds=$3 device=${4:-cuda}
  mkdir -p "$out"
  libtorch=${LIBTORCH:-$(python3 -c 'import torch; print(torch.__path__[0])')}
  LD_LIBRARY_PATH="$libtorch/lib:$(find "$libtorch/.." -maxdepth 4 -path '*nvidia*' -type d -name lib | paste -sd:)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export LD_LIBRARY_PATH
  train "$folder" --init "$folder"/start.* --out "$out/check.ckpt" --device "$device" --batch 8 --precision f32 --check 3 \
    > "$out/found"
  paste "$folder/expected" "$out/found" | tee /dev/stderr | awk '
    { if ($2 < 0.99 * $1 || $2 > 1.01 * $1) bad = 1 }
    END { if (NR != 3 || bad) { print "gpu.sh: the loss is not that of the machine that packed" > "/dev/stderr"; exit 1 } }'
  local options=(--out "$out/run.ckpt" --device "$device" --batch "${BATCH:-256}" --rate "${RATE:-1.2e-3}"
    --optimizer "${OPTIMIZER:-soap}" --save-every 1000)
  local falling=$((seconds / 5 > 0 ? seconds / 5 : 1))
  train "$folder" --init "$folder"/start.* "${options[@]}" --schedule constant --seconds $((seconds - falling))
  # Its own time of a start is not training.
  train "$folder" --resume "${options[@]}" --schedule cooldown --parts \
    --minutes "$(awk "BEGIN { print $falling / 60 }")"
  rm -f "$out/run.ckpt" "$out/found"
  say "$(find "$out" -name 'run.ckpt.*' | wc -l) parts in $out"
}

case "${1:-} $#" in
  "pack 4" | "pack 5") pack "${@:2}" ;;
  "run 4" | "run 5") run "${@:2}" ;;
  *) usage ;;
esac
