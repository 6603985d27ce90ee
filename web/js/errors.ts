/** What went wrong, for programs. */
export type ErrorKind =
  /** The bytes are not a whole Wavern file. */
  | "format"
  /** The file is of a later version. */
  | "unsupported"
  /** The file asks for more than the limits allow. */
  | "limit"
  /** The weights that a file names are not to be had. */
  | "weights"
  /** The file holds the other kind of signal. */
  | "kind"
  /** Pixels or samples contradict themselves. */
  | "signal"
  /** An option is out of range. */
  | "option"
  /** There is not enough memory. */
  | "memory"
  /** A module or a weight file could not be fetched. */
  | "network"
  /** The decoder failed. It has been started anew. */
  | "internal";

/** Every error of this package but an aborted call, which rejects with the signal's reason. */
export class WavernError extends Error {
  override readonly name = "WavernError";
  readonly kind: ErrorKind;
  /** Where in the file, in bytes. */
  readonly offset?: number;
  /** Which tile of a picture, from 0. */
  readonly tile?: number;
  /** Which segment of a sound, from 0. */
  readonly segment?: number;
  /** Which option. */
  readonly option?: string;
  /** The id of the weights that are missing. */
  readonly needed?: string;

  constructor(kind: ErrorKind, message: string, fields: ErrorFields = {}) {
    super(message);
    this.kind = kind;
    Object.assign(this, fields);
  }
}

/** What else is known of an error. */
export interface ErrorFields {
  offset?: number;
  tile?: number;
  segment?: number;
  option?: string;
  needed?: string;
  cause?: unknown;
}
