//! What the face of the library promises beside coding: probing, weights by their id, threads, errors.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use wavern::{
    Audio, Color, DecodeOptions, Decoder, Effort, EncodeOptions, Encoder, Error, FileInfo, Image, Kind,
    Limits, Quality, SampleFormat, Samples, WeightsId, probe,
};
use wavern_bitstream::{BitDepth, ContainerBuilder, ImageHeader};

fn picture() -> Image {
    Image::new(37, 21, Color::Rgb, Samples::U16((0..37 * 21 * 3).map(|v| v * 19).collect())).unwrap()
}

fn sound(seconds: usize) -> Audio {
    let wave = |at: usize| ((at * at / 300) % 200) as f32 / 200.0 - 0.5;
    Audio::new(8_000, SampleFormat::I24, vec![(0..seconds * 8_000).map(wave).collect()]).unwrap()
}

#[test]
fn the_first_bytes_say_what_a_file_holds() {
    let encoder = Encoder::new(EncodeOptions::new()).unwrap();
    let file = encoder.encode_image(&picture()).unwrap().bytes;
    let info = probe(&file[..64]).unwrap();
    assert!(
        matches!(info, FileInfo::Image { width: 37, height: 21, color: Color::Rgb, depth: 16, .. }),
        "{info:?}"
    );
    assert_eq!(info.kind(), Kind::Image);
    let file = encoder.encode_audio(&sound(1)).unwrap().bytes;
    let info = probe(&file[..64]).unwrap();
    let expected =
        matches!(info, FileInfo::Audio { sample_rate: 8_000, channels: 1, format: SampleFormat::I24, .. });
    assert!(expected && info.kind() == Kind::Audio, "{info:?}");
    // Too few bytes, a changed one, another format.
    let mut changed = file.clone();
    changed[20] ^= 1;
    for wrong in [&file[..30], &file[..0], &changed[..64], b"\x89PNG\r\n\x1a\n and so on"] {
        assert!(matches!(probe(wrong), Err(Error::Container(_))));
    }
}

#[test]
fn missing_weights_are_named_with_the_places_that_were_looked_at() {
    let header = ImageHeader {
        level: 9,
        color: Color::Gray,
        depth: BitDepth::Eight,
        tile_log2: 0,
        width: 16,
        height: 16,
        weights: WeightsId([0xab; 6]),
    };
    let file = ContainerBuilder::new(header).tile(&b"symbols"[..]).build(&Limits::default()).unwrap();
    let folder = std::env::temp_dir().join("wavern, a folder that is not there");
    let decoder = Decoder::new(DecodeOptions::new().weights_folder(&folder)).unwrap();
    let error = decoder.decode(&file).unwrap_err();
    assert!(matches!(error, Error::WeightsMissing { kind: Kind::Image, .. }));
    let text = error.to_string();
    assert!(text.contains("abababababab") && text.contains("built-in "), "{text}");
    assert!(text.contains(&folder.display().to_string()), "{text}");
}

#[test]
fn a_sound_is_read_by_as_many_threads_as_asked_for() {
    let file = Encoder::new(EncodeOptions::new()).unwrap().encode_audio(&sound(9)).unwrap().bytes;
    let piece = |threads| {
        let decoder = Decoder::new(DecodeOptions::new().threads(threads)).unwrap();
        let mut reader = decoder.sound_reader(&file[..]).unwrap();
        let segment = reader.header().segment_frames as usize;
        reader.read().unwrap().unwrap()[0].len().div_ceil(segment)
    };
    assert_eq!([1, 2, 3].map(piece), [1, 2, 3]);
}

#[test]
fn numbers_out_of_range_are_errors_with_their_bounds() {
    let messages = [
        Quality::new(101.0).unwrap_err().to_string(),
        Quality::new(f32::NAN).unwrap_err().to_string(),
        Effort::new(0).unwrap_err().to_string(),
        Encoder::new(EncodeOptions::new().threads(0)).unwrap_err().to_string(),
    ];
    assert_eq!(
        messages,
        [
            "quality: 101 (expected 0..=100)",
            "quality: NaN (expected 0..=100)",
            "effort: 0 (expected 1..=9)",
            "threads: 0 (expected 1..=4096)"
        ]
    );
}
