//! Where a decoded sound begins: codecs delay what they code, and not all of their tools take the delay away.

use realfft::RealFftPlanner;
use wavern::Audio;

/// By how many samples `decoded` comes late (negative: early), at most `reach` in either direction: the place of the
/// largest cross-correlation of the sums of their channels. 0 if one of them is silent or has no samples.
///
/// The sounds must have the same sample rate; their lengths may differ.
pub fn delay(original: &Audio, decoded: &Audio, reach: usize) -> i64 {
    let (x, y) = (mono(original), mono(decoded));
    let length = (x.len().max(y.len()) + reach + 1).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let forward = planner.plan_fft_forward(length);
    let spectrum = |samples: &[f64]| {
        let mut input = forward.make_input_vec();
        input[..samples.len()].copy_from_slice(samples);
        let mut output = forward.make_output_vec();
        // The buffers are those the transform asked for, so it cannot refuse them.
        let done = forward.process(&mut input, &mut output);
        debug_assert!(done.is_ok());
        output
    };
    let (x, y) = (spectrum(&x), spectrum(&y));
    let mut product: Vec<_> = x.iter().zip(&y).map(|(x, y)| x.conj() * y).collect();
    let inverse = planner.plan_fft_inverse(length);
    // Real by construction; what rounding left would be refused.
    product[0].im = 0.0;
    product[length / 2].im = 0.0;
    let mut correlation = inverse.make_output_vec();
    let done = inverse.process(&mut product, &mut correlation);
    debug_assert!(done.is_ok());
    // Nearest first, so that silence and ties are no delay.
    let lags = (0..=reach as i64).flat_map(|lag| [lag, -lag]);
    let at = |lag: i64| correlation[lag.rem_euclid(length as i64) as usize];
    let mut best = (0, at(0));
    for lag in lags {
        // Rounding must not make a delay of nothing.
        if at(lag) > best.1 * (1.0 + 1e-9) + 1e-9 {
            best = (lag, at(lag));
        }
    }
    best.0
}

/// `decoded` moved to where it belongs and cut or padded with zeros to `frames`: sample `n` of the result is sample
/// `n + delay` of `decoded`.
pub fn realign(decoded: &[f32], delay: i64, frames: usize) -> Vec<f32> {
    let at = |n: usize| usize::try_from(n as i64 + delay).ok().and_then(|n| decoded.get(n).copied());
    (0..frames).map(|n| at(n).unwrap_or(0.0)).collect()
}

fn mono(audio: &Audio) -> Vec<f64> {
    let sum = |n: usize| audio.channels().iter().map(|channel| f64::from(channel[n])).sum();
    (0..audio.frames()).map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::super::known;
    use super::*;
    use wavern::SampleFormat;

    #[test]
    fn a_delay_in_either_direction_is_found_and_taken_away() {
        let (x, y) = known::sounds(5000);
        assert_eq!(delay(&x, &y, 2000), 0);
        for by in [-700_i64, -1, 1, 37, 1105] {
            let late: Vec<Vec<f32>> =
                y.channels().iter().map(|channel| realign(channel, -by, 7000)).collect();
            let late = Audio::new(44_100, SampleFormat::F32, late).unwrap();
            assert_eq!(delay(&x, &late, 2000), by);
            let back = realign(&late.channels()[1], by, 5000);
            let kept = usize::try_from((-by).max(0)).unwrap();
            assert!(back[kept..] == y.channels()[1][kept..], "{by}");
        }
    }

    #[test]
    fn silence_and_nothing_have_no_delay() {
        let audio = |samples: Vec<f32>| Audio::new(8000, SampleFormat::F32, vec![samples]).unwrap();
        assert_eq!(delay(&audio(vec![0.0; 100]), &audio(vec![0.0; 90]), 50), 0);
        assert_eq!(delay(&audio(vec![]), &audio(vec![]), 50), 0);
    }
}
