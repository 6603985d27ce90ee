// The page and the package in a real Chromium, from a server and from a disk: what a person does, and what it must not do.
//
// With WAVERN_SCREENSHOTS=DIR it leaves pictures of the page there.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { codecOf, picture, read } from "./support.mjs";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const photo = fileURLToPath(new URL("../../testdata/photo.png", import.meta.url));
const recording = fileURLToPath(new URL("../../testdata/sound.wav", import.meta.url));
const golden = (name) => fileURLToPath(new URL(`../../testdata/golden/${name}`, import.meta.url));
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const profile = mkdtempSync(join(tmpdir(), "wavern-page-"));
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };

let browser, server, origin;

before(async () => {
  server = createServer((request, response) => {
    const path = join(dist, new URL(request.url, "http://x").pathname);
    if (pages.has(request.url)) return response.setHeader("content-type", "text/html").end(pages.get(request.url));
    if (files.has(request.url)) return response.end(files.get(request.url));
    if (!existsSync(path)) return response.writeHead(404).end();
    response.setHeader("content-type", types[extname(path)] ?? "application/octet-stream");
    response.end(readFileSync(path));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
  browser = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args });
});

after(async () => {
  await browser?.close();
  server?.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
});

/** Pages and files of tests, by address. */
const pages = new Map();
const files = new Map();

/** A page that fails the test if it says an error or asks anybody else. */
async function opened(address, { width = 1280, height = 900, colorScheme = "light" } = {}) {
  const page = await browser.newPage();
  page.setDefaultTimeout(30_000);
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme });
  page.complaints = [];
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    const own = url.startsWith(origin) || url.startsWith(pathToFileURL(dist).href) || /^(blob|data):/.test(url);
    if (!own) page.complaints.push(`asked for ${url}`);
  });
  await page.goto(address);
  return page;
}

async function screenshot(page, name) {
  const folder = process.env.WAVERN_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** Waits until nothing is going on, and what the page says under a heading. */
async function settled(page, heading) {
  const value = page.locator("#facts div", { has: page.locator("dt", { hasText: heading }) }).locator("dd");
  await value.filter({ hasNotText: "–" }).waitFor();
  await page.locator("#status progress").waitFor({ state: "hidden" });
  return value.innerText();
}

/** The sum of what layout shifts there were without a hand at the page. */
const shifts = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        let sum = 0;
        const observer = new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
        });
        observer.observe({ type: "layout-shift", buffered: true });
        setTimeout(() => resolve(sum), 50);
      }),
  );

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A hash of the pixels of a canvas, as RGBA. */
const canvasHash = (page, selector) =>
  page.$eval(selector, async (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  });

/** RGBA of a golden file, from the samples beside it. */
function goldenRgba(name, channels) {
  const numbers = new Uint16Array(read(`golden/${name}.u16`).buffer);
  const rgba = new Uint8Array((numbers.length / channels) * 4).fill(255);
  for (let at = 0; at < rgba.length; at++) {
    if (at % 4 < 3) rgba[at] = numbers[Math.floor(at / 4) * channels + Math.min(at % 4, channels - 1)] / 257;
  }
  return rgba;
}

