//! How far a decoded signal is from the original.
//!
//! Each metric is a plain function of two signals. It is `None` where it means nothing: signals of different shape,
//! pictures too small for MS-SSIM, silence for SI-SDR.

mod align;
mod lsd;
mod mel;
mod ms_ssim;
mod perceptual;
mod psnr;
mod si_sdr;

pub use align::{delay, realign};
pub use lsd::log_spectral_distance;
pub use mel::mel_distance;
pub use ms_ssim::ms_ssim;
pub use perceptual::{Butteraugli, butteraugli, ssimulacra2};
pub use psnr::{psnr, psnr_y};
pub use si_sdr::si_sdr;

use wavern::{Audio, Image, Samples};

/// Whether two pictures can be compared sample by sample.
fn same_shape(a: &Image, b: &Image) -> bool {
    (a.width(), a.height(), a.color(), a.depth()) == (b.width(), b.height(), b.color(), b.depth())
}

/// Whether two sounds can be compared sample by sample.
fn same_length(a: &Audio, b: &Audio) -> bool {
    a.channels().len() == b.channels().len() && a.frames() == b.frames()
}

/// One colour channel as floats, in the range of its depth.
fn plane(samples: &Samples, channels: usize, channel: usize) -> Vec<f64> {
    match samples {
        Samples::U8(v) => v.iter().skip(channel).step_by(channels).map(|&s| f64::from(s)).collect(),
        Samples::U16(v) => v.iter().skip(channel).step_by(channels).map(|&s| f64::from(s)).collect(),
    }
}

/// Signals for the known-answer tests, made by formulas that are repeated beside every expected number.
#[cfg(test)]
mod known {
    use wavern::{Audio, Color, Image, SampleFormat, Samples};

    /// In numpy, with i, j = mgrid[0:163, 0:176] and c = 0, 1, 2:
    /// x = clip(abs((3*i + 2*j + 40*c) % 400 - 200) + (i*j*7 + c) % 50, 0, 255)
    /// y = clip(x + (5*i + 3*j*(1 + i % 4) + c) % 23 - 11, 0, 255)
    pub(crate) fn pictures() -> (Image, Image) {
        let (width, height) = (176, 163);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for i in 0..i64::from(height) {
            for j in 0..i64::from(width) {
                for c in 0..3 {
                    let original =
                        (((3 * i + 2 * j + 40 * c) % 400 - 200).abs() + (i * j * 7 + c) % 50).clamp(0, 255);
                    let error = (5 * i + 3 * j * (1 + i % 4) + c) % 23 - 11;
                    x.push(original as u8);
                    y.push((original + error).clamp(0, 255) as u8);
                }
            }
        }
        let image = |samples| Image::new(width, height, Color::Rgb, Samples::U8(samples)).unwrap();
        (image(x), image(y))
    }

    /// The first channel only.
    pub(crate) fn gray_pictures() -> (Image, Image) {
        let gray = |image: Image| {
            let Samples::U8(samples) = image.samples() else { unreachable!("made of bytes") };
            let first = samples.iter().step_by(3).copied().collect();
            Image::new(image.width(), image.height(), Color::Gray, Samples::U8(first)).unwrap()
        };
        let (x, y) = pictures();
        (gray(x), gray(y))
    }

    /// In numpy, with n = arange(5000) and c = 0, 1:
    /// x = ((n*n*(3 + c)//16 + n*13) % 2001 - 1000) / 1250, as float32
    /// y = x.astype(float64) * 0.9 + ((n*31) % 101 - 50) / 2500, as float32
    pub(crate) fn sounds(frames: i64) -> (Audio, Audio) {
        let x = |c: i64| {
            let sample =
                move |n: i64| (((n * n * (3 + c) / 16 + n * 13) % 2001 - 1000) as f64 / 1250.0) as f32;
            (0..frames).map(sample).collect::<Vec<_>>()
        };
        let y = |x: &Vec<f32>| {
            let error = |n: i64| ((n * 31) % 101 - 50) as f64 / 2500.0;
            (0..).zip(x).map(|(n, &x)| (f64::from(x) * 0.9 + error(n)) as f32).collect::<Vec<_>>()
        };
        let original = vec![x(0), x(1)];
        let decoded = original.iter().map(y).collect();
        let audio = |channels| Audio::new(44_100, SampleFormat::F32, channels).unwrap();
        (audio(original), audio(decoded))
    }
}
