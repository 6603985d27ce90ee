// Every golden file decodes in both modules to what stands beside it: pixels to the bit, sounds within 1/1000.

import assert from "node:assert/strict";
import { test } from "node:test";
import { codecOf, files, modules, read } from "./support.mjs";

/** The expected samples: 16-bit numbers, little endian. */
function expected(name) {
  return new Uint16Array(read(`golden/${name.replace(".wvn", ".u16")}`).buffer);
}

/** The facts beside a file: its first line, and the hash of its latents. */
function facts(name) {
  return new TextDecoder().decode(read(`golden/${name.replace(".wvn", ".txt")}`)).split("\n");
}

const metadataBytes = (metadata) => metadata.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** What of a picture is 16-bit numbers to be compared; 257 is 65535 / 255. */
const widened = ({ samples, depth }) => Uint16Array.from(samples, (sample) => (depth === 8 ? sample * 257 : sample));

async function checkPicture(codec, name, fact) {
  const file = read(`golden/${name}`);
  const { width, height } = await codec.probe(file);
  // Of a large picture one of 1/8 stands there.
  const scale = width * height > 1 << 16 ? 8 : 1;
  const exact = await codec.decodeExact(file, { scale });
  assert.deepEqual(widened(exact), expected(name));
  const start = `image ${width}x${height} ${exact.channels === 1 ? "gray" : "rgb"} ${exact.depth} alpha `;
  assert.ok(fact.startsWith(start), `${start}: ${fact}`);
  assert.equal(fact.includes("alpha none"), !exact.alpha);
  assert.ok(fact.endsWith(` metadata ${metadataBytes(exact.metadata)}`), fact);

  // What a canvas gets are the same pixels in 8 bits, and the rows are the picture.
  let next = 0;
  const rows = new Uint8ClampedArray(4 * exact.width * exact.height);
  const shown = await codec.decode(file, {
    scale,
    onRows: ({ y, data }) => {
      assert.equal(y, next);
      rows.set(data, 4 * exact.width * y);
      next += data.length / 4 / exact.width;
    },
  });
  assert.deepEqual([shown.width, shown.height, next], [exact.width, exact.height, exact.height]);
  assert.ok(Buffer.from(rows).equals(Buffer.from(shown.data)));
  const narrow = (sample) => (exact.depth === 8 ? sample : Math.round(sample / 257));
  const rgba = new Uint8ClampedArray(rows.length);
  for (let at = 0; at < exact.width * exact.height; at++) {
    for (let channel = 0; channel < 3; channel++) {
      rgba[4 * at + channel] = narrow(exact.samples[at * exact.channels + Math.min(channel, exact.channels - 1)]);
    }
    rgba[4 * at + 3] = exact.alphaSamples ? narrow(exact.alphaSamples[at]) : 255;
  }
  assert.ok(Buffer.from(rows).equals(Buffer.from(rgba)));
}

async function checkSound(codec, name, fact) {
  const sound = await codec.decodeSound(read(`golden/${name}`));
  const numbers = sound.channels.flatMap((channel) =>
    Array.from(channel, (sample) => Math.min(Math.max(Math.round(sample * 32768), -32768), 32767) + 32768),
  );
  const stored = expected(name);
  const loudest = stored.reduce((most, number) => Math.max(most, Math.abs(number - 32768)), 0);
  const tolerance = name.includes("lossless") ? 0 : Math.floor(loudest / 1000) + 2;
  assert.equal(numbers.length, stored.length);
  const worst = numbers.reduce((most, number, at) => Math.max(most, Math.abs(number - stored[at])), 0);
  assert.ok(worst <= tolerance, `${worst} units away`);
  const frames = sound.channels[0].length;
  const start = `audio ${sound.sampleRate} Hz ${sound.channels.length} channels ${frames} frames `;
  assert.ok(fact.startsWith(start) && fact.includes(sound.format.toUpperCase()), fact);
  assert.ok(fact.endsWith(` metadata ${metadataBytes(sound.metadata)}`), fact);
}

for (const module of modules) {
  test(`golden files in ${module}`, async (t) => {
    const codec = codecOf(module);
    for (const name of files("golden")) {
      // The baseline takes seconds for a large picture, and has no code of its own for one.
      if (module === "wavern-baseline.wasm" && name === "picture-tiles.wvn") continue;
      await t.test(name, async () => {
        const [fact] = facts(name);
        await (fact.startsWith("image") ? checkPicture : checkSound)(codec, name, fact);
      });
    }
  });
}
