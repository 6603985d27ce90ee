//! Pixels ↔ packets, row by row, and the tiles of a picture.

mod analysis;
mod painter;
mod synthesis;
mod tiles;
mod tree;

pub use analysis::PixelAnalysis;
pub use painter::{Extent, Painter, area, restore_dequantized, restore_image};
pub use synthesis::{Output, PixelSynthesis};
pub use tiles::{LARGEST_TILE, TILE_SIDES, check_tiles, latent_size, latent_windows, strip, tile_log2};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Tensor;
    use crate::config::ModelConfig;
    use crate::rows::Pixels;
    use crate::signal::Color;
    use crate::signal::Samples;
    use crate::view::Scale;
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

    /// Repeats the last row and column until both sides are whole latents.
    fn pad(x: &Tensor) -> Tensor {
        let [rows, columns, channels] = x.shape();
        let shape = [rows.next_multiple_of(16), columns.next_multiple_of(16), channels];
        let mut out = Tensor::zeros(shape);
        for (index, value) in out.data_mut().iter_mut().enumerate() {
            let (row, column) = (index / channels / shape[1], index / channels % shape[1]);
            let from = row.min(rows - 1) * columns + column.min(columns - 1);
            *value = x.data()[from * channels + index % channels];
        }
        out
    }

    /// The definition: planes as a whole, padded, through the packet transform.
    fn packets(samples: &[u8], width: usize, height: usize) -> Tensor {
        let mut planes = Tensor::zeros([height, width, 3]);
        for (pixel, out) in samples.chunks_exact(3).zip(planes.data_mut().chunks_exact_mut(3)) {
            let unit = |v: u8| (f32::from(v) - wavern_kernel::color::CENTRE) / wavern_kernel::color::UNIT;
            out.copy_from_slice(&wavern_kernel::color::to_opponent([pixel[0], pixel[1], pixel[2]].map(unit)));
        }
        packet2d::analysis(&pad(&planes), 3)
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
