// What goes in and comes out.

import type { LoadWeights, Tune, WeightsProgress } from "./weights.js";

/** Bytes of a file. */
export type Bytes = ArrayBuffer | ArrayBufferView<ArrayBuffer> | Blob;

/** What every call takes. */
export interface CallOptions {
  /** Ends the call, which rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Hears of weights while they are fetched. */
  onWeights?: (progress: WeightsProgress) => void;
  /** Hears how long the codec worked, without waiting, fetching and copying. */
  onTime?: (milliseconds: number) => void;
}

/** Bounds on what a file may ask for. */
export interface Limits {
  /** Pixels of a picture; 2^28 without it. */
  pixels?: number;
  /** Bytes of memory that are set aside for what a file declares; 2^30 without it. */
  memory?: number;
}

/** How to read a file. */
export interface ReadOptions extends CallOptions {
  limits?: Limits;
}

/** Pixels of a picture. */
export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** How to decode a picture. */
export interface DecodeOptions extends ReadOptions {
  /** Decode what is left of a damaged file. */
  partial?: boolean;
  /** Only these pixels; only the tiles that they need are read. */
  region?: Region;
  /** How much smaller. */
  scale?: 1 | 2 | 4 | 8;
  /** Hears of the picture before its first rows. */
  onBegin?: (picture: PictureInfo) => void;
  /** Hears of rows while they are decoded, from the top. */
  onRows?: (rows: Rows) => void;
}

/** A picture without its pixels. */
export interface PictureInfo {
  /** Pixels in a row. */
  width: number;
  height: number;
  /** 1 (gray) or 3 in the file. */
  channels: 1 | 3;
  /** Bits of a sample in the file. */
  depth: 8 | 16;
  /** Whether the file has alpha. */
  alpha: boolean;
}

/** Some rows of a picture. */
export interface Rows {
  /** The first of them. */
  y: number;
  /** RGBA, 8 bits each, `[rows, width, 4]`. */
  data: Uint8ClampedArray<ArrayBuffer>;
  picture: PictureInfo;
}

/** A block of metadata, as it stands in the file. Those named png, riff and flac may be several. */
export interface MetadataBlock {
  name: "icc" | "exif" | "xmp" | "iptc" | "png" | "riff" | "flac";
  bytes: Uint8Array<ArrayBuffer>;
}

/** What could not be read of a file that was decoded with `partial`. */
export interface Damage {
  /** Sentences. */
  faults: string[];
  /** Tiles or segments that are lost. */
  lost: number;
}

/** A decoded picture. */
export interface Picture extends PictureInfo {
  /** RGBA, 8 bits each, `[height, width, 4]`; alpha is not multiplied into colours. */
  data: Uint8ClampedArray<ArrayBuffer>;
  metadata: MetadataBlock[];
  /** Only with `partial`, and only if there is any. */
  damage?: Damage;
}

/** A decoded picture in the samples that the file has. */
export interface ExactPicture extends PictureInfo {
  /** `[height, width, channels]`; 0 is black, and the largest value of the depth is white. */
  samples: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
  /** `[height, width]`. */
  alphaSamples?: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
  metadata: MetadataBlock[];
  damage?: Damage;
}

/** How the samples of a sound were stored. */
export type SampleFormat = "u8" | "i16" | "i24" | "i32" | "f32" | "f64";

/** A sound in memory. */
export interface Sound {
  /** Frames per second. */
  sampleRate: number;
  /** `[channels][frames]`, full scale at ±1. */
  channels: Float32Array<ArrayBuffer>[];
}

/** A decoded sound. */
export interface DecodedSound extends Sound {
  /** How the samples were stored before they were coded. */
  format: SampleFormat;
  metadata: MetadataBlock[];
  damage?: Damage;
}

/** What a file holds. */
export type FileInfo =
  | {
      kind: "image";
      width: number;
      height: number;
      channels: 1 | 3;
      depth: 8 | 16;
      /** Anchors of the weights in steps of 1/64. */
      level: number;
      weights: string;
    }
  | {
      kind: "audio";
      sampleRate: number;
      channels: number;
      format: SampleFormat;
      lossless: boolean;
      level: number;
      weights: string;
    };

/** Pixels to be coded: an ImageData, or what looks like one. */
export interface Pixels {
  width: number;
  height: number;
  data: Uint8ClampedArray | Uint8Array;
}

/** How to code a picture. At most one of `quality`, `bytes`, `bitsPerPixel` and `psnr`. */
export interface EncodeOptions extends CallOptions {
  /** 0 (smallest file) to 100; 60 without it. */
  quality?: number;
  /** At most this many bytes. */
  bytes?: number;
  /** At most this many bits per pixel. */
  bitsPerPixel?: number;
  /** At least this PSNR over all colour samples, in dB. */
  psnr?: number;
  /** How long to search for a smaller file, 1 to 9; 1 without it. */
  effort?: number;
  /** What the weights were trained for; `psnr` without it. */
  tune?: Tune;
  /** Every sample comes back as it was. */
  lossless?: boolean;
  /** 256, 512, 1024 or 2048: sides of the parts that can be read alone. */
  tileSide?: number;
  /** What travels beside the pixels. */
  metadata?: { icc?: Uint8Array; exif?: Uint8Array; xmp?: Uint8Array };
  /** Hears how far a search is, 0 to 1. */
  onProgress?: (part: number) => void;
}

/** How to code a sound. At most one of `quality` and `bitrate`. */
export interface EncodeAudioOptions extends CallOptions {
  /** 0 (smallest file) to 100; 60 without it. */
  quality?: number;
  /** Bits per second of the whole file. */
  bitrate?: number;
  /** How long to search for a smaller file, 1 to 9; 1 without it. */
  effort?: number;
  /** Every sample comes back as it was. */
  lossless?: boolean;
  /** How the samples were stored; the smallest of i16, i24 and f32 that holds them without it. */
  format?: SampleFormat;
}

/** Integers in an array. */
export interface Symbols {
  /** `[rows, columns, channels]`, channels innermost. */
  shape: [number, number, number];
  data: Int32Array<ArrayBuffer>;
}

/** Quantized latents of a picture, or of a group of channels of a sound. */
export interface Latents {
  /** ŷ. A sound has one row. */
  y: Symbols;
  /** ẑ, one position for a block of positions of ŷ. */
  z: Symbols;
}

/** Where things come from. */
export interface WavernOptions {
  /** A folder of weight files, or what gives one; `weights/` beside this package without it. */
  weights?: string | URL | LoadWeights;
  /** The compiled module; without it, the file beside this package that the engine runs fastest. */
  module?: () => Promise<WebAssembly.Module>;
  /** Starts the worker that requests run in; `false` runs them in this thread, as happens where there are no workers. */
  worker?: false | (() => Worker);
  /** How many workers share a large picture; without it, as many as there are cores, at most four. */
  workers?: number;
}