for (const [where, address] of [
  ["from a server", () => `${origin}/page/index.html`],
  ["from a disk", () => pathToFileURL(join(dist, "page/index.html")).href],
]) {
  test(`the page ${where}`, async (t) => {
    const page = await opened(address());
    const name = (what) => `${where.replaceAll(" ", "-")}-${what}`;
    await screenshot(page, name("start"));

    await t.test("a photograph", async () => {
      await page.setInputFiles("#file", photo);
      const psnr = Number.parseFloat(await settled(page, "PSNR"));
      assert.ok(psnr > 28 && psnr < 45, `${psnr} dB`);
      await screenshot(page, name("photo"));
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
      assert.equal(download.suggestedFilename(), "photo.wvn");
      const file = readFileSync(await download.path());
      // The file decodes elsewhere to what the page shows.
      const { data } = await codecOf("wavern.wasm").decode(file);
      assert.equal(hash(data), await canvasHash(page, "#restored"));
    });

    await t.test("another quality, by keys", async () => {
      const before = await page.locator("#download").innerText();
      await page.keyboard.press("-");
      await page.keyboard.press("-");
      assert.equal(await page.inputValue("#quality"), "50");
      await page.waitForFunction((text) => document.querySelector("#download").textContent !== text, before);
      await settled(page, "PSNR");
      await page.focus("#divider");
      await page.keyboard.press("Home");
      await page.keyboard.press("ArrowRight");
      assert.equal(await page.getAttribute("#divider", "aria-valuenow"), "2");
    });

    await t.test("without loss", async () => {
      await page.check("#lossless");
      await page.locator("#facts dd", { hasText: "every pixel" }).waitFor();
      await settled(page, "PSNR");
      assert.equal(await canvasHash(page, "#restored"), await canvasHash(page, "#original"));
      await page.uncheck("#lossless");
      await settled(page, "PSNR");
    });

    await t.test("a Wavern file, to the pixel", async () => {
      await page.setInputFiles("#file", golden("picture-rgb.wvn"));
      await settled(page, "Decoding");
      assert.equal(await canvasHash(page, "#restored"), hash(goldenRgba("picture-rgb", 3)));
      await page.locator("#download", { hasText: "PNG" }).waitFor();
    });

    await t.test("a sound", async () => {
      await page.setInputFiles("#file", recording);
      const noise = Number.parseFloat(await settled(page, "Signal to noise"));
      assert.ok(noise > 3 && noise < 60, `${noise} dB`);
      await page.locator("#which label", { hasText: "Original" }).click();
      const seconds = await page.$eval("#audio", (audio) =>
        audio.readyState > 0 ? audio.duration : new Promise((r) => (audio.onloadedmetadata = () => r(audio.duration))),
      );
      assert.ok(seconds > 1, `${seconds} s`);
      await screenshot(page, name("sound"));
      await page.setInputFiles("#file", golden("sound-stereo-i16.wvn"));
      await page.locator("#download", { hasText: "WAV" }).waitFor();
    });

    await t.test("what is no file of ours", async () => {
      const text = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("Not a picture at all.") };
      await page.setInputFiles("#file", text);
      await page.locator("#error", { hasText: "notes.txt is not a Wavern file" }).waitFor();
      await screenshot(page, name("error"));
      const hostile = fileURLToPath(new URL("../../testdata/hostile/unknown-weights.wvn", import.meta.url));
      await page.setInputFiles("#file", hostile);
      await page.locator("#error", { hasText: /needs weights [0-9a-f]{12}, which are not here/ }).waitFor();
      // That a file of weights is not there is what the browser itself says.
      page.complaints = page.complaints.filter((text) => !/404|ERR_FILE_NOT_FOUND/.test(text));
      assert.equal(await page.isVisible("#work"), false);
      await page.setInputFiles("#file", golden("picture-gray.wvn"));
      await settled(page, "Decoding");
      assert.equal(await page.isVisible("#error"), false);
    });

    assert.ok((await shifts(page)) < 0.02, `layout moved by ${await shifts(page)}`);
    assert.deepEqual(page.complaints, []);
    await page.close();
  });
}

test("400 pixels wide, dark", async () => {
  const page = await opened(`${origin}/page/index.html`, { width: 400, height: 800, colorScheme: "dark" });
  await screenshot(page, "narrow-start");
  await page.click("#sample");
  await settled(page, "PSNR");
  await screenshot(page, "narrow-photo");
  const { scrollWidth, clientWidth } = await page.evaluate(() => document.documentElement);
  const [wide, narrow] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(wide <= narrow, `${wide} pixels on a screen of ${narrow} (${scrollWidth}, ${clientWidth})`);
  const small = await page.$$eval("button, .button, select, #quality", (all) =>
    all.filter((e) => e.offsetParent && e.getBoundingClientRect().height < 40).map((e) => e.outerHTML.slice(0, 60)),
  );
  assert.deepEqual(small, [], "too small for a finger");
  const box = await page.locator("#frame").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 4, box.y + 30, { steps: 4 });
  await page.mouse.up();
  assert.ok(Math.abs(Number(await page.getAttribute("#divider", "aria-valuenow")) - 25) <= 1);
  await page.setInputFiles("#file", recording);
  await settled(page, "Signal to noise");
  await screenshot(page, "narrow-sound");
  assert.deepEqual(page.complaints, []);
  await page.close();
});

