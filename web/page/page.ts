// The page: what is opened, and what becomes of it.

import { asset, codec } from "./assets.js";
import { setPixels } from "./compare.js";
import { PictureView } from "./picture.js";
import { SoundView } from "./sound.js";
import { problem } from "./text.js";
import { find, hideError, idle, showError } from "./view.js";
import { readWav } from "./wav.js";
import type { Sound } from "../js/types.js";

/** The first byte of a Wavern file, which no picture and no sound begins with. */
const WAVERN = 0x97;

const quality = find<HTMLInputElement>("#quality");
const lossless = find<HTMLInputElement>("#lossless");
const tune = find<HTMLSelectElement>("#tune");
const pixels = find<HTMLInputElement>("#pixels");
const input = find<HTMLInputElement>("#file");

let opened = 0;
let view: PictureView | SoundView | undefined;

/** Opens what somebody brought; what is there stays until it is known to be readable. */
async function open(file: Blob, name: string): Promise<void> {
  const mine = ++opened;
  hideError();
  let next: PictureView | SoundView | undefined;
  try {
    next = await read(file, name);
    if (mine !== opened) return next.close();
    view?.close();
    view = next;
    document.body.classList.add("working");
    document.body.classList.toggle("sound", view instanceof SoundView);
    find("#work").hidden = false;
    find("#controls").hidden = !view.encodes;
    await view.start(settings());
  } catch (error) {
    if (mine !== opened || (error instanceof DOMException && error.name === "AbortError")) return;
    idle();
    showError(problem(name, error));
    // What was there before stays, if the file could not even be read.
    if (next !== undefined && !next.encodes) clear();
  }
}

/** Takes away what could not be shown. */
function clear(): void {
  view?.close();
  view = undefined;
  document.body.classList.remove("working");
  find("#work").hidden = true;
}

/** A view of a picture or a sound, of whatever kind the file is. */
async function read(file: Blob, name: string): Promise<PictureView | SoundView> {
  const start = new Uint8Array(await file.slice(0, 1).arrayBuffer());
  if (start[0] === WAVERN) {
    const info = await codec.probe(file);
    return info.kind === "image" ? PictureView.ofFile(file, name, info) : SoundView.ofFile(file, name, info);
  }
  const bitmap = await createImageBitmap(file).catch(() => undefined);
  if (bitmap !== undefined) return PictureView.ofBitmap(bitmap, file, name);
  const sound = await readSound(file);
  if (sound !== undefined && sound.channels[0]!.length > 0) return SoundView.ofSound(sound, file, name);
  // Says what it begins with, as for any file that is not ours.
  await codec.probe(file);
  throw new Error("it cannot be read");
}

/** A sound of any format that the browser reads; of WAV files, the very samples. */
async function readSound(file: Blob): Promise<Sound | undefined> {
  const bytes = await file.arrayBuffer();
  const wav = readWav(bytes);
  if (wav !== undefined) return wav;
  const context = new OfflineAudioContext(1, 1, 48_000);
  const buffer = await context.decodeAudioData(bytes).catch(() => undefined);
  if (buffer === undefined) return undefined;
  const channel = (_: unknown, at: number) => new Float32Array(buffer.getChannelData(at));
  return { sampleRate: buffer.sampleRate, channels: Array.from({ length: buffer.numberOfChannels }, channel) };
}

function settings() {
  return {
    quality: Number(quality.value),
    lossless: lossless.checked,
    tune: tune.value as "psnr" | "visual" | "fast",
  };
}

function change(): void {
  find<HTMLOutputElement>("#shown").value = lossless.checked ? "–" : quality.value;
  quality.disabled = lossless.checked;
  tune.disabled = lossless.checked;
  hideError();
  view?.change(settings()).catch((error: unknown) => {
    idle();
    showError(problem(view!.name, error));
  });
}

for (const control of [quality, lossless, tune]) control.addEventListener("input", change);
pixels.addEventListener("input", () => setPixels(pixels.checked));
find("#controls").addEventListener("submit", (event) => event.preventDefault());

input.addEventListener("change", () => {
  const file = input.files?.[0];
  if (file !== undefined) void open(file, file.name);
  input.value = "";
});

find("#sample").addEventListener("click", () => {
  asset("photo.png").then(
    (bytes) => open(new Blob([bytes], { type: "image/png" }), "photo.png"),
    (error: unknown) => showError(problem("photo.png", error)),
  );
});

// Dropped anywhere, or pasted.
const drop = find("#drop");
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.hidden = !event.dataTransfer?.types.includes("Files");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) drop.hidden = true;
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.hidden = true;
  const file = event.dataTransfer?.files[0];
  if (file !== undefined) void open(file, file.name);
});
document.addEventListener("paste", (event) => {
  const file = event.clipboardData?.files[0];
  if (file !== undefined) void open(file, file.name || "pasted.png");
});

document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLSelectElement || event.target instanceof HTMLAudioElement;
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { "+": 5, "=": 5, "-": -5 }[event.key];
  if (event.key === "o") input.click();
  else if (view === undefined) return;
  else if (event.key === "d") find("#download").click();
  else if (!view.encodes) return;
  else if (event.key === "z") pixels.click();
  else if (step !== undefined && !lossless.checked) {
    quality.value = String(Number(quality.value) + step);
    change();
  }
});
