// Weights: which there are, and how they are had.

import { WavernError } from "./errors.js";
import { loadBytes } from "./module.js";

/** What the weights of a picture were trained for: squared error, the eye, or a fast decoder. */
export type Tune = "psnr" | "visual" | "fast";

/** The ids of the weights beside this package; the build fills them in. */
declare const WEIGHTS: Record<Tune | "lossless" | "audio", string>;

/** The ids of the weights that this package brings, by what they are for. */
export const weightsIds: Readonly<Record<Tune | "lossless" | "audio", string>> = WEIGHTS;

/** Word of a weight file that is being fetched. */
export interface WeightsProgress {
  id: string;
  /** Bytes. */
  loaded: number;
  /** Bytes, as far as they are known. */
  total: number;
}

/** Gives a weight file by its id. */
export type LoadWeights = (
  id: string,
  onProgress?: (progress: WeightsProgress) => void,
) => Promise<Uint8Array<ArrayBuffer>>;

const CACHE = "wavern-weights";

/** Weight files `<id>.safetensors` in a folder, kept in the cache of the browser where there is one. */
export function weightsIn(folder: URL): LoadWeights {
  return async (id, onProgress) => {
    const address = new URL(`${id}.safetensors`, folder);
    const cache = await openCache(address);
    const kept = await cache?.match(address);
    if (kept !== undefined) return new Uint8Array(await kept.arrayBuffer());
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = await loadBytes(address, onProgress && ((loaded, total) => onProgress({ id, loaded, total })));
    } catch (cause) {
      const reason = cause instanceof Error ? `: ${cause.message}` : "";
      throw new WavernError("weights", `weights ${id} are not here${reason}`, { needed: id, cause });
    }
    // A full disk or a private window keeps nothing: the weights are used all the same.
    await cache?.put(address, new Response(bytes)).catch(() => {});
    return bytes;
  };
}

async function openCache(address: URL): Promise<Cache | undefined> {
  if (typeof caches === "undefined" || !address.protocol.startsWith("http")) return undefined;
  return caches.open(CACHE).catch(() => undefined);
}