test("the package: a worker, an element, rows while they come", async () => {
  const file = await codecOf("wavern.wasm").encode(picture(1632, 1224));
  files.set("/large.wvn", file);
  files.set("/small.wvn", read("golden/picture-rgb.wvn"));
  files.set("/broken.wvn", read("golden/picture-rgb.wvn").subarray(0, 100));
  pages.set("/element", `<!doctype html><title>t</title><link rel="icon" href="data:,">
    <script type="module" src="/element.js"></script>
    <wavern-img id="small" src="/small.wvn" alt="Stripes" width="80" height="60"></wavern-img>
    <wavern-img id="broken"></wavern-img>`);
  const page = await opened(`${origin}/element`);
  await page.waitForFunction(() => document.querySelector("#small")?.complete);
  const shown = await page.$eval("#small", (element) => {
    const canvas = element.shadowRoot.querySelector("canvas");
    const { width, height } = canvas.getBoundingClientRect();
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return { data: [...data], width, height, role: element.role ?? element.getAttribute("role"), label: element.ariaLabel };
  });
  assert.equal(hash(Uint8Array.from(shown.data)), hash(goldenRgba("picture-rgb", 3)));
  assert.deepEqual([shown.width, shown.height, shown.role, shown.label], [80, 60, "img", "Stripes"]);
  const kind = await page.$eval("#broken", (element) => {
    const failed = new Promise((resolve) => element.addEventListener("error", (event) => resolve(event.detail.kind)));
    element.src = "/broken.wvn";
    element.setAttribute("src", "/broken.wvn");
    return failed;
  });
  assert.equal(kind, "format");

  const result = await page.evaluate(async () => {
    const { decode, latents, Wavern, WavernError } = await import("/index.js");
    const bytes = await (await fetch("/large.wvn")).arrayBuffer();
    const hashed = async ({ data }) => {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
      return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    };
    // The same by different numbers of workers; the first time, each fetches and starts what it needs.
    const shared = [];
    for (const workers of [1, 2, 4]) {
      const codec = new Wavern({ workers });
      await codec.decode(bytes);
      const [start, tops] = [performance.now(), []];
      const image = await codec.decode(bytes, { onRows: ({ y }) => tops.push(y) });
      const time = performance.now() - start;
      const part = await codec.decode(bytes, { region: { x: 33, y: 7, width: 1500, height: 1100 } });
      shared.push({ workers, time, tops, hash: await hashed(image), part: await hashed(part) });
      const broken = await codec.decode(bytes.slice(0, bytes.byteLength - 9)).catch((error) => error);
      shared.at(-1).kind = broken.kind;
      codec.close();
    }
    await decode(await (await fetch("/small.wvn")).arrayBuffer());
    const parts = [];
    // The page goes on while the worker works.
    let frames = 0;
    const count = () => (frames++, requestAnimationFrame(count));
    requestAnimationFrame(count);
    const start = performance.now();
    const image = await decode(bytes, { onRows: ({ y }) => parts.push([y, performance.now() - start]) });
    const total = performance.now() - start;
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 30);
    const stopped = await decode(bytes, { signal: abort.signal }).then(() => "not stopped", (error) => error.name);
    const symbols = await latents(bytes);
    const error = await decode(new Uint8Array(3)).catch((error) => error);
    return {
      parts, total, frames, stopped, shared, isImageData: image instanceof ImageData, y: symbols[0].y.shape,
      isError: error instanceof WavernError && error instanceof Error, hash: await hashed(image),
    };
  });
  const { data } = await codecOf("wavern.wasm").decode(file);
  assert.equal(result.hash, hash(data));
  assert.ok(result.isImageData && result.isError);
  assert.equal(result.stopped, "AbortError");
  assert.deepEqual(result.y.slice(0, 2), [77, 102]);
  assert.ok(result.frames > 5, `${result.frames} frames`);
  for (const { workers, time, tops, kind, ...one } of result.shared) {
    console.log(`2 megapixels, ${workers} workers: ${time.toFixed(0)} ms`);
    assert.deepEqual([one.hash, one.part, kind], [hash(data), result.shared[0].part, "format"], `${workers} workers`);
    assert.deepEqual(tops, tops.toSorted((a, b) => a - b));
  }
  const { parts, total } = result;
  assert.ok(parts.length > 4 && parts[0][1] < 0.8 * total, `first rows after ${parts[0]?.[1]} of ${total} ms`);
  console.log(`2 megapixels: ${total.toFixed(0)} ms, first rows after ${parts[0][1].toFixed(0)} ms`);
  assert.deepEqual(page.complaints, []);
  await page.close();
});

test("a service worker shows .wvn in <img>", async () => {
  files.set("/small.wvn", read("golden/picture-rgb.wvn"));
  pages.set("/images", `<!doctype html><title>t</title><link rel="icon" href="data:,">`);
  const page = await opened(`${origin}/images`);
  const pixels = await page.evaluate(async () => {
    await navigator.serviceWorker.register("/service-worker.js");
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) {
      await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve));
    }
    const image = new Image();
    image.src = "/small.wvn";
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return [...context.getImageData(0, 0, image.width, image.height).data];
  });
  assert.equal(hash(Uint8Array.from(pixels)), hash(goldenRgba("picture-rgb", 3)));
  assert.deepEqual(page.complaints, []);
  await page.close();
});
