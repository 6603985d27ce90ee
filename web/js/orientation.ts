// Which side is up: EXIF says how stored pixels are to be turned.

import type { Picture } from "./types.js";

const ORIENTATION = 0x112;

/** The orientation of a picture, 1 (upright) to 8, from its EXIF block. */
export function orientation(picture: Pick<Picture, "metadata">): number {
  const exif = picture.metadata.find(({ name }) => name === "exif")?.bytes;
  if (exif === undefined || exif.length < 8) return 1;
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  const little = view.getUint16(0) === 0x4949;
  const start = view.getUint32(4, little);
  if (start + 2 > exif.length) return 1;
  const count = view.getUint16(start, little);
  for (let entry = start + 2; entry < start + 2 + 12 * count && entry + 12 <= exif.length; entry += 12) {
    if (view.getUint16(entry, little) !== ORIENTATION) continue;
    const value = view.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** Pixels as they are meant to be seen. */
export function upright(picture: Picture): Pick<Picture, "width" | "height" | "data"> {
  const turn = orientation(picture);
  const { width, height } = picture;
  if (turn === 1) return picture;
  const [columns, rows] = turn >= 5 ? [height, width] : [width, height];
  const from = new Uint32Array(picture.data.buffer, picture.data.byteOffset, width * height);
  const to = new Uint32Array(from.length);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) to[y * columns + x] = from[stored(turn, x, y, width, height)]!;
  }
  return { width: columns, height: rows, data: new Uint8ClampedArray(to.buffer) };
}

/** Where the pixel at (x, y) of the upright picture is stored. */
function stored(turn: number, x: number, y: number, width: number, height: number): number {
  const [right, bottom] = [width - 1, height - 1];
  switch (turn) {
    case 2:
      return y * width + right - x;
    case 3:
      return (bottom - y) * width + right - x;
    case 4:
      return (bottom - y) * width + x;
    case 5:
      return x * width + y;
    case 6:
      return (bottom - x) * width + y;
    case 7:
      return (bottom - x) * width + right - y;
    default:
      return x * width + right - y;
  }
}
