//! The adaptive coder: for screens, drawings and whatever else repeats itself.
//!
//! One pass over the pixels in reading order. Is a pixel the same as one of six candidates, two of which followed the
//! same surroundings before? If not, its samples are differences from a prediction. All of that is binary decisions;
//! for each, eight contexts have an opinion that they have learned on the way, and a mixture of them is the
//! probability \[1]. The decoder learns the same, so nothing but decisions is in the stream. Integers only.
//!
//! ```text
//! pixels ── candidates ──┐
//!    │                   ├── mixer ── bits ── binary rANS of wavern-entropy
//!    └── literal ────────┘     │
//!          └ predict         slots
//! ```
//!
//! FORMAT.md defines it under "Adaptive tool".
//!
//! \[1] M. Mahoney, Adaptive weighing of context models for lossless data compression, Florida Tech CS-2005-16.

mod bits;
mod candidates;
mod literal;
mod logistic;
mod matches;
mod mixer;
mod predict;
mod settings;
mod slots;
mod window;

#[cfg(test)]
mod tests;

use super::Planes;
use bits::{Bits, Count};
use candidates::Pixels;
use settings::Shape;
pub use settings::{Settings, Tables};
use wavern_entropy::{BinaryDecoder, BinaryEncoder, Error};
use window::Window;

impl Planes {
    fn shape(&self) -> Shape {
        Shape { width: self.width, height: self.height, bits: self.bits, planes: self.planes.len() }
    }

    /// The pixels of a row, in the order of coding.
    fn row(&self, y: usize, row: &mut [u64]) {
        row.fill(0);
        for (c, &plane) in self.shape().order().iter().enumerate() {
            for (pixel, &sample) in row.iter_mut().zip(&self.planes[plane][y * self.width..]) {
                *pixel |= u64::from(sample) << (16 * c);
            }
        }
    }

    fn set_row(&mut self, y: usize, row: &[u64]) {
        for (c, &plane) in self.shape().order().iter().enumerate() {
            for (&pixel, sample) in row.iter().zip(&mut self.planes[plane][y * self.width..]) {
                *sample = (pixel >> (16 * c)) as u16;
            }
        }
    }
}

/// The coder between two rows.
struct Pass {
    window: Window,
    pixels: Pixels,
}

impl Pass {
    fn new(shape: &Shape, settings: Settings) -> Self {
        Self { window: Window::new(shape.width), pixels: Pixels::new(shape, settings) }
    }

    /// Codes a row in place.
    fn row<B: Bits>(&mut self, bits: &mut B, row: &mut [u64]) {
        self.window.start_row();
        let mut around = self.window.around();
        for (column, pixel) in row.iter_mut().enumerate() {
            *pixel = self.pixels.pixel(bits, &around, column, *pixel);
            self.window.advance(column, *pixel, &mut around);
        }
        self.window.end_row();
    }
}

/// The bytes of a tile. Samples must be below `1 << bits`.
///
/// Takes 4 bytes of memory for each decision, of which flat pixels take one and noise takes about ten a sample, and
/// the tables.
pub fn encode(tile: &Planes, tables: Tables) -> Vec<u8> {
    encode_with(tile, choose(tile, tables).0)
}

/// The bytes of a tile with given settings, or its samples as they are if those take fewer.
pub fn encode_with(tile: &Planes, settings: Settings) -> Vec<u8> {
    let shape = tile.shape();
    let mut pass = Pass::new(&shape, settings);
    let mut bits = BinaryEncoder::new();
    let mut row = vec![0; shape.width];
    for y in 0..shape.height {
        tile.row(y, &mut row);
        pass.row(&mut bits, &mut row);
    }
    let mut bytes = vec![settings.byte()];
    bytes.extend(bits.finish_and_reset());
    if bytes.len() <= shape.raw_bytes() { bytes } else { raw(tile) }
}

/// Samples as they are: row by row, plane by plane, highest bit first.
fn raw(tile: &Planes) -> Vec<u8> {
    let mut bytes = vec![Settings::RAW];
    let (mut pending, mut count) = (0_u32, 0);
    for &sample in tile.planes.iter().flatten() {
        pending = pending << tile.bits | u32::from(sample);
        count += tile.bits;
        while count >= 8 {
            count -= 8;
            bytes.push((pending >> count) as u8);
        }
    }
    if count > 0 {
        bytes.push((pending << (8 - count)) as u8);
    }
    bytes
}

