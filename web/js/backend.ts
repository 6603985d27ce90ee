// Where requests run: here, or in a worker, so that the page stays alive.

import { WavernError } from "./errors.js";
import { Answerer, type Head, type Reply, type Sink } from "./instance.js";
import type { FromWorker, ToWorker } from "./worker.js";

/** Answers requests one after the other. */
export interface Backend {
  answer(head: Head, body: Uint8Array, sink: Sink, signal?: AbortSignal): Promise<Reply>;
  /** Frees everything. What is still asked for is rejected. */
  close(): void;
}

/** Runs requests in this thread. An abort has no effect on the request that is running. */
export function here(module: () => Promise<WebAssembly.Module>): Backend {
  let answerer: Promise<Answerer> | undefined;
  return {
    async answer(head, body, sink, signal) {
      answerer ??= module().then((module) => new Answerer(module));
      const ready = await answerer.catch((error: unknown) => {
        answerer = undefined;
        throw error;
      });
      signal?.throwIfAborted();
      return ready.answer(head, body, sink);
    },
    close() {
      answerer = undefined;
    },
  };
}

interface Job {
  request: ToWorker;
  sink: Sink;
  resolve(reply: Reply): void;
  reject(error: unknown): void;
}

/** Runs requests in a worker, which an abort ends: what else was asked for is asked again of a new one. */
export function inWorker(start: () => Worker, module: () => Promise<WebAssembly.Module>): Backend {
  let worker: Worker | undefined;
  let next = 0;
  const jobs = new Map<number, Job>();

  function open(module: WebAssembly.Module): Worker {
    const opened = start();
    opened.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      const job = jobs.get(data.id);
      if (job === undefined) return;
      if ("begin" in data) job.sink.begin?.(data.begin);
      else if ("rows" in data) job.sink.rows?.(data.rows);
      else if ("progress" in data) job.sink.progress?.(data.progress);
      else {
        jobs.delete(data.id);
        if ("reply" in data) job.resolve(data.reply);
        else job.reject(new WavernError(data.error.kind, data.error.message, data.error.fields));
      }
    };
    opened.onerror = (event) => {
      event.preventDefault();
      fail(new WavernError("internal", `the worker failed: ${event.message || "it cannot be started"}`));
    };
    opened.postMessage({ module } satisfies ToWorker);
    return opened;
  }

  function fail(error: unknown): void {
    worker?.terminate();
    worker = undefined;
    const failed = [...jobs.values()];
    jobs.clear();
    for (const job of failed) job.reject(error);
  }

  return {
    async answer(head, body, sink, signal) {
      const compiled = await module();
      signal?.throwIfAborted();
      worker ??= open(compiled);
      const id = next++;
      return new Promise<Reply>((resolve, reject) => {
        const request = { id, head, body };
        const abort = () => {
          jobs.delete(id);
          worker?.terminate();
          worker = jobs.size > 0 ? open(compiled) : undefined;
          for (const job of jobs.values()) worker?.postMessage(job.request);
          reject(signal?.reason);
        };
        const settled = <T>(then: (value: T) => void) => (value: T) => {
          signal?.removeEventListener("abort", abort);
          then(value);
        };
        jobs.set(id, { request, sink, resolve: settled(resolve), reject: settled(reject) });
        signal?.addEventListener("abort", abort, { once: true });
        worker?.postMessage(request);
      });
    },
    close() {
      fail(new DOMException("the codec was closed", "AbortError"));
    },
  };
}
