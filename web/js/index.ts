/**
 * Wavern, a learned codec for photographs and sound, in WebAssembly.
 *
 * The functions share one codec, which runs in a worker and fetches the weights that a file names when it meets them.
 */

import type {
  Bytes,
  CallOptions,
  DecodeOptions,
  EncodeAudioOptions,
  EncodeOptions,
  FileInfo,
  Latents,
  Pixels,
  ReadOptions,
  Sound,
} from "./types.js";
import { Wavern } from "./wavern.js";

export { type ErrorKind, WavernError } from "./errors.js";
export type * from "./types.js";
export { orientation, upright } from "./orientation.js";
export { audioBuffer, imageData, Wavern } from "./wavern.js";
export { type LoadWeights, type Tune, type WeightsProgress, weightsIds, weightsIn } from "./weights.js";

let shared: Wavern | undefined;

/** The codec that the functions of this module share. */
export function sharedCodec(): Wavern {
  return (shared ??= new Wavern());
}

/** Decodes a picture. */
export function decode(file: Bytes, options?: DecodeOptions): Promise<ImageData> {
  return sharedCodec().decode(file, options);
}

/** Decodes a sound. */
export function decodeAudio(file: Bytes, options?: ReadOptions & { partial?: boolean }): Promise<AudioBuffer> {
  return sharedCodec().decodeAudio(file, options);
}

/** Codes a picture into a file. */
export function encode(image: Pixels, options?: EncodeOptions): Promise<Uint8Array<ArrayBuffer>> {
  return sharedCodec().encode(image, options);
}

/** Codes a sound into a file. */
export function encodeAudio(
  sound: AudioBuffer | Sound,
  options?: EncodeAudioOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return sharedCodec().encodeAudio(sound, options);
}

/** The quantized latents of a file. */
export function latents(file: Bytes, options?: ReadOptions): Promise<Latents[]> {
  return sharedCodec().latents(file, options);
}

/** What a file holds, from its first bytes. */
export function probe(file: Bytes, options?: CallOptions): Promise<FileInfo> {
  return sharedCodec().probe(file, options);
}
