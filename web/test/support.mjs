// What several tests need: files of the repository, the codec without a worker, damage.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { Wavern } from "../dist/index.js";

export const testdata = new URL("../../testdata/", import.meta.url);

/** Names of the files of a folder that end in `.wvn`, in order. */
export function files(folder) {
  const names = readdirSync(new URL(folder, testdata)).filter((name) => name.endsWith(".wvn"));
  assert.ok(names.length > 0, `${folder} is empty`);
  return names.sort();
}

export function read(path) {
  return new Uint8Array(readFileSync(new URL(path, testdata)));
}

/** A codec of one of the two modules. */
export function codecOf(name) {
  const file = new URL(`../dist/${name}`, import.meta.url);
  return new Wavern({ module: async () => new WebAssembly.Module(readFileSync(file)) });
}

export const modules = ["wavern.wasm", "wavern-baseline.wasm"];

/** A picture of smooth colours and a little noise, the same on every machine. */
export function picture(width, height, alpha = () => 255) {
  const data = new Uint8ClampedArray(4 * width * height);
  const dice = new Dice(7n);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      data[at] = 255 * (x / width) + dice.below(6);
      data[at + 1] = 255 * (y / height) + dice.below(6);
      data[at + 2] = 128 + 100 * Math.sin((x + y) / 9);
      data[at + 3] = alpha(x, y);
    }
  }
  return { width, height, data };
}

/** Peak signal-to-noise ratio over R, G and B, in dB. */
export function psnr(a, b) {
  let sum = 0;
  for (let at = 0; at < a.length; at++) if (at % 4 !== 3) sum += (a[at] - b[at]) ** 2;
  return 10 * Math.log10((255 ** 2 * a.length * 0.75) / sum);
}

/** A small generator, the same on every machine. */
export class Dice {
  #state;

  constructor(state) {
    this.#state = state;
  }

  below(bound) {
    this.#state = BigInt.asUintN(64, this.#state * 6364136223846793005n + 1442695040888963407n);
    return Number((this.#state >> 33n) % BigInt(Math.max(bound, 1)));
  }
}

/** A damaged copy. */
export function mutated(original, dice) {
  let bytes = [...original];
  for (let times = dice.below(4); times >= 0; times--) {
    // Headers are where the harm is.
    const at = dice.below(dice.below(2) === 0 ? Math.min(bytes.length, 64) : bytes.length);
    const kind = dice.below(6);
    if (kind === 0) bytes.length = Math.max(at, 1);
    else if (kind === 1) bytes[at] ^= 1 << dice.below(8);
    else if (kind === 2) bytes[at] = [0, 1, 0x7f, 0x80, 0xff][dice.below(5)];
    else if (kind === 3) bytes.fill(0xff, at, at + 4);
    else if (kind === 4) bytes.splice(at, dice.below(32));
    else bytes.splice(at, 0, ...bytes.slice(at, at + dice.below(40)));
    if (bytes.length === 0) bytes = [0];
  }
  return Uint8Array.from(bytes);
}
