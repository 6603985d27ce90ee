// What runs in the worker: the module, and nothing that knows of pages.

import { type ErrorFields, type ErrorKind, WavernError } from "./errors.js";
import { Answerer, type Head, type Reply } from "./instance.js";

/** The compiled module comes first. */
export type ToWorker = { module: WebAssembly.Module } | { id: number; head: Head; body: Uint8Array };

export type FromWorker = { id: number } & (
  | { begin: Head }
  | { rows: Uint8Array<ArrayBuffer> }
  | { progress: number }
  | { reply: Reply }
  | { error: { kind: ErrorKind; message: string; fields: ErrorFields } }
);

let answerer: Answerer | undefined;

function post(message: FromWorker, transfer: Transferable[] = []): void {
  (self as unknown as Worker).postMessage(message, transfer);
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if ("module" in data) {
    answerer = new Answerer(data.module);
    return;
  }
  const { id, head, body } = data;
  try {
    if (answerer === undefined) throw new WavernError("internal", "a request before the module");
    const reply = answerer.answer(head, body, {
      begin: (begin) => post({ id, begin }),
      rows: (rows) => post({ id, rows }, [rows.buffer]),
      progress: (progress) => post({ id, progress }),
    });
    post({ id, reply }, [reply.body.buffer]);
  } catch (error) {
    // An error loses its class on the way to the page; its fields are what is told there.
    const { kind, message, offset, tile, segment, option, needed } =
      error instanceof WavernError ? error : new WavernError("internal", String(error));
    const fields = Object.fromEntries(
      Object.entries({ offset, tile, segment, option, needed }).filter(([, value]) => value !== undefined),
    );
    post({ id, error: { kind, message, fields } });
  }
};
