#!/usr/bin/env bash
# The training of the image model as a relay: each run takes the state of the one before it and hands on its own.
#
#   relay.sh run STATE PICTURES VALIDATION [THREADS]   train until it is stopped (Ctrl-C, SIGINT), at low priority
#   relay.sh hand-over STATE VALIDATION DEVICE         a row in models/training/curve.csv
#   relay.sh slim STATE                                models/training/image.ckpt anew: what to start from if STATE is lost
#
# STATE is a folder outside the repository with the whole state, `image.ckpt`, and its curve. If it is empty, the training goes on
# from models/training/image.ckpt, or begins with the weights models/image.safetensors. RATE (6e-4) and OPTIMIZER (soap) are
# taken from the environment, and LIBTORCH as docs/training.md says. Needs `cargo build --release -p wavern-cli-torch`.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
wavern=${WAVERN:-$root/target/release/wavern-torch}
slim=$root/models/training/image.ckpt
curve=$root/models/training/curve.csv

usage() { sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//' >&2; exit 2; }

run() {
  local state=$1 pictures=$2 validation=$3 threads=${4:-1} start seed
  mkdir -p "$state"
  # Crops that no run before has seen.
  seed=$(date +%s)
  if [ -e "$state/image.ckpt" ]; then
    start=(--resume)
  elif [ -e "$slim" ]; then
    start=(--init "$slim")
  else
    start=(--init "$root/models/image.safetensors")
  fi
  cp "$wavern" "$state/wavern-torch"
  # The likelihood's threads too.
  RAYON_NUM_THREADS=$threads exec nice -n 10 "$state/wavern-torch" train image --data "$pictures" --valid "$validation" \
    --out "$state/image.ckpt" "${start[@]}" --optimizer "${OPTIMIZER:-soap}" --schedule constant --rate "${RATE:-6e-4}" \
    --threads "$threads" --favour cid22,cq100,stunning --drawings 0.05 --validate-every 30 --save-every 5 --seed "$seed"
}

# What came since the last row, in minutes or crops: all of it after a start from nothing.
since() { # column, now
  awk -F, -v column="$1" -v now="$2" 'NR > 1 { sum += $column } END { printf "%.0f", (now >= sum ? now - sum : now) }' "$curve"
}

hand_over() {
  local state=$1 validation=$2 device=$3 minutes crops found
  read -r minutes crops < <("$wavern" train state "$state/image.ckpt")
  found=$("$wavern" train validate image "$state/image.ckpt" --data "$validation" --against "$root/models/fast/image-fast.safetensors")
  [ -e "$curve" ] || echo "run,minutes,crops,device,validation" > "$curve"
  awk -v OFS=, -v run="$(awk 'END { print NR }' "$curve")" -v minutes="$(since 2 "$minutes")" -v crops="$(since 3 "$crops")" \
    -v device="$device" -v found="$(sed -n 's/^rate against .*: \(.*\) %$/\1/p' <<< "$found")" \
    'BEGIN { print run, minutes, crops, device, found }' | tee -a "$curve"
}

case "${1:-} $#" in
  "run 4" | "run 5") run "${@:2}" ;;
  "hand-over 4") hand_over "${@:2}" ;;
  "slim 2") "$wavern" train slim --force "$2/image.ckpt" "$slim" ;;
  *) usage ;;
esac
