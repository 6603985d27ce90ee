//! One-dimensional packets of sound: a full tree over [`sym20`], bands in order of frequency.

use super::{frequency_order, sym20};
use crate::network::Tensor;
use rayon::prelude::*;

/// Samples of full scale 1 are multiplied by this before the packet: brings typical coefficients near 1.
pub const UNIT: f32 = 16.0;

/// Splits `levels` times along time.
///
/// `channels` are signals of equal length, a multiple of 2^levels; the result is
/// `[1, length / 2^levels, channels · 2^levels]`. Channels are ordered by [`channel_of`]: even bands first, so that
/// a prior that decodes the first half knows both neighbours in frequency of everything in the second half.
///
/// # Panics
/// If the lengths differ or are not multiples of 2^levels.
pub fn analysis(signals: &[Vec<f32>], levels: u32) -> Tensor {
    let bands = 1usize << levels;
    let length = signals.first().map_or(0, Vec::len);
    assert!(length.is_multiple_of(bands) && signals.iter().all(|s| s.len() == length));
    let frames = length / bands;
    let channels = signals.len() * bands;
    let mut out = Tensor::zeros([1, frames, channels]);
    if frames == 0 {
        return out;
    }
    let trees: Vec<Vec<f32>> = signals.par_iter().map(|signal| split_tree(signal, levels)).collect();
    out.data_mut().par_chunks_mut(channels).enumerate().for_each(|(frame, out)| {
        for (index, tree) in trees.iter().enumerate() {
            for (path, band) in tree.chunks_exact(frames).enumerate() {
                out[channel_of(index, frequency_order(path), signals.len(), bands)] = band[frame];
            }
        }
    });
    out
}

/// Undoes [`analysis`] for `count` signals.
///
/// # Panics
/// If the channels of `packets` are not `count · 2^levels`.
pub fn synthesis(packets: &Tensor, count: usize, levels: u32) -> Vec<Vec<f32>> {
    let bands = 1usize << levels;
    let [_, frames, channels] = packets.shape();
    assert_eq!(channels, count * bands);
    if frames == 0 {
        return vec![Vec::new(); count];
    }
    let data = packets.data();
    (0..count)
        .into_par_iter()
        .map(|index| {
            let mut tree = vec![0.0f32; frames * bands];
            for (path, band) in tree.chunks_exact_mut(frames).enumerate() {
                let channel = channel_of(index, frequency_order(path), count, bands);
                for (frame, value) in band.iter_mut().enumerate() {
                    *value = data[frame * channels + channel];
                }
            }
            merge_tree(tree, levels)
        })
        .collect()
}

/// Channel of band `band` of signal `signal`: even bands of all signals, then odd bands of all signals.
pub fn channel_of(signal: usize, band: usize, signals: usize, bands: usize) -> usize {
    ((band & 1) * signals + signal) * (bands / 2) + band / 2
}

fn split_tree(signal: &[f32], levels: u32) -> Vec<f32> {
    let mut front = signal.to_vec();
    let mut back = vec![0.0f32; signal.len()];
    for level in 0..levels {
        let size = signal.len() >> level;
        front.par_chunks_exact(size).zip(back.par_chunks_exact_mut(size)).for_each(|(signal, out)| {
            let (low, high) = out.split_at_mut(size / 2);
            sym20::split(signal, low, high);
        });
        std::mem::swap(&mut front, &mut back);
    }
    front
}

fn merge_tree(mut front: Vec<f32>, levels: u32) -> Vec<f32> {
    let mut back = vec![0.0f32; front.len()];
    for level in (0..levels).rev() {
        let size = front.len() >> level;
        front.par_chunks_exact(size).zip(back.par_chunks_exact_mut(size)).for_each(|(pair, out)| {
            let (low, high) = pair.split_at(size / 2);
            sym20::merge(low, high, out);
        });
        std::mem::swap(&mut front, &mut back);
    }
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize) -> Vec<f32> {
        let mut state = 7u32;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32 - 0.5
            })
            .collect()
    }

    #[test]
    fn reconstruction_is_perfect_on_every_length_1_to_130_after_padding() {
        for len in 1..=130usize {
            for (unit, levels) in [(8usize, 3u32), (256, 8)] {
                let padded = len.div_ceil(unit) * unit;
                let x = vec![noise(padded), noise(padded / 2 * 2)[..padded].to_vec()];
                let packets = analysis(&x, levels);
                assert_eq!(packets.shape(), [1, padded / unit, 2 * unit]);
                let back = synthesis(&packets, 2, levels);
                for (x, y) in x.iter().flatten().zip(back.iter().flatten()) {
                    assert!((x - y).abs() < 2e-5, "length {len}");
                }
            }
        }
        let long = vec![noise(256 * 33)];
        let back = synthesis(&analysis(&long, 8), 1, 8);
        assert!(long[0].iter().zip(&back[0]).all(|(x, y)| (x - y).abs() < 2e-5));
    }

    #[test]
    fn bands_are_in_order_of_frequency_and_orthonormal() {
        let len = 256 * 64;
        for band in [0usize, 1, 2, 100, 101, 255] {
            let w = std::f32::consts::PI * (band as f32 + 0.5) / 256.0;
            let x: Vec<f32> = (0..len).map(|i| (w * i as f32).cos()).collect();
            let packets = analysis(&[x.clone()].map(|v| v), 8);
            let mut energy = vec![0.0f32; 256];
            for frame in packets.data().chunks_exact(256) {
                for (b, e) in energy.iter_mut().enumerate() {
                    *e += frame[channel_of(0, b, 1, 256)].powi(2);
                }
            }
            let total: f32 = energy.iter().sum();
            let signal: f32 = x.iter().map(|v| v * v).sum();
            assert!((total / signal - 1.0).abs() < 1e-3);
            assert!(energy[band] > 0.5 * total, "band {band}: {}", energy[band] / total);
        }
    }

    #[test]
    fn no_samples_give_no_frames() {
        assert_eq!(analysis(&[Vec::new(), Vec::new()], 8).shape(), [1, 0, 512]);
        assert_eq!(synthesis(&Tensor::zeros([1, 0, 512]), 2, 8), vec![Vec::<f32>::new(); 2]);
    }
}
