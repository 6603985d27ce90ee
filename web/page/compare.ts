// Two pictures over each other, and a divider between them.

const stage = document.querySelector<HTMLElement>("#stage")!;
const frame = document.querySelector<HTMLElement>("#frame")!;
const divider = document.querySelector<HTMLElement>("#divider")!;
export const original = document.querySelector<HTMLCanvasElement>("#original")!;
export const restored = document.querySelector<HTMLCanvasElement>("#restored")!;

let split = 50;

/** Moves the divider to a percentage of the width. */
function move(to: number): void {
  split = Math.min(100, Math.max(0, to));
  show(split);
  divider.setAttribute("aria-valuenow", split.toFixed(0));
}

function show(at: number): void {
  frame.style.setProperty("--split", `${at}%`);
}

/** Makes room for a picture; without an original there is no divider. */
export function prepare(width: number, height: number, single: boolean): void {
  for (const canvas of [original, restored]) Object.assign(canvas, { width, height });
  frame.style.setProperty("--ratio", String(width / height));
  stage.style.setProperty("--width", `${width / devicePixelRatio}px`);
  stage.classList.toggle("single", single);
  stage.hidden = false;
  move(50);
}

/** One pixel of the picture on one of the screen, or all of it in the window. */
export function setPixels(on: boolean): void {
  stage.classList.toggle("pixels", on);
}

frame.addEventListener("pointerdown", (event) => {
  const onDivider = divider.contains(event.target as Node);
  // Where the picture can be scrolled, only the divider itself is dragged.
  if (event.button !== 0 || (stage.classList.contains("pixels") && !onDivider)) return;
  const follow = ({ clientX }: PointerEvent) => {
    const { left, width } = frame.getBoundingClientRect();
    move((100 * (clientX - left)) / width);
  };
  follow(event);
  frame.setPointerCapture(event.pointerId);
  frame.addEventListener("pointermove", follow);
  const end = () => frame.removeEventListener("pointermove", follow);
  frame.addEventListener("pointerup", end, { once: true });
  frame.addEventListener("pointercancel", end, { once: true });
});

divider.addEventListener("keydown", (event) => {
  const step = event.shiftKey ? 10 : 2;
  const to: Record<string, number> = { ArrowLeft: split - step, ArrowRight: split + step, Home: 0, End: 100 };
  if (event.key in to) move(to[event.key]!);
  else if (event.key === " ") show(100);
  else return;
  event.preventDefault();
});

// While the space bar is held, the original is all there is.
divider.addEventListener("keyup", () => show(split));
divider.addEventListener("blur", () => show(split));

/** Peak signal-to-noise ratio over R, G and B, in dB. */
export function psnr(a: Uint8ClampedArray, b: Uint8ClampedArray): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 4) {
    const [r, g, blue] = [a[at]! - b[at]!, a[at + 1]! - b[at + 1]!, a[at + 2]! - b[at + 2]!];
    sum += r * r + g * g + blue * blue;
  }
  return 10 * Math.log10((255 * 255 * a.length * 0.75) / sum);
}
