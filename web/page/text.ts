// Numbers and errors in words.

import { WavernError } from "../js/errors.js";

/** 1,234 B, 12.3 kB, 4.56 MB. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${digits(count / 1e3)} kB` : `${digits(count / 1e6)} MB`;
}

/** Three digits that count. */
export function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** 85 ms, 1.24 s. */
export function time(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${digits(milliseconds / 1000)} s`;
}

/** 1:05. */
export function length(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${Math.floor(seconds % 60).toString().padStart(2, "0")}`;
}

/** What went wrong with a file, and what can be done. */
export function problem(name: string, error: unknown): string {
  if (!(error instanceof WavernError)) {
    return `${name}: ${error instanceof Error ? error.message : String(error)}.`;
  }
  switch (error.kind) {
    case "format":
      return error.offset === 0
        ? `${name} is not a Wavern file, and not a picture or a sound that this browser reads.`
        : `${name} is damaged: ${error.message}.`;
    case "unsupported":
      return `${name} was made by a later version of Wavern: ${error.message}.`;
    case "weights":
      return error.needed === undefined
        ? `${name}: ${error.message}.`
        : `${name} needs weights ${error.needed}, which are not here.`;
    case "limit":
    case "memory":
      return `${name} is too large for this page: ${error.message}.`;
    default:
      return `${name}: ${error.message}.`;
  }
}
