// The compiled module: which of the two, and from where.

import { WavernError } from "./errors.js";

/** A function of one vector instruction, as small as a module can be. */
const VECTORS = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** The name of the module that this engine runs fastest. */
export function moduleName(): string {
  return WebAssembly.validate(VECTORS) ? "wavern.wasm" : "wavern-baseline.wasm";
}

/** Fetches and compiles the module that lies beside `base`. */
export async function loadModule(base: URL): Promise<WebAssembly.Module> {
  const bytes = await loadBytes(new URL(moduleName(), base));
  return WebAssembly.compile(bytes);
}

/** The bytes behind an address; in Node also of a file. */
export async function loadBytes(
  address: URL,
  onProgress?: (loaded: number, total: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  if (address.protocol === "file:" && typeof process === "object") {
    // The name is a variable, so that bundlers for browsers leave it alone.
    const name = "node:fs/promises";
    const { readFile } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as FileSystem;
    try {
      return Uint8Array.from(await readFile(address));
    } catch (cause) {
      throw new WavernError("network", `${address.href} cannot be read`, { cause });
    }
  }
  let response: Response;
  try {
    response = await fetch(address);
  } catch (cause) {
    throw new WavernError("network", `${address.href} cannot be fetched`, { cause });
  }
  if (!response.ok) throw new WavernError("network", `${address.href} cannot be fetched (${response.status})`);
  return readBody(response, onProgress);
}

/** The body of a response, with word of how far it is. */
async function readBody(
  response: Response,
  onProgress: ((loaded: number, total: number) => void) | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const total = Number(response.headers.get("content-length") ?? 0);
  if (onProgress === undefined || response.body === null) return new Uint8Array(await response.arrayBuffer());
  const parts: Uint8Array[] = [];
  let loaded = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    loaded += part.value.length;
    // A compressed response has more bytes than its length says.
    onProgress(loaded, Math.max(total, loaded));
  }
  const whole = new Uint8Array(loaded);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

interface FileSystem {
  readFile(address: URL): Promise<Uint8Array>;
}

declare const process: unknown;
