// Whatever the bytes are, the answer is a result or a WavernError, soon; and the next call works.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Answerer } from "../dist/instance.js";
import { WavernError } from "../dist/index.js";
import { readFileSync } from "node:fs";
import { codecOf, Dice, files, mutated, read } from "./support.mjs";

const SOON_MS = 20_000;

/** Reads a file, which gives a result or an error of this package that is not a failure of it. */
async function outcome(call, name) {
  const start = performance.now();
  const outcome = await call().then(
    () => "result",
    (error) => error,
  );
  assert.ok(performance.now() - start < SOON_MS, `${name}: not soon`);
  if (outcome === "result") return outcome;
  assert.ok(outcome instanceof WavernError, `${name}: ${outcome}`);
  assert.notEqual(outcome.kind, "internal", `${name}: ${outcome.message}`);
  assert.ok(outcome.message.length > 10, name);
  return outcome;
}

/** What is left of some hostile files are pictures that take half a minute. */
const partial = { partial: true, limits: { pixels: 1 << 18 } };

test("hostile files", async () => {
  const codec = codecOf("wavern.wasm");
  const names = files("hostile");
  for (const name of names) {
    const file = read(`hostile/${name}`);
    assert.notEqual(await outcome(() => codec.decodePicture(file), name), "result", `${name} was accepted`);
    assert.notEqual(await outcome(() => codec.decodeSound(file), name), "result", `${name} was accepted`);
    await outcome(() => codec.decodePicture(file, partial), name);
    await outcome(() => codec.decodeSound(file, partial), name);
  }
  console.log(`${names.length} hostile files refused`);
});

test("2,000 damaged golden files", async () => {
  const codecs = [codecOf("wavern.wasm"), codecOf("wavern-baseline.wasm")];
  const dice = new Dice(1n);
  const names = files("golden");
  let [intact, refused] = [0, 0];
  for (let copy = 0; copy < 2000; copy++) {
    const name = names[copy % names.length];
    const bytes = mutated(read(`golden/${name}`), dice);
    const codec = codecs[Number(copy % 50 === 49)];
    const decode = name.startsWith("picture") ? "decodePicture" : "decodeSound";
    if ((await outcome(() => codec[decode](bytes), `${name}, copy ${copy}`)) === "result") intact++;
    else refused++;
    if (copy % 8 === 0) await outcome(() => codec[decode](bytes, partial), `${name}, copy ${copy}, in part`);
  }
  console.log(`${intact} read, ${refused} refused`);
  assert.ok(intact > 0 && refused > 1000);
});

test("an error says what, and where", async () => {
  const codec = codecOf("wavern.wasm");
  const file = read("golden/picture-rgb.wvn");
  await assert.rejects(codec.decode(new TextEncoder().encode("GIF89a, not ours")), { kind: "format", offset: 0 });
  await assert.rejects(codec.decode(file.subarray(0, 20)), (error) => error.kind === "format" && error.offset > 0);
  await assert.rejects(codec.decodeSound(file), { name: "WavernError", kind: "kind" });
  await assert.rejects(codec.decode(file, { limits: { pixels: 100 } }), { kind: "limit" });
  await assert.rejects(codec.decode(file, { scale: 3 }), { kind: "option", option: "scale" });
  await assert.rejects(codec.decode(file, { region: { x: 39, y: 0, width: 2, height: 1 } }), { kind: "option" });
  await assert.rejects(codec.decode(read("hostile/unknown-weights.wvn")), (error) => {
    assert.equal(error.kind, "weights");
    assert.match(error.message, /^weights [0-9a-f]{12} are not here/);
    return true;
  });
});

test("a trap does not poison the next call", () => {
  // An instance whose next call gets a pointer beyond its memory: WebAssembly traps, in the middle of a call.
  const Real = WebAssembly.Instance;
  let broken = false;
  WebAssembly.Instance = function (module, imports) {
    const { exports } = new Real(module, imports);
    const wavern_call = (head, ...rest) => exports.wavern_call(broken ? 0xffff0000 : head, ...rest);
    return { exports: { ...exports, wavern_call } };
  };
  try {
    const file = new URL("../dist/wavern.wasm", import.meta.url);
    const answerer = new Answerer(new WebAssembly.Module(readFileSync(file)));
    const probe = () => answerer.answer({ op: "probe" }, read("golden/picture-rgb.wvn")).head.width;
    assert.equal(probe(), 40);
    broken = true;
    assert.throws(probe, (error) => error instanceof WavernError && error.kind === "internal");
    broken = false;
    assert.equal(probe(), 40);
    // Whoever hears of the rows fails, and leaves the module in the middle of its work.
    const rows = () => {
      throw new Error("not my rows");
    };
    const picture = read("golden/picture-lossless-rgb.wvn");
    const weights = readFileSync(new URL("../../models/lossless.safetensors", import.meta.url));
    answerer.answer({ op: "weights" }, weights);
    assert.throws(() => answerer.answer({ op: "decode" }, picture, { rows }), /failed \(not my rows\)/);
    assert.equal(probe(), 40);
    // It begins anew, without the weights that it had.
    assert.throws(() => answerer.answer({ op: "decode" }, picture), { kind: "weights" });
    answerer.answer({ op: "weights" }, weights);
    assert.equal(answerer.answer({ op: "decode" }, picture).head.height, 30);
  } finally {
    WebAssembly.Instance = Real;
  }
});
