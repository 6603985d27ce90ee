//! Scale-invariant signal-to-distortion ratio \[1].
//!
//! # References
//! \[1] Le Roux, Wisdom, Erdogan, Hershey: SDR – half-baked or well done? (2019)

use super::same_length;
use wavern::Audio;

/// SI-SDR in decibels, the mean over the channels that are not silent in the original; `None` if all of them are.
pub fn si_sdr(original: &Audio, decoded: &Audio) -> Option<f64> {
    if !same_length(original, decoded) {
        return None;
    }
    let pairs = original.channels().iter().zip(decoded.channels());
    let values: Vec<f64> = pairs.filter_map(|(x, y)| channel_si_sdr(x, y)).collect();
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
}

/// The part of `y` along `x` against the rest of it.
fn channel_si_sdr(x: &[f32], y: &[f32]) -> Option<f64> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    let energy = dot(x, x);
    if energy == 0.0 {
        return None;
    }
    let scale = dot(x, y) / energy;
    let rest: f64 = x.iter().zip(y).map(|(&x, &y)| (f64::from(y) - scale * f64::from(x)).powi(2)).sum();
    Some(10.0 * (scale * scale * energy / rest).log10())
}

#[cfg(test)]
mod tests {
    use super::super::known;
    use super::*;
    use wavern::SampleFormat;

    #[test]
    fn known_answer() {
        let (x, y) = known::sounds(5000);
        // numpy, for each channel: t = (y @ x) / (x @ x) * x; 10*log10((t @ t) / ((y - t) @ (y - t)))
        let left = channel_si_sdr(&x.channels()[0], &y.channels()[0]).unwrap();
        assert!((left - 31.046_803_056_730_354).abs() < 1e-9);
        assert!((si_sdr(&x, &y).unwrap() - 31.083_561_183_631_25).abs() < 1e-9);
    }

    #[test]
    fn a_louder_copy_is_infinitely_close_and_silence_has_no_value() {
        let audio = |channels| Audio::new(8000, SampleFormat::F32, channels).unwrap();
        let (x, louder) = (audio(vec![vec![0.25, -0.5, 0.125]]), audio(vec![vec![0.5, -1.0, 0.25]]));
        assert_eq!(si_sdr(&x, &louder), Some(f64::INFINITY));
        assert_eq!(si_sdr(&audio(vec![vec![0.0; 3]]), &x), None);
        assert_eq!(si_sdr(&audio(vec![vec![]]), &audio(vec![vec![]])), None);
    }
}
