// A large picture in bands, each the work of one worker: parts of a picture decode alone, to the same pixels.

/** Rows of pixels from `y` on. */
export interface Band {
  y: number;
  height: number;
}

/** Bands begin at whole positions of the latents, so that none is computed twice more than the synthesis sees. */
const STEP = 16;
/** A band of fewer pixels costs more in what it sees of its neighbours than it saves. */
const LEAST_PIXELS = 1 << 18;

/**
 * The rows from `y` on in bands of nearly the same height, at most `most`; one band if they are few.
 * All but the first begin at a multiple of 16 pixels.
 */
export function bands(width: number, y: number, height: number, most: number): Band[] {
  const count = Math.max(1, Math.min(most, Math.floor((width * height) / LEAST_PIXELS)));
  const edge = (index: number) =>
    index === count ? y + height : Math.round((y + (index * height) / count) / STEP) * STEP;
  const starts = Array.from({ length: count }, (_, index) => (index === 0 ? y : edge(index)));
  return starts
    .map((start, index) => ({ y: start, height: (starts[index + 1] ?? y + height) - start }))
    .filter((band) => band.height > 0);
}

/** Puts what comes from several bands in order: a band is heard when those before it have ended. */
export class InOrder<T> {
  readonly #waiting: T[][];
  readonly #ended: boolean[];
  readonly #hear: (part: T) => void;
  #next = 0;

  constructor(count: number, hear: (part: T) => void) {
    this.#waiting = Array.from({ length: count }, () => []);
    this.#ended = Array.from({ length: count }, () => false);
    this.#hear = hear;
  }

  push(band: number, part: T): void {
    if (band === this.#next) this.#hear(part);
    else this.#waiting[band]!.push(part);
  }

  end(band: number): void {
    this.#ended[band] = true;
    while (this.#ended[this.#next]) {
      this.#next++;
      this.#waiting[this.#next]?.splice(0).forEach(this.#hear);
    }
  }
}
