//! The lapped transform of sound: a modified discrete cosine transform (MDCT) with a sine window.
//!
//! A frame covers two blocks of `hop` samples and gives `hop` coefficients; the next frame begins one block later. Each
//! frame alone brings back its samples mixed with their mirror image, and the mirror images of neighbours cancel
//! (Princen and Bradley, "Analysis/synthesis filter bank design based on time domain aliasing cancellation", 1986). The
//! transform is orthonormal: an error in the coefficients is the same error in the sound. An error reaches two blocks,
//! no further.

use std::f64::consts::PI;

/// The transform for one hop.
#[derive(Debug)]
pub struct Lapped {
    hop: usize,
    /// The rising half of the window, `hop` values; the falling half is its mirror image.
    window: Vec<f32>,
    /// The DCT-IV as an orthonormal symmetric matrix, `[hop, hop]`.
    cosines: Vec<f32>,
}

impl Lapped {
    /// # Panics
    /// If `hop` is 0 or odd.
    pub fn new(hop: usize) -> Self {
        assert!(hop > 0 && hop.is_multiple_of(2));
        let n = hop as f64;
        let window = (0..hop).map(|i| (PI / (2.0 * n) * (i as f64 + 0.5)).sin() as f32).collect();
        let cosine = |i: usize| {
            let (row, column) = ((i / hop) as f64 + 0.5, (i % hop) as f64 + 0.5);
            ((2.0 / n).sqrt() * (PI / n * row * column).cos()) as f32
        };
        Self { hop, window, cosines: (0..hop * hop).map(cosine).collect() }
    }

    /// Samples from one frame to the next, and coefficients of a frame.
    pub fn hop(&self) -> usize {
        self.hop
    }

    /// The coefficients of the frame over two blocks, lowest frequency first.
    ///
    /// # Panics
    /// If a slice does not hold `hop` values.
    pub fn forward(&self, left: &[f32], right: &[f32], coefficients: &mut [f32]) {
        let (hop, half) = (self.hop, self.hop / 2);
        assert!(left.len() == hop && right.len() == hop);
        let falling = |i: usize| right[i] * self.window[hop - 1 - i];
        let rising = |i: usize| left[i] * self.window[i];
        let mut folded = vec![0.0f32; hop];
        for i in 0..half {
            folded[i] = -falling(half - 1 - i) - falling(half + i);
            folded[half + i] = rising(i) - rising(hop - 1 - i);
        }
        self.rotate(&folded, coefficients);
    }

    /// Adds what a frame gives to its two blocks of samples.
    ///
    /// # Panics
    /// If a slice does not hold `hop` values.
    pub fn inverse(&self, coefficients: &[f32], left: &mut [f32], right: &mut [f32]) {
        let (hop, half) = (self.hop, self.hop / 2);
        assert!(left.len() == hop && right.len() == hop);
        let mut folded = vec![0.0f32; hop];
        self.rotate(coefficients, &mut folded);
        for i in 0..half {
            left[i] += self.window[i] * folded[half + i];
            left[hop - 1 - i] -= self.window[hop - 1 - i] * folded[half + i];
            right[half - 1 - i] -= self.window[half + i] * folded[i];
            right[half + i] -= self.window[half - 1 - i] * folded[i];
        }
    }

    /// The DCT-IV, its own inverse.
    fn rotate(&self, x: &[f32], out: &mut [f32]) {
        assert!(x.len() == self.hop && out.len() == self.hop);
        out.fill(0.0);
        for (&value, row) in x.iter().zip(self.cosines.chunks_exact(self.hop)) {
            if value != 0.0 {
                out.iter_mut().zip(row).for_each(|(out, cosine)| *out += value * cosine);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern_kernel::arbitrary::reals;

    fn noise(len: usize) -> Vec<f32> {
        reals(len, 7).iter().map(|v| 0.5 * v).collect()
    }

    #[test]
    fn overlapping_frames_give_the_samples_back() {
        for hop in [2usize, 8, 256] {
            let lapped = Lapped::new(hop);
            let x = noise(6 * hop);
            let mut back = vec![0.0f32; x.len()];
            for at in (0..5 * hop).step_by(hop) {
                let mut coefficients = vec![0.0; hop];
                lapped.forward(&x[at..][..hop], &x[at + hop..][..hop], &mut coefficients);
                let (left, right) = back[at..at + 2 * hop].split_at_mut(hop);
                lapped.inverse(&coefficients, left, right);
            }
            // The first and the last block lack a neighbour.
            for i in hop..5 * hop {
                assert!((x[i] - back[i]).abs() < 1e-5, "hop {hop}, sample {i}");
            }
        }
    }

    #[test]
    fn energy_is_kept_and_a_tone_falls_into_its_band() {
        let (hop, frames) = (256usize, 40);
        let lapped = Lapped::new(hop);
        for band in [0usize, 1, 100, 255] {
            let w = std::f32::consts::PI * (band as f32 + 0.5) / hop as f32;
            let x: Vec<f32> = (0..(frames + 1) * hop).map(|i| (w * i as f32).sin()).collect();
            let mut energy = vec![0.0f64; hop];
            for at in (0..frames * hop).step_by(hop) {
                let mut coefficients = vec![0.0; hop];
                lapped.forward(&x[at..][..hop], &x[at + hop..][..hop], &mut coefficients);
                energy.iter_mut().zip(&coefficients).for_each(|(e, c)| *e += f64::from(c * c));
            }
            let total: f64 = energy.iter().sum();
            let signal: f64 = x[hop..frames * hop].iter().map(|&v| f64::from(v * v)).sum();
            assert!((total / signal - 1.0).abs() < 0.05, "band {band}: {total} of {signal}");
            assert!(energy[band] > 0.5 * total, "band {band}: {}", energy[band] / total);
        }
    }
}
