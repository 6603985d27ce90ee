# What every part begins with: `. "$(dirname "$0")/../common.sh"`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

# Whether the parts before left time for one that also runs elsewhere or by itself; a machine without a build cache may
# need all of it for the rest.
in_time() {
  local spent=$(($(date +%s) - ${WAVERN_CI_START:-$(date +%s)}))
  [ "$spent" -le 1500 ] || { echo "NOT RUN: $spent s are gone; .ci/run $(basename "$0") does it alone"; return 1; }
}

# A cargo command that is not part of Rust; without one, and without a way to install it, 1.
need_cargo() { # crate
  if ! command -v "$1" >/dev/null; then
    cargo install --quiet --locked --root "target/$1" "$1" || true
    PATH="$PWD/target/$1/bin:$PATH"
  fi
  command -v "$1" >/dev/null
}

# Debian packages; 1 if they cannot be installed.
need_apt() { # packages
  local sudo=
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# The standard library for a target; without one, and without a way to fetch it, 1.
need_target() { # target
  rustup target list --installed | grep -qx "$1" || rustup target add "$1"
}

# libtorch 2.11, from WAVERN_LIBTORCH or out of the wheels of PyPI. Sets what torch-sys wants to know.
need_libtorch() {
  local libtorch="${WAVERN_LIBTORCH:-$PWD/target/libtorch-2.11.0}" wheels libraries
  if [ ! -e "$libtorch/torch/lib/libtorch_cpu.so" ]; then
    wheels=$(mktemp -d)
    python3 -m pip download --quiet --no-deps -d "$wheels" \
      torch==2.11.0 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85
    mkdir -p "$libtorch"
    for wheel in "$wheels"/*.whl; do python3 -m zipfile -e "$wheel" "$libtorch"; done
    rm -r "$wheels"
  fi
  export LIBTORCH="$libtorch/torch"
  libraries=$(find "$libtorch/nvidia" -type d -name lib | paste -sd:)
  export LD_LIBRARY_PATH="$LIBTORCH/lib:$libraries"
}
