//! Pixels ↔ packets, and the tiles of a picture.

use crate::color::{self, from_opponent, to_opponent};
use crate::error::Error;
use crate::latent::pad;
use crate::network::{ModelConfig, Tensor};
use crate::signal::{Color, Image, Samples};
use crate::wavelet::packet2d;
use rayon::prelude::*;
use wavern_bitstream::{ImageHeader, TileRect};

/// A picture of more pixels than this is cut into tiles of [`TILE_LOG2`].
const WHOLE: u64 = 1_500_000;
/// Tiles of 1024 pixels a side, as the header counts.
const TILE_LOG2: u8 = 3;
/// A decoder refuses larger tiles: they bound the memory that a few bytes can ask for.
const LARGEST_TILE: u64 = 1 << 22;

/// 16-bit samples per 8-bit step.
const STEP_16: f32 = 257.0;

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

/// Pixels → packets: centre, opponent colours, pad to whole latents by repeating the border, wavelet packet.
pub fn to_packets(image: &Image, config: &ModelConfig) -> Tensor {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let channels = image.color().channels();
    let mut planes = Tensor::zeros([height, width, 3]);
    let value = |index: usize| match image.samples() {
        Samples::U8(v) => f32::from(v[index]),
        Samples::U16(v) => f32::from(v[index]) / STEP_16,
    };
    planes.data_mut().par_chunks_mut(3 * width).enumerate().for_each(|(y, row)| {
        for (x, out) in row.chunks_exact_mut(3).enumerate() {
            let first = (y * width + x) * channels;
            // A gray picture is R = G = B: all of it lands in the luma plane.
            let rgb = [0, 1, 2].map(|i| (value(first + i.min(channels - 1)) - color::CENTRE) / color::UNIT);
            out.copy_from_slice(&to_opponent(rgb));
        }
    });
    packet2d::analysis(&pad(&planes, config.signal_stride()), config.packet_levels)
}

/// Packets → pixels of a picture with this header.
pub fn from_packets(packets: &Tensor, header: &ImageHeader, config: &ModelConfig) -> Result<Image, Error> {
    let planes = packet2d::synthesis(packets, config.packet_levels);
    let (width, height) = (header.width as usize, header.height as usize);
    let (padded, data) = (planes.shape()[1], planes.data());
    let color = if header.colour == wavern_bitstream::Colour::Gray { Color::Gray } else { Color::Rgb };
    let channels = color.channels();
    let pixel = |y: usize, x: usize| {
        let at = (y * padded + x) * 3;
        let mut opponent = [data[at], data[at + 1], data[at + 2]];
        if channels == 1 {
            // The mean of R, G and B.
            opponent[1..].fill(0.0);
        }
        from_opponent(opponent).map(|v| v * color::UNIT + color::CENTRE)
    };
    let samples = match header.depth {
        wavern_bitstream::BitDepth::Eight => {
            let mut out = vec![0u8; width * height * channels];
            out.par_chunks_mut(width * channels).enumerate().for_each(|(y, row)| {
                for (x, out) in row.chunks_exact_mut(channels).enumerate() {
                    out.iter_mut().zip(pixel(y, x)).for_each(|(o, v)| *o = (v + 0.5) as u8);
                }
            });
            Samples::U8(out)
        }
        wavern_bitstream::BitDepth::Sixteen => {
            let mut out = vec![0u16; width * height * channels];
            out.par_chunks_mut(width * channels).enumerate().for_each(|(y, row)| {
                for (x, out) in row.chunks_exact_mut(channels).enumerate() {
                    out.iter_mut().zip(pixel(y, x)).for_each(|(o, v)| *o = (v * STEP_16 + 0.5) as u16);
                }
            });
            Samples::U16(out)
        }
    };
    Ok(Image::new(header.width, header.height, color, samples)?)
}
