// A service worker that shows .wvn files in <img>: it answers a request for one with the picture as BMP, which costs no
// time to write and keeps alpha.
//
//   navigator.serviceWorker.register("service-worker.js")
//
// The file lies beside the module and weights/, at or above the pages it is for.

import { upright } from "./orientation.js";
import type { Picture } from "./types.js";
import { Wavern } from "./wavern.js";

interface FetchEvent extends Event {
  request: Request;
  respondWith(response: Promise<Response>): void;
  waitUntil(work: Promise<unknown>): void;
}

declare const self: {
  addEventListener(type: string, listener: (event: FetchEvent) => void): void;
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
};

const codec = new Wavern({ worker: false });

self.addEventListener("install", (event) => event.waitUntil(self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.destination === "image" && new URL(request.url).pathname.endsWith(".wvn")) {
    event.respondWith(answer(request));
  }
});

async function answer(request: Request): Promise<Response> {
  const response = await fetch(request);
  if (!response.ok) return response;
  try {
    const picture = upright(await codec.decodePicture(await response.arrayBuffer()));
    return new Response(bmp(picture), { headers: { "content-type": "image/bmp" } });
  } catch (error) {
    return new Response(String(error), { status: 415, headers: { "content-type": "text/plain" } });
  }
}

/** A BMP with the header of version 4: 32 bits a pixel, red first, rows from the top. */
export function bmp({ data, width, height }: Pick<Picture, "data" | "width" | "height">): Uint8Array<ArrayBuffer> {
  const start = 14 + 108;
  const file = new Uint8Array(start + data.length);
  const view = new DataView(file.buffer);
  file.set([0x42, 0x4d]);
  view.setUint32(2, file.length, true);
  view.setUint32(10, start, true);
  view.setUint32(14, 108, true);
  view.setInt32(18, width, true);
  view.setInt32(22, -height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 32, true);
  view.setUint32(30, 3, true); // the masks below
  view.setUint32(34, data.length, true);
  [0xff, 0xff00, 0xff0000, 0xff000000].forEach((mask, at) => view.setUint32(54 + 4 * at, mask, true));
  view.setUint32(70, 0x73524742, true); // sRGB
  file.set(data, start);
  return file;
}
