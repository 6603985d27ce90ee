//! How much an error counts where: less where the picture is busy, which hides it (`--tune visual`).
//!
//! The weight of a latent position is a power of the variance of its pixels, as in the adaptive quantization of video
//! encoders; its geometric mean over the picture is 1, so that the level keeps its meaning.

use crate::array::Tensor;
use crate::signal::{Image, Samples};
use rayon::prelude::*;

/// Weights go with the variance to minus this power.
const POWER: f32 = 0.25;
/// Added to variances, in squared steps of 8 bits: noise that nobody sees.
const FLOOR: f32 = 4.0;
/// Weights are limited to this and its inverse.
const LIMIT: f32 = 4.0;

/// The weights, `[rows, columns, 1]`, of positions that are `stride` (rows, columns) of pixels.
pub fn weights(image: &Image, [rows, columns]: [usize; 2], stride: [usize; 2]) -> Tensor {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mut weights = Tensor::zeros([rows, columns, 1]);
    weights.data_mut().par_iter_mut().enumerate().for_each(|(index, weight)| {
        let part = |position: usize, stride: usize, end: usize| {
            (position * stride).min(end - 1)..((position + 1) * stride).min(end)
        };
        let (lines, across) =
            (part(index / columns, stride[0], height), part(index % columns, stride[1], width));
        let (mut sum, mut squares, mut count) = (0.0f32, 0.0f32, 0.0f32);
        for y in lines {
            for x in across.clone() {
                let v = luma(image, y * width + x);
                sum += v;
                squares += v * v;
                count += 1.0;
            }
        }
        let mean = sum / count;
        *weight = -POWER * ((squares / count - mean * mean).max(0.0) + FLOOR).ln();
    });
    let mean = weights.data().iter().sum::<f32>() / weights.data().len().max(1) as f32;
    weights.data_mut().iter_mut().for_each(|w| *w = (*w - mean).exp().clamp(1.0 / LIMIT, LIMIT));
    weights
}

/// About the luma of a pixel, in steps of 8 bits.
fn luma(image: &Image, pixel: usize) -> f32 {
    let at = |i: usize| match image.samples() {
        Samples::U8(samples) => f32::from(samples[i]),
        Samples::U16(samples) => f32::from(samples[i]) / 257.0,
    };
    match image.color().channels() {
        1 => at(pixel),
        _ => 0.25 * at(3 * pixel) + 0.625 * at(3 * pixel + 1) + 0.125 * at(3 * pixel + 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Color;

    #[test]
    fn busy_parts_count_less_and_all_of_it_as_much_as_before() {
        let sample = |i: usize| if i % 64 < 32 { 128 } else { (i * 97 % 251) as u8 };
        let image = Image::new(64, 32, Color::Gray, Samples::U8((0..64 * 32).map(sample).collect())).unwrap();
        let weights = weights(&image, [2, 4], [16, 16]);
        let product: f32 = weights.data().iter().product();
        assert!((product - 1.0).abs() < 1e-3, "{product}");
        for row in weights.data().chunks_exact(4) {
            assert!(row[0] > 1.5 && row[3] < 0.7 && row[0] == row[1], "{row:?}");
        }
    }
}
