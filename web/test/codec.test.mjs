// The interface: what goes in comes out.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import * as wavern from "../dist/index.js";
import { codecOf, picture, psnr, read } from "./support.mjs";

const codec = codecOf("wavern.wasm");

test("a picture there and back", async () => {
  const image = picture(150, 97);
  const [small, large] = [await codec.encode(image, { quality: 20 }), await codec.encode(image, { quality: 90 })];
  assert.ok(small.length < large.length / 2, `${small.length}, ${large.length}`);
  const [low, high] = [await codec.decode(small), await codec.decode(large)];
  assert.deepEqual([high.width, high.height, high.data.length], [150, 97, 4 * 150 * 97]);
  const [rough, fine] = [psnr(low.data, image.data), psnr(high.data, image.data)];
  assert.ok(rough > 25 && fine > rough + 5, `${rough} dB, ${fine} dB`);
  assert.deepEqual(await codec.encode(image, { quality: 20 }), small);
});

test("a picture without loss, with alpha and metadata", async () => {
  const image = picture(61, 40, (x, y) => (x * y) % 256);
  const exif = new Uint8Array([0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
  const file = await codec.encode(image, { lossless: true, metadata: { exif } });
  const back = await codec.decodePicture(file);
  assert.deepEqual(back.data, image.data);
  assert.deepEqual(back.metadata, [{ name: "exif", bytes: exif }]);
  assert.equal(back.alpha, true);
  // Turned to the right: the first column, from below, is the first row.
  assert.equal(wavern.orientation(back), 6);
  const turned = wavern.upright(back);
  assert.deepEqual([turned.width, turned.height], [40, 61]);
  const pixel = (from, at) => [...from.data.subarray(4 * at, 4 * at + 4)];
  assert.deepEqual(pixel(turned, 0), pixel(image, 39 * 61));
});

test("every target and tune", async () => {
  const image = picture(128, 96);
  const bytes = await codec.encode(image, { bytes: 900 });
  assert.ok(bytes.length <= 900 && bytes.length > 500, `${bytes.length}`);
  const good = await codec.encode(image, { psnr: 38 });
  assert.ok(psnr((await codec.decode(good)).data, image.data) >= 38);
  for (const tune of ["psnr", "visual", "fast"]) {
    const info = await codec.probe(await codec.encode(image, { tune, quality: 40 }));
    assert.equal(info.weights, wavern.weightsIds[tune]);
  }
  const parts = [];
  await codec.encode(image, { effort: 2, onProgress: (part) => parts.push(part) });
  assert.ok(parts.length > 1 && parts.at(-1) <= 1, `${parts}`);
});

test("regions and scales", async () => {
  const file = await codec.encode(picture(90, 70));
  const whole = await codec.decode(file);
  const part = await codec.decode(file, { region: { x: 30, y: 20, width: 15, height: 10 } });
  assert.deepEqual([part.width, part.height], [15, 10]);
  for (let y = 0; y < 10; y++) {
    const from = 4 * ((20 + y) * 90 + 30);
    assert.deepEqual(part.data.subarray(60 * y, 60 * (y + 1)), whole.data.subarray(from, from + 60));
  }
  assert.equal((await codec.decode(file, { scale: 4 })).width, 23);
});

test("a sound there and back", async () => {
  const channel = (hertz) => Float32Array.from({ length: 9000 }, (_, at) => 0.4 * Math.sin((at / 22050) * hertz * 6.28));
  const sound = { sampleRate: 22050, channels: [channel(440), channel(880)] };
  const file = await codec.encodeAudio(sound, { quality: 70 });
  const back = await codec.decodeSound(file);
  assert.deepEqual([back.sampleRate, back.channels.length, back.channels[0].length], [22050, 2, 9000]);
  let [error, energy] = [0, 0];
  sound.channels[0].forEach((sample, at) => {
    error += (sample - back.channels[0][at]) ** 2;
    energy += sample ** 2;
  });
  assert.ok(error < energy / 100, `${error / energy}`);
  const exact = { sampleRate: 8000, channels: [Float32Array.from({ length: 500 }, (_, at) => (at % 99) / 32768)] };
  const again = await codec.decodeSound(await codec.encodeAudio(exact, { lossless: true }));
  assert.deepEqual(again.channels, exact.channels);
  assert.equal(again.format, "i16");
});

test("latents", async () => {
  const [{ y, z }] = await codec.latents(read("golden/picture-rgb.wvn"));
  // 40 × 30 pixels: positions of 16, and of 64.
  assert.deepEqual([y.shape, y.data.length], [[2, 3, y.shape[2]], 6 * y.shape[2]]);
  assert.deepEqual(z.shape.slice(0, 2), [1, 1]);
  assert.ok(y.data.some((symbol) => symbol !== 0));
  await assert.rejects(codec.latents(read("golden/picture-lossless-rgb.wvn")), { kind: "option" });
});

test("what is left of a damaged picture", async () => {
  const file = await codec.encode(picture(600, 300), { tileSide: 256 });
  file[file.length >> 1] ^= 0xff;
  await assert.rejects(codec.decode(file), { kind: "format" });
  const { damage, width } = await codec.decodePicture(file, { partial: true });
  assert.equal(width, 600);
  assert.ok(damage.lost >= 1 && damage.faults.length + damage.lost > 0);
});

test("an aborted call rejects with its reason", async () => {
  const abort = new AbortController();
  abort.abort(new Error("not wanted"));
  await assert.rejects(codec.decode(read("golden/picture-rgb.wvn"), { signal: abort.signal }), /not wanted/);
  assert.equal((await codec.decode(read("golden/picture-rgb.wvn"))).width, 40);
});

test("weights are fetched once, and must be those that were asked for", async () => {
  const asked = [];
  const load = wavern.weightsIn(new URL("../dist/weights/", import.meta.url));
  const counted = new wavern.Wavern({ weights: (id) => (asked.push(id), load(id)) });
  await counted.decode(read("golden/picture-lossless-rgb.wvn"));
  await Promise.all([1, 2].map(() => counted.decode(read("golden/picture-rgb.wvn"))));
  assert.deepEqual(asked.filter((id) => id === wavern.weightsIds.psnr), [wavern.weightsIds.psnr]);
  const wrong = new wavern.Wavern({ weights: () => load(wavern.weightsIds.audio) });
  await assert.rejects(wrong.decode(read("golden/picture-rgb.wvn")), { kind: "weights" });
});

test("the functions share a codec", async () => {
  const image = await wavern.decode(read("golden/picture-rgb.wvn"));
  assert.deepEqual([image.width, image.height], [40, 30]);
  const info = await wavern.probe(read("golden/sound-mono-i24.wvn"));
  assert.deepEqual([info.kind, info.format, info.sampleRate], ["audio", "i24", 22050]);
});

test("the examples of the texts run as they stand", async () => {
  for (const [at, page] of ["../README.md", "../../docs/embedding.md"].entries()) {
    const text = readFileSync(new URL(page, import.meta.url), "utf8");
    const example = /```js\n([^]*?)```/.exec(text)[1];
    assert.match(example, /from "wavern"/);
    // Inside the package its own name means the package.
    const file = new URL(`../dist/example-${at}.mjs`, import.meta.url);
    const image = "const imageData = { width: 16, height: 8, data: new Uint8ClampedArray(512).fill(200) };";
    writeFileSync(file, `${image}\n${example}\nexport { file, picture };`);
    const { file: coded, picture: decoded } = await import(file);
    assert.equal(coded[0], 0x97);
    assert.deepEqual([decoded.width, decoded.height], [16, 8]);
  }
});
