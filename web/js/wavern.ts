// The interface: calls with types of their own, weights when they are asked for.

import { type Backend, here, inWorker } from "./backend.js";
import { bands, InOrder } from "./bands.js";
import { WavernError } from "./errors.js";
import type { Head, Reply, Sink } from "./instance.js";
import { loadModule } from "./module.js";
import type {
  Bytes,
  CallOptions,
  Damage,
  DecodedSound,
  DecodeOptions,
  EncodeAudioOptions,
  EncodeOptions,
  ExactPicture,
  FileInfo,
  Latents,
  MetadataBlock,
  Picture,
  PictureInfo,
  Pixels,
  ReadOptions,
  Region,
  Sound,
  Symbols,
  WavernOptions,
} from "./types.js";
import { type LoadWeights, weightsIds, weightsIn } from "./weights.js";

/** The codec, in a worker of its own. Calls are answered one after the other; others share large pictures with it. */
export class Wavern {
  readonly #backend: Backend;
  readonly #helpers: Backend[];
  readonly #loadWeights: LoadWeights;
  /** Weight files by id, which a new instance is given again. */
  readonly #weights = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

  constructor(options: WavernOptions = {}) {
    const { weights = new URL("./weights/", import.meta.url), worker, workers = cores() } = options;
    this.#loadWeights = typeof weights === "function" ? weights : weightsIn(folder(weights));
    const load = options.module ?? (() => loadModule(new URL(import.meta.url)));
    let loading: Promise<WebAssembly.Module> | undefined;
    const module = () => (loading ??= load().catch((error: unknown) => ((loading = undefined), Promise.reject(error))));
    const alone = worker === false || (worker === undefined && typeof Worker === "undefined");
    // A worker starts when it is first asked.
    const open = () => (alone ? here(module) : inWorker(worker || startWorker, module));
    this.#backend = open();
    this.#helpers = Array.from({ length: alone ? 0 : Math.max(workers, 1) - 1 }, open);
  }

  /** Decodes a picture for a canvas. */
  async decode(file: Bytes, options: DecodeOptions = {}): Promise<ImageData> {
    return imageData(await this.decodePicture(file, options));
  }

