// One instance of the WebAssembly module: requests in, replies out (web/src/lib.rs is the other side).

import { type ErrorFields, type ErrorKind, WavernError } from "./errors.js";

/** The JSON head of a request or a reply. */
export type Head = Record<string, unknown>;

/** What a request is answered with. */
export interface Reply {
  head: Head;
  body: Uint8Array<ArrayBuffer>;
  /** How long the module worked. */
  milliseconds: number;
}

/** Hears of a request while it runs. The bytes of rows are a copy. */
export interface Sink {
  begin?(head: Head): void;
  rows?(bytes: Uint8Array<ArrayBuffer>): void;
  progress?(part: number): void;
}

interface Exports {
  memory: WebAssembly.Memory;
  wavern_alloc(length: number): number;
  wavern_call(head: number, headLength: number, body: number, bodyLength: number): number;
  wavern_done(): void;
}

/** An instance whose memory has grown beyond this is not kept: memory of WebAssembly never shrinks. */
const KEPT_BYTES = 512 << 20;

/** Answers requests, one at a time. */
export class Answerer {
  readonly #module: WebAssembly.Module;
  #exports: Exports | undefined;
  #sink: Sink = {};
  #panic = "";

  constructor(module: WebAssembly.Module) {
    this.#module = module;
  }

  /**
   * Answers a request. What goes wrong is a WavernError. After a trap, which leaves memory in no known state, the next
   * request has a new instance; weights must be handed over again.
   */
  answer(head: Head, body: Uint8Array, sink: Sink = {}): Reply {
    let reply: Reply;
    try {
      const exports = (this.#exports ??= this.#instantiate());
      this.#sink = sink;
      reply = this.#call(exports, new TextEncoder().encode(JSON.stringify(head)), body);
      if (exports.memory.buffer.byteLength > KEPT_BYTES) this.#exports = undefined;
    } catch (error) {
      this.#exports = undefined;
      if (error instanceof WavernError) throw error;
      const reason = this.#panic || (error instanceof Error ? error.message : String(error));
      throw new WavernError("internal", `the codec failed (${reason}) and was started anew`, { cause: error });
    } finally {
      this.#sink = {};
      this.#panic = "";
    }
    const error = reply.head["error"] as ({ kind: ErrorKind; message: string } & ErrorFields) | undefined;
    if (error !== undefined) {
      const { kind, message, ...fields } = error;
      throw new WavernError(kind, message, fields);
    }
    return reply;
  }

  #instantiate(): Exports {
    const bytes = (at: number, length: number) =>
      new Uint8Array(this.#exports!.memory.buffer, at >>> 0, length >>> 0);
    const text = (at: number, length: number) => new TextDecoder().decode(bytes(at, length));
    const wavern = {
      begin: (at: number, length: number) => this.#sink.begin?.(JSON.parse(text(at, length)) as Head),
      rows: (at: number, length: number) => this.#sink.rows?.(bytes(at, length).slice()),
      progress: (part: number) => this.#sink.progress?.(part),
      panicked: (at: number, length: number) => void (this.#panic = text(at, length)),
    };
    return new WebAssembly.Instance(this.#module, { wavern }).exports as unknown as Exports;
  }

  #call(exports: Exports, head: Uint8Array, body: Uint8Array): Reply {
    const headAt = put(exports, head);
    const bodyAt = put(exports, body);
    const start = performance.now();
    const place = exports.wavern_call(headAt, head.length, bodyAt, body.length) >>> 0;
    const milliseconds = performance.now() - start;
    // Memory may have grown: its buffer is looked up only now.
    const buffer = exports.memory.buffer;
    const [at, length, bodyStart, bodyLength] = new Uint32Array(buffer, place, 4) as unknown as number[];
    const reply = {
      head: JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, at, length))) as Head,
      body: new Uint8Array(buffer, bodyStart, bodyLength).slice(),
      milliseconds,
    };
    exports.wavern_done();
    return reply;
  }
}

/** Copies bytes into the memory of an instance. */
function put(exports: Exports, bytes: Uint8Array): number {
  const at = exports.wavern_alloc(bytes.length) >>> 0;
  if (at === 0) throw new WavernError("memory", `no memory for ${bytes.length} bytes`);
  new Uint8Array(exports.memory.buffer, at, bytes.length).set(bytes);
  return at;
}
