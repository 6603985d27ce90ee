//! Pixels ↔ packets, row by row, and the tiles of a picture.

mod analysis;
mod synthesis;
mod tree;

pub use analysis::PixelAnalysis;
pub use synthesis::{Output, PixelSynthesis};

use crate::error::Error;
use crate::network::ModelConfig;
use crate::signal::Samples;
use wavern_bitstream::{ImageHeader, TileRect};

/// A picture of more pixels than this is cut into tiles of [`TILE_LOG2`].
const WHOLE: u64 = 1_500_000;
/// Tiles of 1024 pixels a side, as the header counts.
const TILE_LOG2: u8 = 3;
/// A decoder refuses larger tiles: they bound the memory that a few bytes can ask for.
const LARGEST_TILE: u64 = 1 << 22;

/// Interleaved samples of some rows.
#[derive(Clone, Copy, Debug)]
pub enum Pixels<'a> {
    /// 8 bits each.
    U8(&'a [u8]),
    /// 16 bits each.
    U16(&'a [u16]),
}

impl<'a> Pixels<'a> {
    /// Some of the samples.
    ///
    /// # Panics
    /// If they are not all there.
    pub fn part(self, range: std::ops::Range<usize>) -> Self {
        match self {
            Self::U8(samples) => Self::U8(&samples[range]),
            Self::U16(samples) => Self::U16(&samples[range]),
        }
    }

    /// Puts the samples behind others, if those have the same depth.
    pub fn append_to(self, samples: &mut Samples) {
        match (self, samples) {
            (Self::U8(part), Samples::U8(whole)) => whole.extend_from_slice(part),
            (Self::U16(part), Samples::U16(whole)) => whole.extend_from_slice(part),
            _ => debug_assert!(false, "samples of another depth"),
        }
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(samples) => samples.len(),
            Self::U16(samples) => samples.len(),
        }
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> From<&'a Samples> for Pixels<'a> {
    fn from(samples: &'a Samples) -> Self {
        match samples {
            Samples::U8(samples) => Self::U8(samples),
            Samples::U16(samples) => Self::U16(samples),
        }
    }
}

/// How much smaller than the picture the result of decoding is, along both axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scale {
    /// As it is.
    #[default]
    Whole,
    /// 1/2.
    Half,
    /// 1/4.
    Quarter,
    /// 1/8.
    Eighth,
}

impl Scale {
    /// Halvings.
    pub fn log2(self) -> u32 {
        self as u32
    }
}
/// The `tile_log2` an encoder writes for a picture of this size.
pub fn tile_log2(width: u32, height: u32) -> u8 {
    if u64::from(width) * u64::from(height) <= WHOLE { 0 } else { TILE_LOG2 }
}

/// Refuses tiles that are too large, or that do not fall on whole hyper-latents.
///
/// # Errors
/// [`Error::Field`].
pub fn check_tiles(header: &ImageHeader, config: &ModelConfig) -> Result<(), Error> {
    let tile = header.tile_rect(0).map_or(0, |t| u64::from(t.width) * u64::from(t.height));
    let block: Vec<usize> = (0..2).map(|i| config.signal_stride()[i] * config.hyper_stride()[i]).collect();
    let side = header.tile_side().unwrap_or(0) as usize;
    if tile > LARGEST_TILE || block.iter().any(|b| !side.is_multiple_of(*b)) {
        let expected =
            format!("tiles of at most {LARGEST_TILE} pixels, sides multiples of {}×{}", block[0], block[1]);
        return Err(Error::Field { field: "tile size in pixels", value: tile, expected });
    }
    Ok(())
}

/// The latent positions of a tile: first row and column, rows, columns.
pub fn latent_window(tile: TileRect, config: &ModelConfig) -> [usize; 4] {
    let [v, u] = config.signal_stride();
    let [x, y, width, height] = [tile.x, tile.y, tile.width, tile.height].map(|n| n as usize);
    [y / v, x / u, height.div_ceil(v), width.div_ceil(u)]
}

/// Rows of pixels that go through the transforms together: fewer in a wide picture, so that a strip stays in cache.
pub fn strip(width: usize) -> usize {
    const PIXELS: usize = 1 << 16;
    (PIXELS / width.max(1) / 16 * 16).clamp(16, 64)
}

/// Rows and columns of y of the whole picture.
pub fn latent_size(header: &ImageHeader, config: &ModelConfig) -> [usize; 2] {
    let [v, u] = config.signal_stride();
    [(header.height as usize).div_ceil(v), (header.width as usize).div_ceil(u)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Tensor;
    use crate::signal::Color;
    use crate::wavelet::packet2d;

    fn samples(len: usize) -> Vec<u8> {
        let mut state = 7u32;
        (0..len)
            .map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (i / 40 % 200) as u8 + (state >> 27) as u8
            })
            .collect()
    }

    fn analysis(samples: &Samples, width: usize, channels: usize, strip: usize) -> Vec<f32> {
        let mut stream = PixelAnalysis::new(width, channels, &ModelConfig::image());
        let (mut out, length) = (Vec::new(), strip * width * channels);
        for first in (0..samples.len()).step_by(length) {
            let to = samples.len().min(first + length);
            let rows = match samples {
                Samples::U8(v) => Pixels::U8(&v[first..to]),
                Samples::U16(v) => Pixels::U16(&v[first..to]),
            };
            out.extend_from_slice(stream.push(rows, to == samples.len()));
        }
        out
    }

    fn output(width: usize, height: usize, channels: usize, depth: u8) -> Output {
        Output { size: [width, height], skip: [0, 0], channels, depth, scale: Scale::Whole }
    }

    fn synthesis(packets: &[f32], columns: usize, output: Output, strip: usize) -> Samples {
        let mut stream = PixelSynthesis::new(columns, output, &ModelConfig::image());
        let (mut bytes, mut words) = (Vec::new(), Vec::new());
        let mut strips = packets.chunks(strip * columns * 192).peekable();
        while let Some(rows) = strips.next() {
            match stream.push(rows, strips.peek().is_none()) {
                Pixels::U8(v) => bytes.extend_from_slice(v),
                Pixels::U16(v) => words.extend_from_slice(v),
            }
        }
        if output.depth == 8 { Samples::U8(bytes) } else { Samples::U16(words) }
    }

    /// The definition: planes as a whole, padded, through the packet transform.
    fn packets(samples: &[u8], width: usize, height: usize) -> Tensor {
        let mut planes = Tensor::zeros([height, width, 3]);
        for (pixel, out) in samples.chunks_exact(3).zip(planes.data_mut().chunks_exact_mut(3)) {
            let unit = |v: u8| (f32::from(v) - crate::color::CENTRE) / crate::color::UNIT;
            out.copy_from_slice(&crate::color::to_opponent([pixel[0], pixel[1], pixel[2]].map(unit)));
        }
        packet2d::analysis(&crate::latent::pad(&planes, [16, 16]), 3)
    }

    #[test]
    fn strips_give_the_bits_of_the_whole_transform_and_the_picture_comes_back() {
        for (width, height) in [(1, 1), (16, 16), (37, 21), (300, 50), (600, 130)] {
            let pixels = samples(width * height * 3);
            let whole = packets(&pixels, width, height);
            let pixels = Samples::U8(pixels);
            for strip in [1, 7, 64, height] {
                let strips = analysis(&pixels, width, 3, strip);
                assert!(strips == whole.data(), "{width}×{height} in strips of {strip}");
            }
            let columns = whole.shape()[1];
            for strip in [1, 3, 1000] {
                let back = synthesis(whole.data(), columns, output(width, height, 3, 8), strip);
                assert!(back == pixels, "{width}×{height} in strips of {strip}");
            }
        }
    }

    #[test]
    fn gray_and_sixteen_bits_come_back() {
        let (width, height) = (50, 33);
        let gray = Samples::U8(samples(width * height));
        let deep = Samples::U16(samples(width * height * 3).iter().map(|v| u16::from(*v) * 251).collect());
        for (pixels, color) in [(gray, Color::Gray), (deep, Color::Rgb)] {
            let packets = analysis(&pixels, width, color.channels(), 16);
            let output = output(width, height, color.channels(), pixels.depth());
            match (synthesis(&packets, 8, output, 2), &pixels) {
                (Samples::U8(a), Samples::U8(b)) => assert!(a == *b),
                // Packets have 24 bits, of which 16-bit samples leave a little to rounding.
                (Samples::U16(a), Samples::U16(b)) => {
                    assert!(a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= 1));
                }
                _ => unreachable!("the depth is kept"),
            }
        }
    }

    #[test]
    fn a_scaled_picture_is_the_low_band_of_the_wavelet() {
        let (width, height) = (80, 48);
        let pixels = samples(width * height * 3);
        let whole = packets(&pixels, width, height);
        let mut band = Tensor::zeros([height, width, 3]);
        for (pixel, out) in pixels.chunks_exact(3).zip(band.data_mut().chunks_exact_mut(3)) {
            out.iter_mut().zip(pixel).for_each(|(out, v)| *out = f32::from(*v));
        }
        for scale in [Scale::Half, Scale::Quarter, Scale::Eighth] {
            // One more level of the wavelet on the pixels themselves; channel 4 c is the low band of channel c.
            let split = packet2d::analysis(&band, 1);
            let [rows, columns, _] = split.shape();
            let low = split.data().iter().step_by(4).map(|v| v / 2.0).collect();
            band = Tensor::from_vec([rows, columns, 3], low);
            let wanted = Output { scale, ..output(columns, rows, 3, 8) };
            let Samples::U8(small) = synthesis(whole.data(), whole.shape()[1], wanted, 5) else {
                unreachable!()
            };
            for (a, b) in small.iter().zip(band.data()) {
                assert!((f32::from(*a) - b.clamp(0.0, 255.0)).abs() < 0.51, "{scale:?}: {a} {b}");
            }
        }
    }
}