  /** Decodes a picture, with all that the file says of it. */
  async decodePicture(file: Bytes, options: DecodeOptions = {}): Promise<Picture> {
    const bytes = await bytesOf(file);
    const head = { ...decodeHead(options), form: "rgba" };
    const parts = await this.#bands(bytes, options);
    if (parts.length > 1) return this.#decodeBands(head, bytes, options, parts);
    const rows = new PictureRows(options);
    let next = 0;
    const reply = await this.#request(head, bytes, options, {
      begin: (head) => {
        next = 0;
        rows.begin(pictureInfo(head));
      },
      rows: (bytes) => {
        rows.add(bytes, next);
        next += bytes.length / 4 / rows.width;
      },
    });
    return { ...pictureInfo(reply.head), data: rows.data, ...extras(reply.head, reply.body) };
  }

  /** The regions of a picture that workers decode each for itself: one, or none, if there is nothing to share. */
  async #bands(file: Uint8Array, { region, partial, scale = 1, signal }: DecodeOptions): Promise<Region[]> {
    if (this.#helpers.length === 0 || partial) return [];
    // What cannot be read is told by the decoder.
    const info = await this.probe(file.slice(0, 64), signal && { signal }).catch(() => undefined);
    signal?.throwIfAborted();
    if (info?.kind !== "image" || info.weights === weightsIds.lossless) return [];
    const { x, y, width, height } = region ?? { x: 0, y: 0, width: info.width, height: info.height };
    // A smaller picture is less work; a region outside is for the decoder to refuse.
    if (scale !== 1 || x + width > info.width || y + height > info.height) return [];
    return bands(width, y, height, 1 + this.#helpers.length).map((band) => ({ x, width, ...band }));
  }

  /** A picture of which each worker decodes a band. */
  async #decodeBands(head: Head, file: Uint8Array, options: DecodeOptions, parts: Region[]): Promise<Picture> {
    const failed = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
    const height = parts.reduce((sum, part) => sum + part.height, 0);
    const rows = new PictureRows(options);
    const inOrder = new InOrder<() => void>(parts.length, (hear) => hear());
    let slowest = 0;
    const top = parts[0]!.y;
    const decode = async ({ x, y, width, height: own }: Region, at: number): Promise<Reply> => {
      // A worker that is started anew begins again.
      let next = y - top;
      const how = { ...options, signal, onTime: (time: number) => void (slowest = Math.max(slowest, time)) };
      const sink: Sink = {
        begin: (head) => {
          next = y - top;
          if (at === 0) rows.begin({ ...pictureInfo(head), height });
        },
        rows: (bytes) => {
          const row = next;
          next += bytes.length / 4 / width;
          inOrder.push(at, () => rows.add(bytes, row));
        },
      };
      const backend = at === 0 ? this.#backend : this.#helpers[at - 1]!;
      const reply = await this.#request({ ...head, region: [x, y, width, own] }, file, how, sink, backend);
      inOrder.end(at);
      return reply;
    };
    try {
      const [first] = await Promise.all(parts.map(decode));
      options.onTime?.(slowest);
      return { ...pictureInfo(first!.head), height, data: rows.data, ...extras(first!.head, first!.body) };
    } catch (error) {
      // The others need not go on.
      failed.abort();
      options.signal?.throwIfAborted();
      throw error;
    }
  }

  /** Decodes a picture into the samples that the file has, of 8 or 16 bits. */
  async decodeExact(file: Bytes, options: DecodeOptions = {}): Promise<ExactPicture> {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    const { head, body } = await this.#request(
      { ...decodeHead(options), form: "samples" },
      await bytesOf(file),
      options,
      { begin: () => void (parts.length = 0), rows: (bytes) => void parts.push(bytes) },
    );
    const info = pictureInfo(head);
    const samples = (bytes: Uint8Array<ArrayBuffer>) => (info.depth === 8 ? bytes : new Uint16Array(bytes.buffer));
    const alpha = info.width * info.height * (info.depth / 8);
    return {
      ...info,
      samples: samples(joined(parts)),
      ...(info.alpha ? { alphaSamples: samples(body.slice(0, alpha)) } : {}),
      ...extras(head, body),
    };
  }

  /** Decodes a sound for the Web Audio interface. */
  async decodeAudio(file: Bytes, options: ReadOptions & { partial?: boolean } = {}): Promise<AudioBuffer> {
    return audioBuffer(await this.decodeSound(file, options));
  }

  /** Decodes a sound, with all that the file says of it. */
  async decodeSound(file: Bytes, options: ReadOptions & { partial?: boolean } = {}): Promise<DecodedSound> {
    const request = { ...decodeHead(options), kind: "audio" };
    const { head, body } = await this.#request(request, await bytesOf(file), options);
    const frames = head["frames"] as number;
    const channel = (_: unknown, at: number) => new Float32Array(body.buffer, 4 * at * frames, frames).slice();
    return {
      sampleRate: head["sampleRate"] as number,
      format: head["format"] as DecodedSound["format"],
      channels: Array.from({ length: head["channels"] as number }, channel),
      ...extras(head, body),
    };
  }

  /** Codes a picture into a file. */
  async encode(image: Pixels, options: EncodeOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { signal, onWeights, onTime, onProgress, metadata = {}, ...how } = options;
    const { width, height, data } = image;
    if (data.length !== 4 * width * height) {
      throw new WavernError("signal", `${data.length} bytes (expected RGBA of ${width} × ${height} pixels)`);
    }
    const blocks = Object.entries(metadata).filter(([, bytes]) => bytes !== undefined);
    const head: Head = {
      op: "encodeImage",
      ...how,
      width,
      height,
      metadata: blocks.map(([name, bytes]) => [name, bytes.length]),
    };
    head["weights"] = weightsIds[how.lossless ? "lossless" : (how.tune ?? "psnr")];
    const pixels = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.length);
    const body = blocks.length > 0 ? joined([pixels, ...blocks.map(([, bytes]) => bytes)]) : pixels;
    const sink = onProgress === undefined ? {} : { progress: onProgress };
    return (await this.#request(head, body, options, sink)).body;
  }

  /** Codes a sound into a file. */
  async encodeAudio(sound: AudioBuffer | Sound, options: EncodeAudioOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { signal, onWeights, onTime, ...how } = options;
    const channels =
      "getChannelData" in sound
        ? Array.from({ length: sound.numberOfChannels }, (_, at) => sound.getChannelData(at))
        : sound.channels;
    if (channels.some((channel) => channel.length !== channels[0]!.length)) {
      throw new WavernError("signal", "channels of different lengths");
    }
    const head: Head = { op: "encodeAudio", ...how, sampleRate: sound.sampleRate, channels: channels.length };
    if (!how.lossless) head["weights"] = weightsIds.audio;
    const bytes = channels.map((channel) => new Uint8Array(channel.buffer, channel.byteOffset, channel.byteLength));
    return (await this.#request(head, joined(bytes), options)).body;
  }

  /** The quantized latents of a file: one entry for a picture, one for each group of channels of a sound. */
  async latents(file: Bytes, options: ReadOptions = {}): Promise<Latents[]> {
    const { limits = {} } = options;
    const { head, body } = await this.#request({ op: "latents", limits }, await bytesOf(file), options);
    const symbols = ({ shape, offset }: Place): Symbols => {
      const count = shape[0] * shape[1] * shape[2];
      return { shape, data: new Int32Array(body.buffer, offset, count).slice() };
    };
    return (head["groups"] as { y: Place; z: Place }[]).map(({ y, z }) => ({ y: symbols(y), z: symbols(z) }));
  }

  /** What a file holds, from its first bytes; 64 suffice. */
  async probe(file: Bytes, options: CallOptions = {}): Promise<FileInfo> {
    const start = file instanceof Blob ? file.slice(0, 64) : file;
    const { head } = await this.#request({ op: "probe" }, (await bytesOf(start)).subarray(0, 64), options);
    return head as unknown as FileInfo;
  }

  /** Ends the workers and frees their memory. The next call starts others. */
  close(): void {
    for (const backend of [this.#backend, ...this.#helpers]) backend.close();
    this.#weights.clear();
  }

  /** Answers a request, and fetches the weights that it turns out to need. */
  async #request(
    head: Head,
    body: Uint8Array,
    options: CallOptions,
    sink: Sink = {},
    backend = this.#backend,
  ): Promise<Reply> {
    const { signal } = options;
    const given = new Set<string>();
    for (;;) {
      signal?.throwIfAborted();
      try {
        const reply = await backend.answer(head, body, sink, signal);
        options.onTime?.(reply.milliseconds);
        return reply;
      } catch (error) {
        const needed = error instanceof WavernError && error.kind === "weights" ? error.needed : undefined;
        if (needed === undefined || given.has(needed)) throw error;
        given.add(needed);
        await this.#giveWeights(needed, options, backend);
      }
    }
  }

  async #giveWeights(id: string, { onWeights, signal }: CallOptions, backend: Backend): Promise<void> {
    let loading = this.#weights.get(id);
    if (loading === undefined) {
      loading = this.#loadWeights(id, onWeights);
      this.#weights.set(id, loading);
      loading.catch(() => this.#weights.delete(id));
    }
    const { head } = await backend.answer({ op: "weights" }, await loading, {}, signal);
    if (head["id"] !== id) {
      this.#weights.delete(id);
      throw new WavernError("weights", `the weights that came for ${id} are ${String(head["id"])}`, { needed: id });
    }
  }
}

/** RGBA of a picture, and word of its rows, while they come. */
class PictureRows {
  data = new Uint8ClampedArray(0);
  readonly #options: DecodeOptions;
  #info: PictureInfo | undefined;

  constructor(options: DecodeOptions) {
    this.#options = options;
  }

  get width(): number {
    return this.#info?.width ?? 0;
  }

  begin(info: PictureInfo): void {
    this.#info = info;
    this.data = new Uint8ClampedArray(info.width * info.height * 4);
    this.#options.onBegin?.(info);
  }

  /** Rows from `y` on. */
  add(bytes: Uint8Array<ArrayBuffer>, y: number): void {
    if (this.#info === undefined) return;
    this.data.set(bytes, 4 * y * this.#info.width);
    this.#options.onRows?.({ y, data: new Uint8ClampedArray(bytes.buffer), picture: this.#info });
  }
}

/** How many workers decode a large picture without being asked: as many as there are cores, but at most four. */
function cores(): number {
  return typeof navigator === "undefined" ? 1 : Math.min(navigator.hardwareConcurrency || 1, 4);
}

function startWorker(): Worker {
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "wavern" });
}

function folder(address: string | URL): URL {
  const base = typeof location === "undefined" ? import.meta.url : location.href;
  const url = new URL(address, base);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

function decodeHead(options: DecodeOptions): Head {
  const { partial = false, region, scale, limits = {} } = options;
  return {
    op: "decode",
    kind: "image",
    partial,
    limits,
    ...(region && { region: [region.x, region.y, region.width, region.height] }),
    ...(scale && { scale }),
  };
}

function pictureInfo(head: Head): PictureInfo {
  const { width, height, channels, depth, alpha } = head as unknown as PictureInfo;
  return { width, height, channels, depth, alpha };
}

/** Metadata and damage of a reply. */
function extras(head: Head, body: Uint8Array): { metadata: MetadataBlock[]; damage?: Damage } {
  type Listed = { name: MetadataBlock["name"]; offset: number; length: number };
  const metadata = (head["metadata"] as Listed[]).map(({ name, offset, length }) => ({
    name,
    bytes: Uint8Array.from(body.subarray(offset, offset + length)),
  }));
  const damage = head["damage"] as Damage | null;
  const any = damage !== null && (damage.faults.length > 0 || damage.lost > 0);
  return any ? { metadata, damage } : { metadata };
}

interface Place {
  shape: [number, number, number];
  offset: number;
}

async function bytesOf(file: Bytes): Promise<Uint8Array<ArrayBuffer>> {
  if (file instanceof Blob) return new Uint8Array(await file.arrayBuffer());
  if (ArrayBuffer.isView(file)) return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  return new Uint8Array(file);
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A picture as an ImageData; where there is no such class, as in Node, an object with the same fields. */
export function imageData({ data, width, height }: Pick<Picture, "data" | "width" | "height">): ImageData {
  if (typeof ImageData === "function") return new ImageData(data, width, height);
  return { data, width, height, colorSpace: "srgb" } as ImageData;
}

/** A sound as an AudioBuffer. */
export function audioBuffer({ channels, sampleRate }: Sound): AudioBuffer {
  if (typeof AudioBuffer === "undefined") {
    throw new WavernError("unsupported", "there is no Web Audio here (decodeSound gives samples)");
  }
  const length = channels[0]!.length;
  // An AudioBuffer has at least one frame.
  const buffer = new AudioBuffer({ length: Math.max(length, 1), numberOfChannels: channels.length, sampleRate });
  channels.forEach((channel, at) => buffer.copyToChannel(channel, at));
  return buffer;
}
