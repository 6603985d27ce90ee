// How much longer the module takes to decode a picture of two megapixels than the command with AVX2 on one thread:
//
//   node test/speed.mjs TARGET/release/wavern
//
// The two take turns, and the best of each counts. The time of the command includes its start and what it writes, some
// hundredths. More than four times as long is a failure.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { codecOf, picture } from "./support.mjs";

const MOST = 4;
const TURNS = 4;

const command = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), "wavern-speed-"));
try {
  const codec = codecOf("wavern.wasm");
  const file = await codec.encode(picture(1632, 1224));
  const path = join(folder, "picture.wvn");
  writeFileSync(path, file);
  const best = { module: Infinity, command: Infinity };
  const env = { ...process.env, WAVERN_CPU: "avx2" };
  for (let turn = 0; turn < TURNS; turn++) {
    await codec.decode(file, { onTime: (time) => (best.module = Math.min(best.module, time)) });
    const start = performance.now();
    execFileSync(command, ["decode", "-f", "-j", "1", "--quiet", path, join(folder, "picture.ppm")], { env });
    best.command = Math.min(best.command, performance.now() - start);
  }
  const ratio = best.module / best.command;
  const load = loadavg()[0].toFixed(1);
  console.log(`${cpus()[0].model}, load ${load}; 1632 × 1224 pixels at quality 60, ${file.length} bytes`);
  console.log(`module ${best.module.toFixed(0)} ms, command ${best.command.toFixed(0)} ms: ${ratio.toFixed(2)} times`);
  process.exitCode = ratio <= MOST ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
