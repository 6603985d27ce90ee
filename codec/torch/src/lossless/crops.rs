//! Crops as batches of samples: turned, altered, and their planes as the codec has them.

use super::pictures::{Pool, Set, between};
use crate::data::Random;
use image::RgbImage;
use wavern::internals::lossless::Planes;
use wavern::internals::lossless::color::Transform;
use wavern::internals::lossless::fit::{Batch, MARGIN};
use wavern::internals::lossless::network::inputs::Plane;
use wavern::internals::lossless::network::tile::Tile;

/// Columns of a crop that are predicted, and rows of it that are drawn.
const COLUMNS: usize = 128;
const ROWS: usize = 24;
/// Pixels of a side of a crop.
pub const SIDE: usize = COLUMNS + 2 * MARGIN;
/// Crops of a batch: 18,432 samples of each plane.
const CROPS: usize = 6;
/// Shares of crops with noise, with a curve of tone, and with colour at half the resolution, one after the other.
const NOISE: f64 = 0.15;
const TONE: f64 = 0.15;
const HALVED: f64 = 0.18;
/// Standard deviations of noise, for most sets and for the one that is for noise.
const LITTLE_NOISE: [f64; 2] = [0.3, 3.0];
const MUCH_NOISE: [f64; 2] = [1.0, 8.0];
/// Share of noise that is the same in all colours, and of crops in YCoCg.
const GRAY_NOISE: f64 = 0.3;
const YCOCG: f64 = 0.7;

/// An RGB pixel.
type Pixel = [i32; 3];

/// One batch for each plane.
pub fn batches(pool: &Pool, random: &mut Random) -> [Batch; 3] {
    let mut batches: [Batch; 3] = Default::default();
    for _ in 0..CROPS {
        let mut pixels = crop(pool.draw(random), random);
        alter(&mut pixels, pool.set(), random);
        // The colours that are left alone are for pictures where they have nothing in common, and tried there only.
        let transform =
            if random.unit() < YCOCG { Transform::YCoCg } else { Transform::ALL[random.below(3)] };
        let tile = transform.planes(&planes(&pixels, SIDE));
        let rows: Vec<usize> = (0..ROWS).map(|_| MARGIN + random.below(COLUMNS)).collect();
        for (plane, batch) in Plane::ALL.into_iter().zip(&mut batches) {
            batch.take(plane, &tile, rows.iter().copied(), COLUMNS);
        }
    }
    batches
}

/// Samples of a whole picture in YCoCg, those of every `step`-th row that are not near its rim. `pixels` are
/// interleaved bytes; `rows` and `columns` exceed 2 [`MARGIN`] by at least 16.
pub fn of_picture(rows: usize, columns: usize, pixels: &[u8], step: usize) -> [Batch; 3] {
    let pixels: Vec<Pixel> = pixels.as_chunks::<3>().0.iter().map(|p| p.map(i32::from)).collect();
    let tile: Tile = Transform::YCoCg.planes(&planes(&pixels, columns));
    Plane::ALL.map(|plane| {
        let mut batch = Batch::default();
        batch.take(plane, &tile, (MARGIN..rows - MARGIN).step_by(step), (columns - 2 * MARGIN) / 16 * 16);
        batch
    })
}

fn planes(pixels: &[Pixel], width: usize) -> Planes {
    let plane = |channel: usize| pixels.iter().map(|pixel| pixel[channel] as u16).collect();
    Planes { width, height: pixels.len() / width, bits: 8, planes: (0..3).map(plane).collect() }
}

/// A square of a picture, mirrored and transposed at random.
fn crop(picture: &RgbImage, random: &mut Random) -> Vec<Pixel> {
    let mut place = |length: u32| random.below(length as usize - SIDE + 1);
    let (left, top) = (place(picture.width()), place(picture.height()));
    let [transposed, across, down] = [(); 3].map(|()| random.unit() < 0.5);
    let at = |index: usize| {
        let (y, x) = if transposed { (index % SIDE, index / SIDE) } else { (index / SIDE, index % SIDE) };
        let (x, y) = (if across { SIDE - 1 - x } else { x }, if down { SIDE - 1 - y } else { y });
        picture.get_pixel((left + x) as u32, (top + y) as u32).0.map(i32::from)
    };
    (0..SIDE * SIDE).map(at).collect()
}

/// As pictures of the set are, and some of any set.
fn alter(pixels: &mut [Pixel], set: Set, random: &mut Random) {
    let choice = match set {
        Set::Clean | Set::Jpeg => return,
        // All crops have noise, except a few with curves.
        Set::Noisy => (NOISE + 0.02) * random.unit(),
        Set::Soft => match random.unit() {
            share if share < 0.35 => 0.0,
            share if share < 0.7 => NOISE + TONE,
            _ => return,
        },
        Set::Photo => random.unit(),
    };
    if choice < NOISE {
        noise(pixels, if set == Set::Noisy { MUCH_NOISE } else { LITTLE_NOISE }, random);
    } else if choice < NOISE + TONE {
        tone(pixels, random);
    } else if choice < NOISE + TONE + HALVED {
        halved(pixels, SIDE, random.unit() < 0.5);
    }
}

