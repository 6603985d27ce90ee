// The second half of ./build: from TypeScript and weights to dist/ and dist/page/. The modules are in dist/ already.

import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const weights = {
  psnr: "../models/image.safetensors",
  visual: "../models/image-visual.safetensors",
  fast: "../models/fast/image-fast.safetensors",
  lossless: "../models/lossless.safetensors",
  audio: "../models/audio.safetensors",
};

const bundle = async (entry, options = {}) => {
  const base = { bundle: true, write: false, target: "es2022", charset: "utf8", legalComments: "none", ...options };
  return (await build({ entryPoints: [entry], ...base })).outputFiles[0].text;
};

/** Ids as the library computes them, which also shows that it takes these files. */
async function idsOf(files) {
  const code = await bundle("js/instance.ts", { format: "esm" });
  const { Answerer } = await import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`);
  const answerer = new Answerer(new WebAssembly.Module(readFileSync("dist/wavern.wasm")));
  const id = (file) => answerer.answer({ op: "weights" }, readFileSync(file)).head.id;
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, id(file)]));
}

const ids = await idsOf(weights);
const define = { WEIGHTS: JSON.stringify(ids) };

// The package: each file for itself, and one for workers of pages.
const sources = readdirSync("js").map((name) => `js/${name}`);
const page = ["js/service-worker.ts"];
await build({
  entryPoints: sources.filter((name) => !page.includes(name)),
  outdir: "dist",
  format: "esm",
  target: "es2022",
  charset: "utf8",
  define,
});
const classic = { format: "iife", define: { ...define, "import.meta.url": "location.href" } };
writeFileSync("dist/service-worker.js", await bundle("js/service-worker.ts", classic));
mkdirSync("dist/weights", { recursive: true });
for (const [name, file] of Object.entries(weights)) cpSync(file, `dist/weights/${ids[name]}.safetensors`);

// The page. From a disk (file:) a browser loads neither modules nor workers nor bytes, but it runs scripts: so the page
// is one classic script with its worker inside, and what it fetches elsewhere also lies beside it as a script.
const worker = await bundle("js/worker.ts", { format: "iife", minify: true });
const pageDefine = { ...classic.define, WORKER: JSON.stringify(worker) };
mkdirSync("dist/page/weights", { recursive: true });
writeFileSync("dist/page/page.js", await bundle("page/page.ts", { ...classic, minify: true, define: pageDefine }));
for (const name of ["index.html", "page.css"]) cpSync(`page/${name}`, `dist/page/${name}`);
const assets = {
  "wavern.wasm": "dist/wavern.wasm",
  "wavern-baseline.wasm": "dist/wavern-baseline.wasm",
  "photo.png": "../testdata/photo.png",
  ...Object.fromEntries(
    Object.entries(weights).map(([name, file]) => [`weights/${ids[name]}.safetensors`, file]),
  ),
};
for (const [name, file] of Object.entries(assets)) {
  cpSync(file, `dist/page/${name}`);
  const text = readFileSync(file).toString("base64");
  writeFileSync(`dist/page/${name}.js`, `wavernAsset(${JSON.stringify(name)},"${text}");\n`);
}
