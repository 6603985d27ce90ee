// WAV files: read with their samples as they are, which the decoder of a browser resamples, and written for its player.

import type { Sound } from "../js/types.js";

/** A sound from a WAV file of integers or floats; nothing if it is none. */
export function readWav(file: ArrayBuffer): Sound | undefined {
  const view = new DataView(file);
  const tag = (at: number) => String.fromCharCode(...new Uint8Array(file, at, 4));
  if (file.byteLength < 44 || tag(0) !== "RIFF" || tag(8) !== "WAVE") return undefined;
  let format: { code: number; channels: number; sampleRate: number; bits: number } | undefined;
  for (let at = 12; at + 8 <= file.byteLength; ) {
    const size = Math.min(view.getUint32(at + 4, true), file.byteLength - at - 8);
    if (tag(at) === "fmt " && size >= 16) {
      const code = view.getUint16(at + 8, true);
      format = {
        // An extensible format has its code in the first bytes of an identifier.
        code: code === 0xfffe && size >= 26 ? view.getUint16(at + 32, true) : code,
        channels: view.getUint16(at + 10, true),
        sampleRate: view.getUint32(at + 12, true),
        bits: view.getUint16(at + 22, true),
      };
    } else if (tag(at) === "data" && format !== undefined) {
      const sample = sampler(view, format.code, format.bits);
      const { channels, sampleRate } = format;
      if (sample === undefined || channels === 0 || sampleRate === 0) return undefined;
      const step = format.bits / 8;
      const frames = Math.floor(size / step / channels);
      const start = at + 8;
      const channel = (_: unknown, c: number) =>
        Float32Array.from({ length: frames }, (_, frame) => sample(start + step * (frame * channels + c)));
      return { sampleRate, channels: Array.from({ length: channels }, channel) };
    }
    at += 8 + size + (size & 1);
  }
  return undefined;
}

/** What reads one sample, full scale at ±1. */
function sampler(view: DataView, code: number, bits: number): ((at: number) => number) | undefined {
  switch (`${code} ${bits}`) {
    case "1 8":
      return (at) => (view.getUint8(at) - 128) / 128;
    case "1 16":
      return (at) => view.getInt16(at, true) / 32768;
    case "1 24":
      return (at) => (view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 8388608;
    case "1 32":
      return (at) => view.getInt32(at, true) / 2147483648;
    case "3 32":
      return (at) => view.getFloat32(at, true);
    default:
      return undefined;
  }
}

/** A WAV file of 16 bits, or of floats where a sample is beyond full scale. */
export function writeWav({ channels, sampleRate }: Sound): Blob {
  const frames = channels[0]!.length;
  const floats = channels.some((channel) => channel.some((sample) => Math.abs(sample) > 1));
  const step = floats ? 4 : 2;
  const size = frames * channels.length * step;
  const view = new DataView(new ArrayBuffer(44 + size));
  const text = (at: number, letters: string) => [...letters].forEach((l, i) => view.setUint8(at + i, l.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + size, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, floats ? 3 : 1, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels.length * step, true);
  view.setUint16(32, channels.length * step, true);
  view.setUint16(34, 8 * step, true);
  text(36, "data");
  view.setUint32(40, size, true);
  channels.forEach((channel, c) => {
    channel.forEach((sample, frame) => {
      const at = 44 + step * (frame * channels.length + c);
      if (floats) view.setFloat32(at, sample, true);
      else view.setInt16(at, Math.max(-32768, Math.min(32767, Math.round(sample * 32768))), true);
    });
  });
  return new Blob([view.buffer], { type: "audio/wav" });
}
