// The parts of the page that every view uses: status, errors, facts, downloads.

import type { CallOptions } from "../js/types.js";
import { bytes } from "./text.js";

/** An element that is there. */
export function find<T extends HTMLElement>(selector: string): T {
  return document.querySelector<T>(selector)!;
}

const status = find("#status span");
const progress = find<HTMLProgressElement>("#status progress");
const error = find("#error");
const link = find<HTMLAnchorElement>("#download");

/** How to code, as the controls say. */
export interface Settings {
  quality: number;
  lossless: boolean;
  tune: "psnr" | "visual" | "fast";
}

/** Says what is going on; `part` is how much of it is done, if that is known. */
export function busy(what: string, part?: number): void {
  status.textContent = what;
  progress.hidden = false;
  if (part === undefined) progress.removeAttribute("value");
  else progress.value = part;
}

export function idle(): void {
  status.textContent = "";
  progress.hidden = true;
}

export function showError(text: string): void {
  error.textContent = text;
  error.hidden = false;
}

export function hideError(): void {
  error.hidden = true;
}

/** Options of a call that says how far the weights are. */
export function told(signal: AbortSignal): CallOptions {
  return {
    signal,
    onWeights: ({ loaded, total }) =>
      busy(`Fetching weights, once: ${bytes(loaded)} of ${bytes(total)}`, loaded / total),
  };
}

/** A fact: its name, its value, and a smaller line below. */
export type Fact = [name: string, value: string, more?: string];

/** Shows facts; those that are still to come have a dash, so that nothing moves. */
export function showFacts(facts: Fact[]): void {
  find("#facts").replaceChildren(
    ...facts.map(([name, value, more = ""]) => {
      const row = document.createElement("div");
      for (const [tag, text] of [["dt", name], ["dd", value]] as const) {
        row.append(Object.assign(document.createElement(tag), { textContent: text }));
      }
      row.lastElementChild!.append(Object.assign(document.createElement("small"), { textContent: more }));
      return row;
    }),
  );
}

/** Offers something to be saved, in place of what was offered before. */
export function offer(text: string, name: string, blob: Blob): void {
  withdraw();
  link.hidden = false;
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.textContent = text;
}

/** Takes back what was offered. */
export function withdraw(): void {
  if (link.href) URL.revokeObjectURL(link.href);
  link.hidden = true;
  link.removeAttribute("href");
}

/** A name without its ending. */
export function stem(name: string): string {
  return name.replace(/\.[^.]*$/, "") || "wavern";
}

/** Runs the newest of several jobs, one at a time: those that came in between are left out. */
export class Latest {
  #running: Promise<void> | undefined;
  #next: (() => Promise<void>) | undefined;

  run(job: () => Promise<void>): Promise<void> {
    this.#next = job;
    return (this.#running ??= this.#drain().finally(() => (this.#running = undefined)));
  }

  async #drain(): Promise<void> {
    while (this.#next !== undefined) {
      const job = this.#next;
      this.#next = undefined;
      await job();
    }
  }
}
