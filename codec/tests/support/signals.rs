//! Pictures and sounds from formulas, one for each thing that a file can hold.

use wavern::{Audio, Image, Signal};
use wavern::{Color, Metadata, SampleFormat, Samples};

/// A signal, and the quality to code it at.
pub struct Case {
    pub name: &'static str,
    pub signal: Signal,
    pub quality: f32,
    /// Instead of a quality.
    pub lossless: bool,
}

/// A number that looks random, the same on every machine.
fn noise(at: usize) -> u32 {
    let mut x = (at as u32).wrapping_mul(0x9e37_79b9) ^ 0x85eb_ca6b;
    x = (x ^ (x >> 15)).wrapping_mul(0x2c1b_3c6d);
    (x ^ (x >> 12)).wrapping_mul(0x297a_2d39) >> 16
}

/// Slopes, an edge and some grain, 0..=65535.
fn sample(x: usize, y: usize, channel: usize, grain: u32) -> u16 {
    let slope = (x * 700 + y * 400 * (channel + 1)) % 50_000;
    let edge = if (x / 9 + y / 7).is_multiple_of(2) { 9_000 } else { 0 };
    (slope as u32 + edge + noise(x + 4096 * y + 7 * channel) % (grain + 1)).min(65_535) as u16
}

fn picture(width: u32, height: u32, color: Color, depth: u8, grain: u32) -> Image {
    let channels = color.channels();
    let numbers = (0..width as usize * height as usize * channels).map(|at| {
        let (pixel, channel) = (at / channels, at % channels);
        sample(pixel % width as usize, pixel / width as usize, channel, grain)
    });
    let samples = match depth {
        8 => Samples::U8(numbers.map(|number| (number >> 8) as u8).collect()),
        _ => Samples::U16(numbers.collect()),
    };
    Image::new(width, height, color, samples).unwrap()
}

/// Samples of ten bits, whose upper ones stand again in the lower six of sixteen.
fn ten_bits_in_sixteen(width: u32, height: u32) -> Image {
    let deep = picture(width, height, Color::Rgb, 16, 900);
    let Samples::U16(samples) = deep.samples() else { return deep };
    let samples = samples.iter().map(|v| v & 0xffc0 | v >> 10).collect();
    Image::new(width, height, Color::Rgb, Samples::U16(samples)).unwrap()
}

/// A smooth gray picture so large that it is cut into tiles.
pub fn tiled() -> Image {
    let (width, height) = (2048usize, 1040usize);
    let shade = |at: usize| ((at % width) / 16 + (at / width) / 12) as u8;
    Image::new(
        width as u32,
        height as u32,
        Color::Gray,
        Samples::U8((0..width * height).map(shade).collect()),
    )
    .unwrap()
}

fn tone(rate: u32, format: SampleFormat, channels: usize, frames: usize) -> Audio {
    let wave = |channel: usize, frame: usize| {
        let time = frame as f64 / f64::from(rate);
        let pitch = 220.0 * (channel + 1) as f64;
        // A parabola in place of a sine: no library decides its last bit.
        let phase = (pitch * time).fract() * 2.0 - 1.0;
        (0.5 * 4.0 * phase * (1.0 - phase.abs()) + (f64::from(noise(frame)) / 65_536.0 - 0.5) * 0.02) as f32
    };
    let samples =
        (0..channels).map(|channel| (0..frames).map(|frame| wave(channel, frame)).collect()).collect();
    Audio::new(rate, format, samples).unwrap()
}

