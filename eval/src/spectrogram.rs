//! A sound as a picture: time to the right, frequency upwards, loudness as colour.

use crate::Error;
use realfft::RealFftPlanner;
use wavern::{Audio, Color, Image, Samples};

/// Samples of a spectrum.
const WINDOW: usize = 2048;
/// Size of the picture, pixels.
const SIZE: (usize, usize) = (800, 256);
/// Loudness that is black, dB under a full-scale sine.
const FLOOR: f64 = -100.0;
/// Colours from the floor to 0 dB: from black through violet and orange to light yellow, each lighter than the last.
const COLORS: [[f64; 3]; 5] =
    [[0.0, 0.0, 4.0], [81.0, 18.0, 124.0], [183.0, 55.0, 121.0], [252.0, 137.0, 97.0], [252.0, 253.0, 191.0]];

/// The power of the mean of the channels over time and frequency (0 Hz to half the sample rate, linear), 0 dB to −100
/// dB, as 8-bit RGB. A Hann window of 2048 samples; each column shows the loudest of the spectra that fall
/// on it.
///
/// # Errors
/// None in practice: the size is fixed.
pub fn spectrogram(audio: &Audio) -> Result<Image, Error> {
    let (width, height) = SIZE;
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(WINDOW);
    let (mut input, mut output) = (fft.make_input_vec(), fft.make_output_vec());
    let hann = |i: usize| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / WINDOW as f64).cos();
    let window: Vec<f64> = (0..WINDOW).map(hann).collect();
    let channels = audio.channels();
    let at =
        |n: usize| channels.iter().map(|channel| f64::from(channel[n])).sum::<f64>() / channels.len() as f64;
    let step = audio.frames() as f64 / width as f64;
    let mut pixels = vec![0; 3 * width * height];
    for column in 0..width {
        let mut loudest = vec![FLOOR; height];
        let (from, to) = ((column as f64 * step) as usize, ((column + 1) as f64 * step) as usize);
        for start in (from..to.max(from + 1)).step_by(WINDOW / 4) {
            for (i, input) in input.iter_mut().enumerate() {
                let n = (start + i).checked_sub(WINDOW / 2).filter(|&n| n < audio.frames());
                *input = n.map_or(0.0, at) * window[i];
            }
            // The buffers are those the transform asked for, so it cannot refuse them.
            let done = fft.process(&mut input, &mut output);
            debug_assert!(done.is_ok());
            for (line, loudest) in loudest.iter_mut().enumerate() {
                let bins = line * (WINDOW / 2) / height..(line + 1) * (WINDOW / 2) / height;
                // A full-scale sine gives a quarter of the window's length.
                let power = bins.map(|bin| output[bin].norm_sqr()).fold(0.0, f64::max)
                    / (WINDOW as f64 / 4.0).powi(2);
                *loudest = loudest.max(10.0 * power.max(1e-12).log10());
            }
        }
        for (line, decibels) in loudest.iter().enumerate() {
            let place = 3 * ((height - 1 - line) * width + column);
            pixels[place..place + 3].copy_from_slice(&color(*decibels));
        }
    }
    Image::new(width as u32, height as u32, Color::Rgb, Samples::U8(pixels)).map_err(Error::output)
}

fn color(decibels: f64) -> [u8; 3] {
    let place = (1.0 - decibels / FLOOR).clamp(0.0, 1.0) * (COLORS.len() - 1) as f64;
    let below = (place as usize).min(COLORS.len() - 2);
    let share = place - below as f64;
    std::array::from_fn(|c| (COLORS[below][c] * (1.0 - share) + COLORS[below + 1][c] * share).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern::SampleFormat;

    #[test]
    fn a_sine_is_a_light_line_at_its_frequency_and_silence_is_black() {
        let sine = |n: usize| (std::f64::consts::TAU * n as f64 / 8.0).sin() as f32;
        let audio = |samples| Audio::new(8000, SampleFormat::F32, vec![samples]).unwrap();
        let pixels_of = |samples| match spectrogram(&audio(samples)).unwrap().into_parts().0 {
            Samples::U8(pixels) => pixels,
            Samples::U16(_) => panic!("8 bits"),
        };
        let (width, height) = SIZE;
        let pixels = pixels_of((0..16_000).map(sine).collect());
        let at = |line: usize| &pixels[3 * ((height - 1 - line) * width + width / 2)..][..3];
        // A quarter of half the rate upwards, at 0 dB; half way up there is nothing.
        assert_eq!(at(height / 4), [252, 253, 191]);
        assert_eq!(at(height * 3 / 4), [0, 0, 4]);
        let silence = pixels_of(vec![0.0; 100]);
        assert!(silence.as_chunks::<3>().0.iter().all(|pixel| *pixel == [0, 0, 4]));
    }
}
