// A sound: beside what Wavern makes of it, or from a file, alone.

import type { FileInfo, Sound } from "../js/types.js";
import { codec } from "./assets.js";
import { bytes, digits, length, time } from "./text.js";
import { busy, type Fact, find, idle, Latest, offer, type Settings, showFacts, stem, told, withdraw } from "./view.js";
import { writeWav } from "./wav.js";

type SoundFile = Extract<FileInfo, { kind: "audio" }>;

const audio = find<HTMLAudioElement>("#audio");
const wave = find<HTMLCanvasElement>("#wave");
const which = find<HTMLFieldSetElement>("#which");

/** What the page lets one hear of a sound. */
export class SoundView {
  readonly name: string;
  readonly #file: Blob;
  /** What is to be coded; a file that was opened has none. */
  readonly #sound: Sound | undefined;
  readonly #abort = new AbortController();
  readonly #jobs = new Latest();
  readonly #addresses: { original?: string; restored?: string } = {};

  private constructor(file: Blob, name: string, sound?: Sound) {
    this.name = name;
    this.#file = file;
    this.#sound = sound;
  }

  static ofSound(sound: Sound, file: Blob, name: string): SoundView {
    return new SoundView(file, name, sound);
  }

  static ofFile(file: Blob, name: string, _info: SoundFile): SoundView {
    return new SoundView(file, name);
  }

  /** Whether there is something to be coded. */
  get encodes(): boolean {
    return this.#sound !== undefined;
  }

  close(): void {
    this.#abort.abort(new DOMException("another file was opened", "AbortError"));
    audio.removeAttribute("src");
    for (const address of Object.values(this.#addresses)) URL.revokeObjectURL(address);
  }

  async start(settings: Settings): Promise<void> {
    find("#stage").hidden = true;
    find("#sound").hidden = false;
    which.hidden = this.#sound === undefined;
    which.addEventListener("input", () => this.#play(), { signal: this.#abort.signal });
    withdraw();
    if (this.#sound === undefined) return this.#show();
    draw(this.#sound);
    this.#addresses.original = URL.createObjectURL(writeWav(this.#sound));
    this.#facts();
    await this.change(settings);
  }

  change(settings: Settings): Promise<void> {
    return this.#jobs.run(() => this.#code(settings));
  }

  async #code({ quality, lossless }: Settings): Promise<void> {
    const sound = this.#sound!;
    busy("Encoding…");
    const options = told(this.#abort.signal);
    const how = lossless ? { lossless } : { quality };
    let [encoding, decoding] = [0, 0];
    const file = await codec.encodeAudio(sound, { ...options, ...how, onTime: (time) => (encoding = time) });
    busy("Decoding…");
    const decoded = await codec.decodeSound(file, { ...options, onTime: (time) => (decoding = time) });
    this.#facts({ size: file.length, encoding, decoding, noise: noise(sound, decoded) });
    this.#hear(decoded);
    offer(`Download ${bytes(file.length)}`, `${stem(this.name)}.wvn`, new Blob([file]));
    idle();
  }

  async #show(): Promise<void> {
    busy("Decoding…");
    let decoding = 0;
    const options = told(this.#abort.signal);
    const decoded = await codec.decodeSound(this.#file, { ...options, onTime: (time) => (decoding = time) });
    draw(decoded);
    const { seconds, kind } = about(decoded);
    showFacts([
      ["File", bytes(this.#file.size), rate(this.#file.size, seconds)],
      ["Sound", length(seconds), kind],
      ["Decoding", time(decoding), `${digits((1000 * seconds) / decoding)} × real time`],
    ]);
    const wav = this.#hear(decoded);
    offer(`Save as WAV, ${bytes(wav.size)}`, `${stem(this.name)}.wav`, wav);
    idle();
  }

  /** Makes a decoded sound what is heard; it goes on where it was. */
  #hear(decoded: Sound): Blob {
    const wav = writeWav(decoded);
    const before = this.#addresses.restored;
    this.#addresses.restored = URL.createObjectURL(wav);
    this.#play();
    if (before !== undefined) URL.revokeObjectURL(before);
    return wav;
  }

  #play(): void {
    const choice = which.querySelector<HTMLInputElement>(":checked")!.value as "original" | "restored";
    const address = this.#addresses[choice] ?? this.#addresses.restored;
    if (address === undefined || audio.src === address) return;
    const { currentTime, paused } = audio;
    audio.src = address;
    audio.currentTime = currentTime;
    if (!paused) void audio.play().catch(() => {});
  }

  #facts(result?: { size: number; encoding: number; decoding: number; noise: number }): void {
    const { seconds, kind } = about(this.#sound!);
    const original: Fact = ["Original", bytes(this.#file.size), `${length(seconds)}, ${kind}`];
    if (result === undefined) {
      return showFacts([original, ["Wavern", "–"], ["Signal to noise", "–"], ["Encoding", "–"], ["Decoding", "–"]]);
    }
    const { size, encoding, decoding, noise } = result;
    const speed = (milliseconds: number) => `${digits((1000 * seconds) / milliseconds)} × real time`;
    showFacts([
      original,
      ["Wavern", bytes(size), rate(size, seconds)],
      [
        "Signal to noise",
        Number.isFinite(noise) ? `${noise.toFixed(1)} dB` : "lossless",
        Number.isFinite(noise) ? "" : "every sample",
      ],
      ["Encoding", time(encoding), speed(encoding)],
      ["Decoding", time(decoding), speed(decoding)],
    ]);
  }
}

function about({ channels, sampleRate }: Sound): { seconds: number; kind: string } {
  const count = channels.length;
  const name = ["", "mono", "stereo"][count] ?? `${count} channels`;
  return { seconds: channels[0]!.length / sampleRate, kind: `${name}, ${sampleRate / 1000} kHz` };
}

function rate(size: number, seconds: number): string {
  return seconds > 0 ? `${digits((8 * size) / 1000 / seconds)} kbit/s` : "";
}

/** Energy of a sound over that of its error, in dB. */
function noise(sound: Sound, decoded: Sound): number {
  let [energy, error] = [0, 0];
  sound.channels.forEach((channel, c) => {
    const other = decoded.channels[c]!;
    for (let at = 0; at < channel.length; at++) {
      energy += channel[at]! ** 2;
      error += (channel[at]! - other[at]!) ** 2;
    }
  });
  return error === 0 ? Infinity : 10 * Math.log10(energy / error);
}

/** Draws the peaks of a sound. */
function draw({ channels }: Sound): void {
  const columns = Math.round(wave.clientWidth * devicePixelRatio);
  const rows = Math.round(wave.clientHeight * devicePixelRatio);
  Object.assign(wave, { width: columns, height: rows });
  const context = wave.getContext("2d")!;
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
  const frames = channels[0]!.length;
  for (let x = 0; x < columns; x++) {
    const [from, to] = [Math.floor((x * frames) / columns), Math.ceil(((x + 1) * frames) / columns)];
    let [low, high] = [0, 0];
    for (const channel of channels) {
      for (let at = from; at < to; at++) {
        low = Math.min(low, channel[at]!);
        high = Math.max(high, channel[at]!);
      }
    }
    const top = ((1 - Math.min(high, 1)) * rows) / 2;
    context.fillRect(x, top, 1, Math.max(1, ((high - low) * rows) / 2));
  }
}