/// One for each feature of the format.
pub fn cases() -> Vec<Case> {
    use Color::{Gray, Rgb};
    use SampleFormat::{F32, F64, I16, I24, I32, U8};
    let image = |name, quality, image: Image| Case { name, signal: image.into(), quality, lossless: false };
    let audio = |name, quality, audio: Audio| Case { name, signal: audio.into(), quality, lossless: false };
    let same = |name, image: Image| Case { name, signal: image.into(), quality: 0.0, lossless: true };
    let exact = |name, audio: Audio| Case { name, signal: audio.into(), quality: 0.0, lossless: true };
    let plain = || picture(24, 20, Rgb, 8, 3000);
    let pixels = 24 * 20;
    let alpha = |values: fn(usize) -> u16| Samples::U8((0..pixels).map(|at| values(at) as u8).collect());
    let metadata = Metadata::default()
        .with_icc(b"an ICC profile, byte for byte".to_vec())
        .with_exif(b"II*\0\x08\0\0\0\0\0\0\0\0\0".to_vec())
        .with_xmp(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>".to_vec());
    let chunks = vec![b"LIST\x04\0\0\0INFO".to_vec(), b"cue \x04\0\0\0\0\0\0\0".to_vec()];
    let riff = Metadata::default().with_riff(chunks);
    vec![
        image("picture-one-pixel", 60.0, picture(1, 1, Gray, 8, 0)),
        image("picture-one-row", 60.0, picture(200, 1, Rgb, 8, 3000)),
        image("picture-one-column", 60.0, picture(1, 200, Gray, 8, 3000)),
        image("picture-gray", 60.0, picture(40, 30, Gray, 8, 3000)),
        image("picture-gray-16", 80.0, picture(33, 20, Gray, 16, 3000)),
        image("picture-rgb", 60.0, picture(40, 30, Rgb, 8, 3000)),
        image("picture-rgb-16", 80.0, picture(20, 17, Rgb, 16, 3000)),
        image("picture-odd-sides", 50.0, picture(67, 35, Rgb, 8, 3000)),
        image("picture-lowest-quality", 0.0, picture(48, 48, Rgb, 8, 9000)),
        image("picture-highest-quality", 100.0, picture(16, 16, Rgb, 8, 9000)),
        image("picture-noise", 90.0, picture(16, 16, Rgb, 8, 65_535)),
        image(
            "picture-blank",
            60.0,
            Image::new(640, 480, Rgb, Samples::U8(vec![77; 640 * 480 * 3])).unwrap(),
        ),
        image("picture-alpha-constant", 60.0, plain().with_alpha(alpha(|_| 128)).unwrap()),
        image("picture-alpha-plane", 60.0, plain().with_alpha(alpha(|at| (at % 24 * 10) as u16)).unwrap()),
        image("picture-metadata", 60.0, plain().with_metadata(metadata)),
        image("picture-with-copy", 95.0, picture(112, 80, Rgb, 8, 20_000)),
        image("picture-tiles", 0.0, tiled()),
        audio("sound-no-frames", 40.0, tone(44_100, I16, 2, 0)),
        audio("sound-one-frame", 40.0, tone(44_100, I16, 2, 1)),
        audio("sound-silent", 40.0, Audio::new(8_000, I16, vec![vec![0.0; 20_000]; 2]).unwrap()),
        audio("sound-mono-u8", 20.0, tone(8_000, U8, 1, 1_500)),
        audio("sound-stereo-i16", 10.0, tone(44_100, I16, 2, 3_000)),
        audio("sound-mono-i24", 30.0, tone(22_050, I24, 1, 1_800)),
        audio("sound-mono-i32", 30.0, tone(96_000, I32, 1, 1_800)),
        audio("sound-mono-f32", 60.0, tone(16_000, F32, 1, 1_200)),
        audio("sound-mono-f64", 0.0, tone(11_025, F64, 1, 2_000)),
        audio("sound-three-channels", 10.0, tone(8_000, I16, 3, 1_500)),
        audio("sound-segments", 0.0, tone(4_000, I16, 1, 13_000)),
        audio("sound-with-copy", 100.0, tone(8_000, I16, 1, 12_000)),
        audio("sound-metadata", 20.0, tone(8_000, I16, 1, 900).with_metadata(riff)),
        same("picture-lossless-rgb", picture(40, 30, Rgb, 8, 3000)),
        same("picture-lossless-gray-16", picture(21, 33, Gray, 16, 900)),
        same("picture-lossless-alpha", plain().with_alpha(alpha(|at| (at % 24 * 10) as u16)).unwrap()),
        same("picture-lossless-flat", picture(200, 100, Rgb, 8, 0)),
        same("picture-lossless-ranks", ten_bits_in_sixteen(50, 40)),
        exact("sound-lossless-u8", tone(8_000, U8, 3, 700)),
        exact("sound-lossless-i16", tone(44_100, I16, 2, 600)),
        exact("sound-lossless-i32", tone(44_100, I32, 1, 400)),
        exact("sound-lossless-f32", tone(16_000, F32, 1, 400)),
    ]
}
