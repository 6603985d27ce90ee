//! What must hold for any bytes. Shared by the fuzz targets and by `tests/fuzz_corpus.rs`, which replays the corpora.
#![allow(dead_code, reason = "a target uses one of them")]

use wavern::internals::weights;
use wavern::{Audio, DecodeOptions, Decoder, EncodeOptions, Encoder, Image, Quality, Signal, Tune};
use wavern::{Color, SampleFormat, Samples};
use wavern_bitstream::{BitDepth, ContainerBuilder, ImageHeader, Limits};

#[path = "../../bitstream/fuzz/repair.rs"]
mod repair;
use repair::repaired;

/// Small bounds: a fuzzer shall try many files, not wait for large ones. And no threads of its own: those that are about to end pass
/// for leaks.
fn decoder() -> Decoder {
    let mut limits = Limits::default();
    limits.pixels = 1 << 14;
    limits.samples = 1 << 16;
    limits.side = 1 << 12;
    Decoder::new(DecodeOptions::new().limits(limits)).expect("options in range")
}

/// A file as it is, then with signature and checksums put right: decoded, decoded around damage, verified.
pub fn decode(bytes: &[u8]) {
    for file in [bytes.to_vec(), repaired(bytes)] {
        let decoder = decoder();
        let decoded = decoder.decode(&file);
        if let Ok((_, damage)) = decoder.decode_partial(&file, Default::default()) {
            let whole = matches!(decoded, Ok(Signal::Image(_)));
            assert_eq!(
                damage.is_empty(),
                whole,
                "damage was passed over in silence, or found in a whole file"
            );
        }
        let _ = decoder.verify_picture(&file);
        let _ = decoder.latents(&file);
    }
}

/// The first bytes choose a picture, the rest is the check value and the stream of its only tile.
pub fn prior(bytes: &[u8]) {
    let Some((&[level, width, height, color], tile)) = bytes.split_first_chunk() else { return };
    let header = ImageHeader {
        level: u16::from(level),
        color: if color % 2 == 0 { Color::Gray } else { Color::Rgb },
        depth: BitDepth::Eight,
        tile_log2: 0,
        width: 1 + u32::from(width % 64),
        height: 1 + u32::from(height % 64),
        weights: weights::image(Tune::default()).expect("built-in weights").id(),
    };
    let file = ContainerBuilder::new(header).tile(tile).build(&Limits::default()).expect("in range");
    let decoder = decoder();
    let decoded = decoder.decode(&file).is_ok();
    let verified = decoder.verify_picture(&file).expect("a whole container");
    assert!(!decoded || verified.is_empty());
}

/// The first bytes choose a signal, the rest are its samples, over and over.
pub fn encode_decode(bytes: &[u8]) {
    let Some((&[kind, a, b, quality], samples)) = bytes.split_first_chunk() else { return };
    let samples = if samples.is_empty() { &[0][..] } else { samples };
    let quality = Quality::new(f32::from(quality % 101)).expect("in range");
    let encoder = Encoder::new(EncodeOptions::new().quality(quality)).expect("options in range");
    let word = |at: usize| std::array::from_fn(|i| samples[(2 * at + i) % samples.len()]);
    if kind % 4 < 3 {
        let (width, height) = (1 + u32::from(a % 40), 1 + u32::from(b % 40));
        let color = if kind & 4 == 0 { Color::Gray } else { Color::Rgb };
        let count = width as usize * height as usize * color.channels();
        let numbers = match kind % 2 {
            0 => Samples::U8((0..count).map(|at| samples[at % samples.len()]).collect()),
            _ => Samples::U16((0..count).map(|at| u16::from_le_bytes(word(at))).collect()),
        };
        let image = Image::new(width, height, color, numbers).expect("as many samples as pixels");
        let (encoded, restored) = encoder.encode_image_and_reconstruct(&image).expect("any picture");
        let decoded = decoder().decode_image(&encoded.bytes).expect("a picture that was just coded");
        assert_eq!(decoded, restored);
    } else {
        let (channels, frames) = (1 + usize::from(a % 3), samples.len().min(600) * usize::from(1 + b % 4));
        // Any bit pattern is a float: infinite, not a number, subnormal.
        let float =
            |at: usize| f32::from_le_bytes(std::array::from_fn(|i| samples[(4 * at + i) % samples.len()]));
        let planes =
            (0..channels).map(|channel| (0..frames).map(|frame| float(frame * channels + channel)).collect());
        let Ok(audio) = Audio::new(8_000, SampleFormat::F32, planes.collect()) else { return };
        let Ok(encoded) = encoder.encode_audio(&audio) else { return };
        let Ok(Signal::Audio(decoded)) = decoder().decode(&encoded.bytes) else {
            panic!("a sound that was just coded")
        };
        assert_eq!((decoded.frames(), decoded.channels().len()), (audio.frames(), channels));
        assert!(decoded.channels().iter().flatten().all(|sample| sample.is_finite()));
    }
}