/// Adds noise, nearly normal.
fn noise(pixels: &mut [Pixel], deviation: [f64; 2], random: &mut Random) {
    let deviation = between(deviation, random);
    let gray = random.unit() < GRAY_NOISE;
    // The sum of four uniform numbers has a variance of a third.
    let mut draw = || ((0..4).map(|_| random.unit()).sum::<f64>() - 2.0) * 3f64.sqrt() * deviation;
    for pixel in pixels {
        let mut noise = [(); 3].map(|()| draw());
        if gray {
            noise = [noise[0]; 3];
        }
        for (value, noise) in pixel.iter_mut().zip(noise) {
            *value = limited(f64::from(*value) + noise);
        }
    }
}

/// A curve of tone for each colour, which leaves gaps among the values.
fn tone(pixels: &mut [Pixel], random: &mut Random) {
    let (gamma, gain) = (between([0.7, 1.4], random), between([0.8, 1.3], random));
    let curve: Vec<i32> =
        (0..256).map(|v| limited(255.0 * ((f64::from(v) / 255.0).powf(gamma) * gain))).collect();
    pixels.iter_mut().flatten().for_each(|value| *value = curve[*value as usize]);
}

/// Colour at half the resolution along each side, as JPEG's 4:2:0, repeated or (`smooth`) interpolated.
fn halved(pixels: &mut [Pixel], side: usize, smooth: bool) {
    let differences = |pixel: &Pixel| {
        let [r, g, b] = pixel.map(f64::from);
        let y = 0.299 * r + 0.587 * g + 0.114 * b;
        [y, (b - y) * 0.564, (r - y) * 0.713]
    };
    let before: Vec<[f64; 3]> = pixels.iter().map(differences).collect();
    let half = side.div_ceil(2);
    let mean = |index: usize| {
        let (y, x) = (2 * (index / half), 2 * (index % half));
        let places = [(y, x), (y, x + 1), (y + 1, x), (y + 1, x + 1)];
        let sum = places.iter().fold([0.0; 2], |sum, &(y, x)| {
            let [_, cb, cr] = before[y.min(side - 1) * side + x.min(side - 1)];
            [sum[0] + cb, sum[1] + cr]
        });
        sum.map(|sum| (sum / 4.0_f64).round())
    };
    let small: Vec<[f64; 2]> = (0..half * half).map(mean).collect();
    for (index, pixel) in pixels.iter_mut().enumerate() {
        let (y, x) = (index / side, index % side);
        // The other one of the two nearest along each side.
        let other =
            |at: usize| if at % 2 == 1 { (at / 2 + 1).min(half - 1) } else { (at / 2).saturating_sub(1) };
        let at = |row: usize, column: usize, c: usize| small[row * half + column][c];
        let (row, column, below, beside) = (y / 2, x / 2, other(y), other(x));
        let [cb, cr] = [0, 1].map(|c| match smooth {
            false => at(row, column, c),
            true => {
                let near = 9.0 * at(row, column, c) + 3.0 * at(row, beside, c);
                ((near + 3.0 * at(below, column, c) + at(below, beside, c)) / 16.0).round()
            }
        });
        let luma = before[index][0].round();
        *pixel = [luma + 1.402 * cr, luma - 0.344 * cb - 0.714 * cr, luma + 1.772 * cb].map(limited);
    }
}

fn limited(value: f64) -> i32 {
    value.round().clamp(0.0, 255.0) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halved_colours_keep_gray_and_flat_areas() {
        let gray: Vec<Pixel> = (0..49).map(|i| [5 * i; 3]).collect();
        for smooth in [false, true] {
            let mut pixels = gray.clone();
            halved(&mut pixels, 7, smooth);
            assert_eq!(pixels, gray);
            let mut flat = vec![[200, 100, 40]; 49];
            halved(&mut flat, 7, smooth);
            assert!(
                flat.iter().flatten().zip([200, 100, 40].iter().cycle()).all(|(a, b)| a.abs_diff(*b) < 2)
            );
        }
    }

    #[test]
    fn batches_have_the_shape_that_the_networks_take() {
        let picture = RgbImage::from_fn(150, 140, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]));
        let mut random = Random::new(3);
        assert_eq!(crop(&picture, &mut random).len(), SIDE * SIDE);
        let batches = of_picture(140, 150, picture.as_raw(), 4);
        for (plane, batch) in Plane::ALL.into_iter().zip(&batches) {
            assert_eq!(batch.residual.len(), 33 * 128);
            assert_eq!(batch.inputs.len(), batch.residual.len() * plane.inputs());
            assert!(batch.unit.iter().all(|unit| *unit > 0.0));
        }
    }
}
