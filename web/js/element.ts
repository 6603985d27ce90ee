/**
 * `<wavern-img src="photo.wvn" alt="…">`: a picture on a page, drawn while it is decoded.
 *
 * It takes `src`, `alt`, `width` and `height` as `<img>` does, and fires `load` and `error` (with the error as
 * `detail`). With width and height it keeps its place before anything has come.
 */

import { sharedCodec } from "./index.js";
import { orientation, upright } from "./orientation.js";

const STYLE = `
:host { display: inline-block; max-width: 100%; }
canvas { display: block; width: 100%; height: auto; }
`;

/** The element. Its `codec` may be replaced before it is connected. */
export class WavernImage extends HTMLElement {
  static readonly observedAttributes = ["src", "alt", "width", "height"];
  readonly #canvas = document.createElement("canvas");
  #abort: AbortController | undefined;
  /** What decodes; the shared codec of the package without it. */
  codec = sharedCodec();

  constructor() {
    super();
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.attachShadow({ mode: "open" }).append(style, this.#canvas);
  }

  /** Whether the picture is there. */
  get complete(): boolean {
    return this.#abort === undefined && this.hasAttribute("src");
  }

  connectedCallback(): void {
    this.setAttribute("role", "img");
    void this.#load();
  }

  disconnectedCallback(): void {
    this.#abort?.abort();
  }

  attributeChangedCallback(name: string, before: string | null, value: string | null): void {
    if (before === value) return;
    if (name === "src" && this.isConnected) void this.#load();
    if (name === "alt") this.setAttribute("aria-label", value ?? "");
    if (name === "width" || name === "height") this.#keepPlace();
  }

  #keepPlace(): void {
    const [width, height] = [Number(this.getAttribute("width")), Number(this.getAttribute("height"))];
    if (width > 0) this.style.width = `${width}px`;
    if (width > 0 && height > 0) this.#canvas.style.aspectRatio = `${width} / ${height}`;
  }

  async #load(): Promise<void> {
    this.#abort?.abort();
    const source = this.getAttribute("src");
    if (!source) return;
    const abort = (this.#abort = new AbortController());
    const { signal } = abort;
    try {
      const response = await fetch(source, { signal });
      if (!response.ok) throw new Error(`${source} cannot be fetched (${response.status})`);
      const context = this.#canvas.getContext("2d")!;
      const picture = await this.codec.decodePicture(await response.arrayBuffer(), {
        signal,
        onBegin: ({ width, height }) => Object.assign(this.#canvas, { width, height }),
        onRows: ({ y, data, picture }) => context.putImageData(new ImageData(data, picture.width), 0, y),
      });
      if (orientation(picture) !== 1) {
        const { data, width, height } = upright(picture);
        Object.assign(this.#canvas, { width, height });
        context.putImageData(new ImageData(data, width), 0, 0);
      }
      this.#abort = undefined;
      this.dispatchEvent(new Event("load"));
    } catch (error) {
      if (signal.aborted) return;
      this.#abort = undefined;
      this.dispatchEvent(new CustomEvent("error", { detail: error }));
    }
  }
}

if (!customElements.get("wavern-img")) customElements.define("wavern-img", WavernImage);

declare global {
  interface HTMLElementTagNameMap {
    "wavern-img": WavernImage;
  }
}
