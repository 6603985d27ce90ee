// What the page fetches: bytes by name, from a server, or from a disk, where only scripts can be loaded.

import { loadBytes, moduleName } from "../js/module.js";
import { Wavern } from "../js/wavern.js";
import { WavernError } from "../js/errors.js";

/** The source of the worker; the build fills it in. */
declare const WORKER: string;

declare global {
  var wavernAsset: (name: string, base64: string) => void;
}

const fromDisk = location.protocol === "file:";
const waiting = new Map<string, (bytes: Uint8Array<ArrayBuffer>) => void>();

globalThis.wavernAsset = (name, base64) => {
  const text = atob(base64);
  waiting.get(name)?.(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
};

/** A file beside the page. */
export function asset(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return fromDisk ? fromScript(name) : loadBytes(new URL(name, location.href));
}

/** A file as a script that hands it over, `<name>.js`. */
function fromScript(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    waiting.set(name, (bytes) => {
      script.remove();
      resolve(bytes);
    });
    script.src = `${name}.js`;
    script.onerror = () => reject(new WavernError("network", `${name} is not beside this page`));
    document.head.append(script);
  });
}

/** The codec of the page. */
export const codec = new Wavern({
  module: async () => WebAssembly.compile(await asset(moduleName())),
  weights: fromDisk
    ? (id) =>
        asset(`weights/${id}.safetensors`).catch((cause: unknown) => {
          throw new WavernError("weights", `weights ${id} are not here`, { needed: id, cause });
        })
    : "weights/",
  worker: () => new Worker(URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" })), { name: "wavern" }),
});
