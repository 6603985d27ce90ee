//! Drawings made up on the spot, so that a model of photographs has seen screens, charts and letters too: flat and
//! graded areas, boxes, discs, lines, and rows of small signs like text.

use crate::data::Random;

type Rgb = [f32; 3];

/// A canvas of `side` pixels a side.
struct Canvas {
    side: usize,
    pixels: Vec<Rgb>,
}

/// A random drawing, `[side, side, 3]`.
pub fn drawing(side: usize, random: &mut Random) -> Vec<u8> {
    let mut canvas = Canvas { side, pixels: vec![[0.0; 3]; side * side] };
    let paper = if random.unit() < 0.6 { tint(random, 0.93) } else { color(random) };
    let shade = if random.unit() < 0.3 { color(random) } else { paper };
    for y in 0..side {
        let t = y as f32 / side as f32;
        for x in 0..side {
            canvas.pixels[y * side + x] = mix(paper, shade, t);
        }
    }
    for _ in 0..random.below(7) {
        shape(&mut canvas, random);
    }
    for _ in 0..random.below(4) {
        paragraph(&mut canvas, random);
    }
    canvas.pixels.iter().flatten().map(|v| v.round().clamp(0.0, 255.0) as u8).collect()
}

/// Any colour; often one of full strength.
fn color(random: &mut Random) -> Rgb {
    let strong = random.unit() < 0.3;
    [0; 3].map(|_| if strong { random.below(2) as f32 * 255.0 } else { (random.unit() * 255.0) as f32 })
}

/// A gray near white or black.
fn tint(random: &mut Random, near: f64) -> Rgb {
    let value = near + (1.0 - near) * random.unit();
    let value = if random.unit() < 0.3 { 1.0 - value } else { value };
    [(value * 255.0) as f32; 3]
}

fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * t)
}

impl Canvas {
    /// Paints where `inside` (signed distance to the edge in pixels, positive inside) says so, with edges as sharp as
    /// pixels are.
    fn paint(&mut self, ink: Rgb, [top, left, bottom, right]: [f32; 4], inside: impl Fn(f32, f32) -> f32) {
        let clip = |v: f32| (v.max(0.0) as usize).min(self.side);
        for y in clip(top - 1.0)..clip(bottom + 2.0) {
            for x in clip(left - 1.0)..clip(right + 2.0) {
                let cover = (inside(x as f32 + 0.5, y as f32 + 0.5) + 0.5).clamp(0.0, 1.0);
                let pixel = &mut self.pixels[y * self.side + x];
                *pixel = mix(*pixel, ink, cover);
            }
        }
    }
}

/// A box, a frame, a disc or a line.
fn shape(canvas: &mut Canvas, random: &mut Random) {
    let side = canvas.side as f64;
    let ink = color(random);
    // Screens are made of whole pixels, drawings are not.
    let whole = random.unit() < 0.6;
    let mut place = || {
        let v = random.unit() * side;
        (if whole { v.round() } else { v }) as f32
    };
    let ([x0, x1], [y0, y1]) = ([place(), place()], [place(), place()]);
    let [left, right, top, bottom] = [x0.min(x1), x0.max(x1), y0.min(y1), y0.max(y1)];
    let width = (1 + random.below(4)) as f32;
    let area = [top, left, bottom, right];
    let inset = move |x: f32, y: f32| (x - left).min(right - x).min(y - top).min(bottom - y);
    match random.below(4) {
        0 => canvas.paint(ink, area, inset),
        1 => canvas.paint(ink, area, |x, y| {
            let depth = inset(x, y);
            depth.min(width - depth)
        }),
        2 => {
            let (radius, centre) = (0.5 * (right - left), [0.5 * (left + right), 0.5 * (top + bottom)]);
            let area = [centre[1] - radius, left, centre[1] + radius, right];
            canvas.paint(ink, area, |x, y| radius - (x - centre[0]).hypot(y - centre[1]));
        }
        _ => {
            let (dx, dy) = (x1 - x0, y1 - y0);
            let length = dx.hypot(dy).max(1.0);
            canvas.paint(ink, area, |x, y| 0.5 * width - ((x - x0) * dy - (y - y0) * dx).abs() / length);
        }
    }
}

/// Rows of signs: each is a few strokes on a grid of 3 × 5 points, and a drawing has a small alphabet of them.
fn paragraph(canvas: &mut Canvas, random: &mut Random) {
    let size = (1.0 + random.unit() * 2.5) as f32;
    let ink = if random.unit() < 0.7 { tint(random, 0.9) } else { color(random) };
    let stroke = size * (0.45 + 0.4 * random.unit() as f32);
    let alphabet: Vec<Vec<[f32; 4]>> = (0..12)
        .map(|_| {
            (0..2 + random.below(3))
                .map(|_| {
                    let [a, b] = [0; 2].map(|_| [random.below(3) as f32, random.below(5) as f32]);
                    // Most strokes of letters are upright or level.
                    match random.below(3) {
                        0 => [a[0], a[1], a[0], b[1]],
                        1 => [a[0], a[1], b[0], a[1]],
                        _ => [a[0], a[1], b[0], b[1]],
                    }
                })
                .collect()
        })
        .collect();
    let side = canvas.side as f32;
    let [left, top] = [0; 2].map(|_| (random.unit() as f32 * 0.7 * side).round());
    let (advance, leading) = (4.2 * size, 8.0 * size);
    let rows = 1 + random.below(8);
    let columns = 4 + random.below(40);
    for row in 0..rows {
        for column in 0..columns {
            let (x, y) = (left + column as f32 * advance, top + row as f32 * leading);
            if x + advance > side || y + leading > side || random.unit() < 0.16 {
                continue;
            }
            for [x0, y0, x1, y1] in &alphabet[random.below(alphabet.len())] {
                let [x0, x1] = [x0, x1].map(|v| x + v * size);
                let [y0, y1] = [y0, y1].map(|v| y + v * size);
                let area =
                    [y0.min(y1) - stroke, x0.min(x1) - stroke, y0.max(y1) + stroke, x0.max(x1) + stroke];
                canvas.paint(ink, area, |px, py| {
                    let (dx, dy) = (x1 - x0, y1 - y0);
                    let along = ((px - x0) * dx + (py - y0) * dy) / (dx * dx + dy * dy).max(1e-6);
                    let t = along.clamp(0.0, 1.0);
                    0.5 * stroke - (px - x0 - t * dx).hypot(py - y0 - t * dy)
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_differ_and_are_drawn() {
        let mut random = Random::new(3);
        let all: Vec<Vec<u8>> = (0..20).map(|_| drawing(64, &mut random)).collect();
        assert!(all.iter().all(|pixels| pixels.len() == 64 * 64 * 3));
        let drawn = all.iter().filter(|pixels| pixels.chunks(3).any(|p| p != &pixels[..3])).count();
        assert!(drawn > 12, "{drawn}");
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
