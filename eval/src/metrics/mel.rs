//! Distance of mel spectra over several window lengths, as the learned audio codecs report it \[1].
//!
//! # References
//! \[1] Kumar et al.: High-fidelity audio compression with improved RVQGAN (2023), `MelSpectrogramLoss` of its code

use super::same_length;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use wavern::Audio;

/// Windows in samples, each with its number of mel bands. The step is a quarter of the window.
const SCALES: [(usize, usize); 7] =
    [(32, 5), (64, 10), (128, 20), (256, 40), (512, 80), (1024, 160), (2048, 320)];
/// Amplitudes below are taken for this.
const FLOOR: f64 = 1e-5;

/// The sum over seven window lengths (32 to 2048 samples, 5 to 320 bands) of the mean absolute difference of log10 mel
/// amplitudes; the mean over the channels. 0 for equal sounds. `None` for sounds without samples.
///
/// Periodic Hann windows, not normalised, the ends mirrored by half a window; bands of Slaney's mel scale with equal
/// area, from 0 Hz to half the sample rate.
pub fn mel_distance(original: &Audio, decoded: &Audio) -> Option<f64> {
    if !same_length(original, decoded) || original.frames() < 2 {
        return None;
    }
    let mut sum = 0.0;
    for (window, bands) in SCALES {
        let mut spectrogram = MelSpectrogram::new(original.sample_rate(), window, bands);
        for (x, y) in original.channels().iter().zip(decoded.channels()) {
            let (x, y) = (spectrogram.log_amplitudes(x), spectrogram.log_amplitudes(y));
            let total: f64 = x.iter().zip(&y).map(|(x, y)| (x - y).abs()).sum();
            sum += total / x.len() as f64;
        }
    }
    Some(sum / original.channels().len() as f64)
}

struct MelSpectrogram {
    fft: std::sync::Arc<dyn realfft::RealToComplex<f64>>,
    window: Vec<f64>,
    /// For each band, the first frequency it takes and the weights from there on.
    bands: Vec<(usize, Vec<f64>)>,
    input: Vec<f64>,
    output: Vec<Complex<f64>>,
}

impl MelSpectrogram {
    fn new(sample_rate: u32, window: usize, bands: usize) -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(window);
        let hann = |i: usize| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / window as f64).cos();
        let (input, output) = (fft.make_input_vec(), fft.make_output_vec());
        let bands = filters(f64::from(sample_rate), window, bands);
        Self { fft, window: (0..window).map(hann).collect(), bands, input, output }
    }

    /// log10 of the amplitudes, `[time][band]` in one list.
    fn log_amplitudes(&mut self, samples: &[f32]) -> Vec<f64> {
        let (window, length) = (self.window.len(), samples.len() as i64);
        let mut all = Vec::new();
        for start in (0..=samples.len()).step_by(window / 4) {
            for (i, (input, weight)) in self.input.iter_mut().zip(&self.window).enumerate() {
                let at = mirror(start as i64 + i as i64 - (window / 2) as i64, length);
                *input = weight * f64::from(samples[at]);
            }
            // The buffers are those the transform asked for, so it cannot refuse them.
            let done = self.fft.process(&mut self.input, &mut self.output);
            debug_assert!(done.is_ok());
            let band = |(first, weights): &(usize, Vec<f64>)| {
                let bins = &self.output[*first..][..weights.len()];
                let amplitude: f64 = bins.iter().zip(weights).map(|(bin, weight)| bin.norm() * weight).sum();
                amplitude.max(FLOOR).log10()
            };
            all.extend(self.bands.iter().map(band));
        }
        all
    }
}

/// Mirrored at the first and the last sample, which are not repeated.
fn mirror(at: i64, length: i64) -> usize {
    let period = 2 * (length - 1);
    let at = at.rem_euclid(period);
    at.min(period - at) as usize
}

/// Triangles between neighbouring mels, each of area 2 / width in Hz.
fn filters(sample_rate: f64, window: usize, bands: usize) -> Vec<(usize, Vec<f64>)> {
    let top = mel(sample_rate / 2.0);
    let corner = |k: usize| hertz(top * k as f64 / (bands + 1) as f64);
    let frequency = |bin: usize| sample_rate * bin as f64 / window as f64;
    let filter = |k: usize| {
        let (low, middle, high) = (corner(k), corner(k + 1), corner(k + 2));
        let weight = |bin: usize| {
            let (up, down) =
                ((frequency(bin) - low) / (middle - low), (high - frequency(bin)) / (high - middle));
            up.min(down).max(0.0) * 2.0 / (high - low)
        };
        let inside: Vec<usize> = (0..=window / 2).filter(|&bin| weight(bin) > 0.0).collect();
        (inside.first().copied().unwrap_or(0), inside.iter().map(|&bin| weight(bin)).collect())
    };
    (0..bands).map(filter).collect()
}

/// Slaney's scale: linear up to 1000 Hz, 27 mels for each factor of 6.4 above.
fn mel(hertz: f64) -> f64 {
    if hertz < 1000.0 { hertz * 3.0 / 200.0 } else { 15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4_f64.ln() }
}

fn hertz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp() }
}

#[cfg(test)]
mod tests {
    use super::super::known;
    use super::*;

    // check/metrics.py: librosa.feature.melspectrogram(power=1, n_fft=w, hop_length=w//4, n_mels=m, pad_mode="reflect")
    #[test]
    fn known_answer() {
        let (x, y) = known::sounds(5000);
        let distance = mel_distance(&x, &y).unwrap();
        assert!((distance - 0.333_845_927_556).abs() < 1e-5, "{distance}");
    }

    #[test]
    fn equal_sounds_are_0_apart_and_no_sound_has_no_value() {
        let (x, _) = known::sounds(3000);
        assert_eq!(mel_distance(&x, &x), Some(0.0));
        let (none, _) = known::sounds(0);
        assert_eq!(mel_distance(&none, &none), None);
    }

    #[test]
    fn the_mirror_does_not_repeat_the_ends() {
        let places: Vec<usize> = (-4..8).map(|at| mirror(at, 4)).collect();
        assert_eq!(places, [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
    }
}
