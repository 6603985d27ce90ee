// How a large picture is shared between workers, and that the order of rows is kept.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bands, InOrder } from "../dist/bands.js";
import { codecOf, picture } from "./support.mjs";

test("bands cover the rows, one after the other", () => {
  for (const [width, y, height, most] of [
    [1632, 0, 1224, 2],
    [1632, 0, 1224, 4],
    [4000, 37, 2900, 3],
    [65535, 5, 17, 4],
    [100, 0, 100, 4],
    [1, 0, 1, 1],
  ]) {
    const parts = bands(width, y, height, most);
    assert.ok(parts.length >= 1 && parts.length <= most);
    let next = y;
    for (const part of parts) {
      assert.equal(part.y, next);
      assert.ok(part.height > 0 && (part.y === y || part.y % 16 === 0));
      next += part.height;
    }
    assert.equal(next, y + height);
  }
  assert.equal(bands(1632, 0, 1224, 2).length, 2);
  assert.equal(bands(100, 0, 100, 4).length, 1);
});

test("parts are heard in order, whenever they come", () => {
  const heard = [];
  const inOrder = new InOrder(3, (part) => heard.push(part));
  inOrder.push(2, "e");
  inOrder.push(0, "a");
  inOrder.end(2);
  inOrder.push(1, "c");
  inOrder.push(0, "b");
  assert.deepEqual(heard, ["a", "b"]);
  inOrder.end(0);
  assert.deepEqual(heard, ["a", "b", "c"]);
  inOrder.push(1, "d");
  inOrder.end(1);
  assert.deepEqual(heard, ["a", "b", "c", "d", "e"]);
});

test("bands are the rows of the picture", async () => {
  const codec = codecOf("wavern.wasm");
  const [width, height] = [512, 1040];
  const file = await codec.encode(picture(width, height, (x, y) => (x * y) % 256), { tileSide: 512 });
  const whole = await codec.decode(file);
  const parts = [];
  for (const { y, height: own } of bands(width, 0, height, 2)) {
    const part = await codec.decode(file, { region: { x: 0, y, width, height: own } });
    parts.push(Buffer.from(part.data));
  }
  assert.equal(parts.length, 2);
  assert.ok(Buffer.concat(parts).equals(Buffer.from(whole.data)));
});
