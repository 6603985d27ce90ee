//! The conformance suite: every file in `testdata/golden` decodes to the latents and to the signal that stand beside it.
//!
//! From the first release on these files are never made again. Until then
//! `GENERATE_GOLDEN=1 cargo test --release -p wavern --test golden` makes them from the formulas below.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

#[path = "support/signals.rs"]
mod signals;

use signals::{Case, cases};
use std::fs;
use std::path::{Path, PathBuf};
use wavern::{Audio, Decoder, EncodeOptions, Encoder, Error, Image, Latents, Quality, Scale, Signal, View};
use wavern::{Color, Samples};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/golden")
}

/// Hash of ẑ and ŷ of every group, in the order of a file.
fn hash(latents: &[Latents]) -> String {
    let mut hasher = blake3::Hasher::new();
    for group in latents {
        for symbol in group.z.data().iter().chain(group.y.data()) {
            hasher.update(&symbol.to_le_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// What the file must decode to: samples as 16-bit numbers, little-endian. Of a large picture one of 1/8 is enough.
fn expected(bytes: &[u8]) -> (Vec<u16>, Signal) {
    let decoder = Decoder::new(Default::default()).unwrap();
    let signal = decoder.decode(bytes).unwrap();
    let numbers = match &signal {
        Signal::Image(image) if image.pixels() > 1 << 16 => {
            pixels(&decoder.decode_view(bytes, View::default().scale(Scale::Eighth)).unwrap())
        }
        Signal::Image(image) => pixels(image),
        Signal::Audio(audio) => sound(audio),
    };
    (numbers, signal)
}

fn pixels(image: &Image) -> Vec<u16> {
    match image.samples() {
        Samples::U8(samples) => samples.iter().map(|&sample| u16::from(sample) * 257).collect(),
        Samples::U16(samples) => samples.clone(),
    }
}

/// Samples in units of 2^-15 of full scale, with 2^15 added.
fn sound(audio: &Audio) -> Vec<u16> {
    let number = |sample: &f32| (f64::from(*sample) * 32768.0).round().clamp(-32768.0, 32767.0) as i32;
    audio.channels().iter().flatten().map(|sample| (number(sample) + 32768) as u16).collect()
}

fn facts(bytes: &[u8]) -> String {
    let decoder = Decoder::new(Default::default()).unwrap();
    let (_, signal) = expected(bytes);
    let what = match &signal {
        Signal::Image(image) => {
            let color = if image.color() == Color::Gray { "gray" } else { "rgb" };
            let alpha = image.alpha().map_or("none".into(), |alpha| match alpha {
                Samples::U8(samples) => blake3::hash(samples).to_hex().to_string(),
                Samples::U16(samples) => {
                    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                    blake3::hash(&bytes).to_hex().to_string()
                }
            });
            format!(
                "image {}x{} {color} {} alpha {alpha} metadata {}",
                image.width(),
                image.height(),
                image.depth(),
                image.metadata().bytes()
            )
        }
        Signal::Audio(audio) => format!(
            "audio {} Hz {} channels {} frames {:?} metadata {}",
            audio.sample_rate(),
            audio.channels().len(),
            audio.frames(),
            audio.format(),
            audio.metadata().bytes()
        ),
    };
    let latents = match decoder.latents(bytes) {
        Err(Error::Option { option: "latents", .. }) => Vec::new(),
        latents => latents.unwrap(),
    };
    format!("{what}\nlatents {}\n", hash(&latents))
}

fn encoded(case: &Case) -> Vec<u8> {
    let quality = Quality::new(case.quality).unwrap();
    let encoder = Encoder::new(EncodeOptions::new().quality(quality).lossless(case.lossless)).unwrap();
    match &case.signal {
        Signal::Image(image) => encoder.encode_image(image).unwrap().bytes,
        Signal::Audio(audio) => encoder.encode_audio(audio).unwrap().bytes,
    }
}

fn generate() {
    let folder = folder();
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    for case in cases() {
        let bytes = encoded(&case);
        let numbers = expected(&bytes).0;
        let path = folder.join(case.name);
        fs::write(path.with_extension("txt"), facts(&bytes)).unwrap();
        let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        fs::write(path.with_extension("u16"), raw).unwrap();
        fs::write(path.with_extension("wvn"), bytes).unwrap();
    }
}

#[test]
fn golden_files_decode_to_what_they_did() {
    if std::env::var_os("GENERATE_GOLDEN").is_some() {
        generate();
    }
    let mut files = 0;
    let mut small = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "wvn") {
            continue;
        }
        let name = path.display();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(facts(&bytes), fs::read_to_string(path.with_extension("txt")).unwrap(), "{name}");
        let stored = fs::read(path.with_extension("u16")).unwrap();
        let stored: Vec<u16> =
            stored.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
        let (numbers, signal) = expected(&bytes);
        // Pixels to the bit, samples within 1/1000 of the largest magnitude, and half a unit of rounding here.
        let loudest = stored.iter().map(|&number| number.abs_diff(32768)).max().unwrap_or(0);
        let exact = matches!(signal, Signal::Image(_)) || name.to_string().contains("lossless");
        let tolerance = if exact { 0 } else { loudest / 1000 + 2 };
        assert_eq!(numbers.len(), stored.len(), "{name}");
        for (at, (number, stored)) in numbers.iter().zip(&stored).enumerate() {
            assert!(number.abs_diff(*stored) <= tolerance, "{name}, sample {at}: {number}, stored {stored}");
        }
        files += 1;
        small += usize::from(bytes.len() <= 2_000);
    }
    assert!(files == cases().len() && small >= 20, "{files} golden files, {small} of them small");
}
