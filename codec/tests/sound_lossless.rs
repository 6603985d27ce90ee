//! Sounds without loss, as files: whole, in pieces, from a place in the middle, damaged.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::io::Cursor;
use wavern::{
    Audio, DecodeOptions, Decoder, Effort, EncodeOptions, Encoder, Error, FileInfo, Metadata, SampleFormat,
    SoundOptions,
};

const RATE: u32 = 8_000;
/// Ten seconds.
const SEGMENT: usize = 80_000;

fn encoder() -> Encoder {
    Encoder::new(EncodeOptions::new().lossless(true).threads(2)).unwrap()
}

fn decoder() -> Decoder {
    Decoder::new(DecodeOptions::new().threads(2)).unwrap()
}

/// Two tones and a little noise, in steps of 1 / `full`.
fn sound(channels: usize, frames: usize, full: f64) -> Vec<Vec<f64>> {
    let mut state = 7u64;
    let mut noise = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    let mut sample = |channel: usize, frame: usize| {
        let t = frame as f64 * (1.0 + channel as f64 / 50.0);
        let sample = 0.4 * (t * 0.05).sin() + 0.2 * (t * 0.31).sin() + 0.01 * noise();
        (sample * full).round() / full + 0.0
    };
    (0..channels).map(|channel| (0..frames).map(|frame| sample(channel, frame)).collect()).collect()
}

fn encode(samples: &[Vec<f64>], format: SampleFormat, piece: usize) -> Vec<u8> {
    let (encoder, mut bytes) = (encoder(), Vec::new());
    let metadata = Metadata::default();
    let mut writer = encoder.sound_writer(RATE, format, samples.len(), &metadata, &mut bytes).unwrap();
    for start in (0..samples[0].len()).step_by(piece) {
        let end = samples[0].len().min(start + piece);
        writer.write_exact(samples.iter().map(|channel| channel[start..end].to_vec()).collect()).unwrap();
        writer.flush().unwrap();
    }
    let summary = writer.finish(&metadata).unwrap();
    assert_eq!((summary.level, summary.frames), (0, samples[0].len() as u64));
    assert_eq!(summary.bytes, bytes.len() as u64);
    bytes
}

fn read_all<R: std::io::Read>(reader: &mut wavern::SoundReader<'_, R>) -> Vec<Vec<f64>> {
    let mut channels = vec![Vec::new(); reader.header().channels as usize];
    while let Some(piece) = reader.read_exact().unwrap() {
        channels.iter_mut().zip(piece).for_each(|(channel, samples)| channel.extend(samples));
    }
    channels
}

#[test]
fn every_format_comes_back_however_it_is_cut() {
    use SampleFormat::*;
    for (format, full) in [(U8, 128.0), (I16, 32_768.0), (I24, 8_388_608.0), (I32, 2_147_483_648.0)] {
        let samples = sound(2, 5000, full);
        let bytes = encode(&samples, format, 5000);
        assert_eq!(bytes, encode(&samples, format, 777), "{format:?}");
        assert!(read_all(&mut decoder().sound_reader(&bytes[..]).unwrap()) == samples, "{format:?}");
        assert!(bytes.len() < 5000 * 2 * format.bytes());
        let found = wavern::probe(&bytes).unwrap();
        assert!(matches!(found, FileInfo::Audio { lossless: true, level: 0, .. }), "{found:?}");
    }
    for (format, full) in [(F32, 8_388_608.0), (F64, 1e15)] {
        let samples = sound(3, 4000, full);
        let bytes = encode(&samples, format, 1234);
        assert!(read_all(&mut decoder().sound_reader(&bytes[..]).unwrap()) == samples, "{format:?}");
    }
}

#[test]
fn a_sound_in_memory_comes_back() {
    let narrow = |samples: Vec<Vec<f64>>| -> Vec<Vec<f32>> {
        samples.into_iter().map(|channel| channel.into_iter().map(|sample| sample as f32).collect()).collect()
    };
    let audio = Audio::new(44_100, SampleFormat::I24, narrow(sound(2, 9000, 8_388_608.0))).unwrap();
    for effort in [1, 4] {
        let options = EncodeOptions::new().lossless(true).effort(Effort::new(effort).unwrap());
        let (encoded, restored) =
            Encoder::new(options).unwrap().encode_audio_and_reconstruct(&audio).unwrap();
        assert_eq!((encoded.level, encoded.latents.len()), (0, 0));
        assert_eq!(restored, audio);
        assert_eq!(decoder().decode_audio(&encoded.bytes).unwrap(), audio);
        assert!(matches!(decoder().latents(&encoded.bytes), Err(Error::Option { option: "latents", .. })));
    }
    let empty = Audio::new(44_100, SampleFormat::F32, vec![vec![]; 2]).unwrap();
    let bytes = encoder().encode_audio(&empty).unwrap().bytes;
    assert_eq!(decoder().decode_audio(&bytes).unwrap(), empty);
}

