//! Log-spectral distance: how far apart two sounds are in the loudness of their frequencies, whatever their phases.

use super::same_length;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use wavern::Audio;

/// Samples of a spectrum, and from one spectrum to the next.
const WINDOW: usize = 2048;
const STEP: usize = 512;
/// Power below which there is nothing to hear: −100 dB under a full-scale constant.
const FLOOR: f64 = 1e-10;

/// Log-spectral distance in decibels: the root mean square over the frequencies of the difference of two power spectra
/// in dB, averaged over time and channels. `None` for sounds without samples.
///
/// Spectra are taken every 512 samples through a Hann window of 2048 with unit sum; the end is padded with zeros.
pub fn log_spectral_distance(original: &Audio, decoded: &Audio) -> Option<f64> {
    if !same_length(original, decoded) || original.frames() == 0 {
        return None;
    }
    let pairs = original.channels().iter().zip(decoded.channels());
    let sum: f64 = pairs.map(|(x, y)| channel_distance(x, y)).sum();
    Some(sum / original.channels().len() as f64)
}

fn channel_distance(x: &[f32], y: &[f32]) -> f64 {
    let mut spectrum = Spectrum::new();
    let count = 1 + x.len().saturating_sub(WINDOW).div_ceil(STEP);
    let distance = |index: usize| {
        let start = index * STEP;
        let a = spectrum.decibels(&x[start..]);
        let b = spectrum.decibels(&y[start..]);
        let squares: f64 = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum();
        (squares / a.len() as f64).sqrt()
    };
    (0..count).map(distance).sum::<f64>() / count as f64
}

struct Spectrum {
    fft: std::sync::Arc<dyn realfft::RealToComplex<f64>>,
    window: Vec<f64>,
    input: Vec<f64>,
    output: Vec<Complex<f64>>,
}

impl Spectrum {
    fn new() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(WINDOW);
        let hann = |i: usize| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / WINDOW as f64).cos();
        let sum: f64 = (0..WINDOW).map(hann).sum();
        let window = (0..WINDOW).map(|i| hann(i) / sum).collect();
        Self { input: fft.make_input_vec(), output: fft.make_output_vec(), fft, window }
    }

    /// Power of each frequency of the first [`WINDOW`] samples.
    fn decibels(&mut self, samples: &[f32]) -> Vec<f64> {
        self.input.fill(0.0);
        for ((input, window), &sample) in self.input.iter_mut().zip(&self.window).zip(samples) {
            *input = window * f64::from(sample);
        }
        // The buffers are those the transform asked for, so it cannot refuse them.
        let result = self.fft.process(&mut self.input, &mut self.output);
        debug_assert!(result.is_ok());
        self.output.iter().map(|bin| 10.0 * bin.norm_sqr().max(FLOOR).log10()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::known;
    use super::*;

    // numpy: w = scipy.signal.get_window("hann", 2048); w /= w.sum(); frames of 2048 every 512, padded with zeros;
    // s = 10*log10(maximum(abs(rfft(frame * w))**2, 1e-10)); sqrt(((s_x - s_y)**2).mean(1)).mean()
    #[test]
    fn known_answers() {
        let (x, y) = known::sounds(5000);
        assert!((log_spectral_distance(&x, &y).unwrap() - 1.005_764_669_591_521).abs() < 1e-9);
        let (x, y) = known::sounds(100);
        let left = channel_distance(&x.channels()[0], &y.channels()[0]);
        assert!((left - 0.816_693_819_402_422_8).abs() < 1e-9);
    }

    #[test]
    fn equal_sounds_are_0_apart_and_no_sound_has_no_value() {
        let (x, _) = known::sounds(3000);
        assert_eq!(log_spectral_distance(&x, &x), Some(0.0));
        let (none, _) = known::sounds(0);
        assert_eq!(log_spectral_distance(&none, &none), None);
    }
}