/// The samples of a tile of `width × height` and `planes` planes (1 to 4) of `bits` bits (1 to 16).
///
/// Memory is that of the samples, a few rows, and at most 14 MiB; time is bounded by the number of samples.
///
/// # Errors
///
/// [`Error::Parameter`] if the shape is none, else [`Error::UnexpectedEnd`], [`Error::Malformed`] or
/// [`Error::FinalState`] if the bytes are not those of such a tile.
pub fn decode(bytes: &[u8], width: usize, height: usize, bits: u32, planes: usize) -> Result<Planes, Error> {
    let samples = width.checked_mul(height).filter(|&samples| samples > 0 && samples <= usize::MAX / 64);
    let Some(samples) = samples else {
        return Err(Error::Parameter { what: "samples of a tile", found: 0, expected: 1 });
    };
    if !(1..=16).contains(&bits) || !(1..=4).contains(&planes) {
        return Err(Error::Parameter { what: "bits or planes of a tile", found: planes, expected: 4 });
    }
    let (&first, rest) = bytes.split_first().ok_or(Error::UnexpectedEnd)?;
    let shape = Shape { width, height, bits, planes };
    if first == Settings::RAW {
        return read_raw(rest, &shape);
    }
    let settings = Settings::from_byte(first).ok_or(Error::Malformed { what: "settings of a tile" })?;
    let mut decoder = BinaryDecoder::new(rest)?;
    let mut tile = Planes { width, height, bits, planes: vec![vec![0; samples]; planes] };
    let mut pass = Pass::new(&shape, settings);
    let mut row = vec![0; width];
    for y in 0..height {
        pass.row(&mut decoder, &mut row);
        if decoder.failed() {
            break;
        }
        tile.set_row(y, &row);
    }
    decoder.finish()?;
    Ok(tile)
}

fn read_raw(bytes: &[u8], shape: &Shape) -> Result<Planes, Error> {
    if bytes.len() != shape.raw_bytes() {
        return Err(Error::Malformed { what: "length of raw samples" });
    }
    let Shape { width, height, bits, planes } = *shape;
    let (mut pending, mut count) = (0_u32, 0);
    let mut bytes = bytes.iter();
    let mut sample = || {
        while count < bits {
            pending = pending << 8 | u32::from(bytes.next().copied().unwrap_or(0));
            count += 8;
        }
        count -= bits;
        (pending >> count & ((1 << bits) - 1)) as u16
    };
    let planes = (0..planes).map(|_| (0..width * height).map(|_| sample()).collect()).collect();
    Ok(Planes { width, height, bits, planes })
}

/// About how many bits [`encode`] would take for the tile, by a part of it.
pub fn estimate(tile: &Planes, tables: Tables) -> u64 {
    choose(tile, tables).1
}

/// The settings that a part of the tile is smallest with, and about how many bits all of it would take.
///
/// Four turns of rows; after each, what is more than a sixteenth larger than the best is dropped. The rows that were
/// not looked at are taken to be as the second half of the last turn: the first rows teach the coder.
fn choose(tile: &Planes, tables: Tables) -> (Settings, u64) {
    let shape = tile.shape();
    // Small tables are quick to set up, and a part of a tile fills no more.
    let start = |settings: Settings| {
        let tables = settings.tables.min(14);
        (Count::default(), settings, Pass::new(&shape, Settings { tables, ..settings }), Count::default())
    };
    let mut ways: Vec<_> = Settings::all(tables.log2(&shape)).map(start).into();
    let (mut row, mut rows, mut later) = (vec![0; shape.width], 0, 1);
    for turn in sample_rows(&shape).iter().filter(|turn| !turn.is_empty()) {
        for (i, &y) in turn.iter().enumerate() {
            tile.row(y, &mut row);
            for (count, _, pass, half) in &mut ways {
                if i == turn.len() / 2 {
                    *half = *count;
                }
                // Coding what is known changes nothing in the row.
                pass.row(count, &mut row);
            }
        }
        rows += turn.len() as u64;
        later = turn.len().div_ceil(2) as u64;
        ways.sort_by_key(|(count, ..)| count.bits());
        let best = ways[0].0.bits();
        ways.retain(|(count, ..)| count.bits() <= best + best / 16);
        if ways.len() == 1 {
            break;
        }
    }
    let (count, settings, _, half) = &ways[0];
    let all = count.bits() + (count.bits() - half.bits()) * (shape.height as u64 - rows) / later;
    (*settings, all.min(8 * shape.raw_bytes() as u64) + 64)
}

/// Bands of 16 rows, an eighth of the tile in all but not less than 16,384 pixels, in four turns all over the tile.
fn sample_rows(shape: &Shape) -> [Vec<usize>; 4] {
    const BAND: usize = 16;
    let wanted = (shape.height / 8).max(16_384_usize.div_ceil(shape.width)).div_ceil(BAND);
    let bands = shape.height.div_ceil(BAND);
    let wanted = wanted.min(bands);
    [0, 1, 2, 3].map(|turn| {
        let starts = (turn..wanted).step_by(4).map(|i| (2 * i + 1) * bands / (2 * wanted) * BAND);
        starts.flat_map(|start| start..(start + BAND).min(shape.height)).collect()
    })
}