#[test]
fn any_place_is_found() {
    let samples = sound(2, 3 * SEGMENT + 500, 128.0);
    let bytes = encode(&samples, SampleFormat::U8, 50_000);
    let (by_table, in_order) = (decoder(), decoder());
    for from in [0, 1, SEGMENT - 1, SEGMENT, 2 * SEGMENT + 17, 3 * SEGMENT, 3 * SEGMENT + 499] {
        let mut reader = by_table.sound_reader(Cursor::new(&bytes)).unwrap();
        reader.read_table().unwrap();
        reader.seek(from as u64).unwrap();
        let rest: Vec<_> = samples.iter().map(|channel| channel[from..].to_vec()).collect();
        assert!(read_all(&mut reader) == rest, "{from}");
        let mut reader = in_order.sound_reader(&bytes[..]).unwrap();
        reader.seek(from as u64).unwrap();
        assert!(read_all(&mut reader) == rest, "{from}");
    }
}

#[test]
fn a_damaged_segment_is_silence_and_is_named() {
    let samples = sound(1, 3 * SEGMENT, 32_768.0);
    let bytes = encode(&samples, SampleFormat::I16, SEGMENT);
    assert!(decoder().verify_sound(&bytes).unwrap().is_empty());
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 4;
    let damage = decoder().verify_sound(&damaged).unwrap();
    let lost = 1..2;
    assert_eq!((&damage.segments[..], damage.segment_count), (std::slice::from_ref(&lost), 3));
    let decoder = decoder();
    assert!(matches!(decoder.decode_audio(&damaged), Err(Error::Container(_))));
    let mut reader = decoder.sound_reader_partial(&damaged[..]).unwrap();
    let restored = read_all(&mut reader);
    assert_eq!(reader.gaps(), std::slice::from_ref(&lost));
    let mut expected = samples;
    expected[0][SEGMENT..2 * SEGMENT].fill(0.0);
    assert!(restored == expected);
    // Cut off within the last segment: what came before is there.
    let mut reader = decoder.sound_reader_partial(&bytes[..bytes.len() - 2000]).unwrap();
    assert!(read_all(&mut reader)[0][..SEGMENT] == expected[0][..SEGMENT]);
}

#[test]
fn what_cannot_be_is_refused() {
    let options = EncodeOptions::new().lossless(true).sound(SoundOptions::new().bitrate(64_000));
    assert!(matches!(Encoder::new(options), Err(Error::Option { option: "lossless", .. })));
    let (encoder, mut bytes) = (encoder(), Vec::new());
    let metadata = Metadata::default();
    let mut writer = encoder.sound_writer(RATE, SampleFormat::F64, 2, &metadata, &mut bytes).unwrap();
    // Too large for 32 bits, not for 64.
    writer.write_exact(vec![vec![1e300, -0.0], vec![f64::MIN_POSITIVE, 0.25]]).unwrap();
    let error = writer.write_exact(vec![vec![0.0; 2], vec![0.0, f64::NAN]]).unwrap_err();
    assert_eq!(error.to_string(), "audio channel 1, sample 3 is NaN (expected a finite number)");
    writer.write_exact(vec![vec![0.0; 2], vec![0.0; 3]]).unwrap_err();
    writer.finish(&metadata).unwrap();
    let restored = read_all(&mut decoder().sound_reader(&bytes[..]).unwrap());
    assert_eq!(restored, [vec![1e300, -0.0], vec![f64::MIN_POSITIVE, 0.25]]);
    assert!(restored[0][1].is_sign_negative());
}

#[test]
fn silence_costs_nothing() {
    let bytes = encode(&vec![vec![0.0; 2 * SEGMENT]; 2], SampleFormat::I16, SEGMENT);
    assert!(bytes.len() < 100, "{}", bytes.len());
}
