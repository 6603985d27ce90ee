// A picture: beside what Wavern makes of it, or from a file, alone.

import { orientation, upright } from "../js/orientation.js";
import type { FileInfo } from "../js/types.js";
import { codec } from "./assets.js";
import { original, prepare, psnr, restored } from "./compare.js";
import { bytes, digits, time } from "./text.js";
import { busy, type Fact, find, idle, Latest, offer, type Settings, showFacts, stem, told, withdraw } from "./view.js";

type PictureFile = Extract<FileInfo, { kind: "image" }>;

/** What the page shows of a picture. */
export class PictureView {
  readonly name: string;
  readonly #file: Blob;
  /** What is to be coded; a file that was opened has none. */
  readonly #bitmap: ImageBitmap | undefined;
  readonly #info: PictureFile | undefined;
  readonly #abort = new AbortController();
  readonly #jobs = new Latest();
  #pixels: ImageData | undefined;

  private constructor(file: Blob, name: string, bitmap?: ImageBitmap, info?: PictureFile) {
    this.name = name;
    this.#file = file;
    this.#bitmap = bitmap;
    this.#info = info;
  }

  static ofBitmap(bitmap: ImageBitmap, file: Blob, name: string): PictureView {
    return new PictureView(file, name, bitmap);
  }

  static ofFile(file: Blob, name: string, info: PictureFile): PictureView {
    return new PictureView(file, name, undefined, info);
  }

  /** Whether there is something to be coded. */
  get encodes(): boolean {
    return this.#bitmap !== undefined;
  }

  close(): void {
    this.#abort.abort(new DOMException("another file was opened", "AbortError"));
    this.#bitmap?.close();
  }

  async start(settings: Settings): Promise<void> {
    find("#sound").hidden = true;
    withdraw();
    if (this.#bitmap === undefined) return this.#show();
    const { width, height } = this.#bitmap;
    prepare(width, height, false);
    const context = original.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(this.#bitmap, 0, 0);
    this.#pixels = context.getImageData(0, 0, width, height);
    // Until the first rows come, both sides are the original.
    restored.getContext("2d")!.putImageData(this.#pixels, 0, 0);
    this.#facts();
    await this.change(settings);
  }

  change(settings: Settings): Promise<void> {
    return this.#jobs.run(() => this.#code(settings));
  }

  /** Codes the picture, decodes it again, and says what came of it. */
  async #code({ quality, lossless, tune }: Settings): Promise<void> {
    const pixels = this.#pixels!;
    busy("Encoding…");
    const options = told(this.#abort.signal);
    const how = lossless ? { lossless } : { quality, tune };
    let [encoding, decoding] = [0, 0];
    const file = await codec.encode(pixels, { ...options, ...how, onTime: (time) => (encoding = time) });
    busy("Decoding…");
    const context = restored.getContext("2d")!;
    const { data } = await codec.decodePicture(file, {
      ...options,
      onTime: (time) => (decoding = time),
      onRows: ({ y, data }) => context.putImageData(new ImageData(data, pixels.width), 0, y),
    });
    this.#facts({ size: file.length, encoding, decoding, psnr: psnr(pixels.data, data) });
    offer(`Download ${bytes(file.length)}`, `${stem(this.name)}.wvn`, new Blob([file]));
    idle();
  }

  #facts(result?: { size: number; encoding: number; decoding: number; psnr: number }): void {
    const { width, height } = this.#pixels!;
    const pixels = width * height;
    const original: Fact = ["Original", bytes(this.#file.size), `${width} × ${height}`];
    if (result === undefined) {
      return showFacts([original, ["Wavern", "–"], ["PSNR", "–"], ["Encoding", "–"], ["Decoding", "–"]]);
    }
    const { size, encoding, decoding, psnr } = result;
    const speed = (milliseconds: number) => `${digits(pixels / 1e3 / milliseconds)} megapixels/s`;
    showFacts([
      original,
      ["Wavern", bytes(size), `${digits((8 * size) / pixels)} bits per pixel`],
      ["PSNR", Number.isFinite(psnr) ? `${psnr.toFixed(2)} dB` : "lossless", Number.isFinite(psnr) ? "" : "every pixel"],
      ["Encoding", time(encoding), speed(encoding)],
      ["Decoding", time(decoding), speed(decoding)],
    ]);
  }

  /** Shows a file while it is decoded. */
  async #show(): Promise<void> {
    const info = this.#info!;
    prepare(info.width, info.height, true);
    const context = restored.getContext("2d")!;
    const kind = `${info.channels === 1 ? "gray" : "colour"}, ${info.depth} bits`;
    const facts = (decoding: string, speed: string): Fact[] => [
      ["File", bytes(this.#file.size), `${digits((8 * this.#file.size) / (info.width * info.height))} bits per pixel`],
      ["Picture", `${info.width} × ${info.height}`, kind],
      ["Decoding", decoding, speed],
    ];
    showFacts(facts("–", ""));
    busy("Decoding…");
    const options = told(this.#abort.signal);
    let decoding = 0;
    const picture = await codec.decodePicture(this.#file, {
      ...options,
      onTime: (time) => (decoding = time),
      onRows: ({ y, data }) => context.putImageData(new ImageData(data, info.width), 0, y),
    });
    if (orientation(picture) !== 1) {
      const { data, width, height } = upright(picture);
      prepare(width, height, true);
      context.putImageData(new ImageData(data, width), 0, 0);
    }
    showFacts(facts(time(decoding), `${digits((info.width * info.height) / 1e3 / decoding)} megapixels/s`));
    restored.toBlob((png) => {
      if (png !== null && !this.#abort.signal.aborted) {
        offer(`Save as PNG, ${bytes(png.size)}`, `${stem(this.name)}.png`, png);
      }
    }, "image/png");
    idle();
  }
}
