//! Sounds piece by piece, in parts, damaged, and silent.
#![allow(clippy::unwrap_used)] // a helper of a test may fail it

use wavern::signal::{Audio, Metadata, SampleFormat};
use wavern::{DecodeOptions, Decoder, Effort, EncodeOptions, Encoder, Quality, Signal};
use wavern_bitstream::{Container, Header, Limits};

const RATE: u32 = 22_050;

/// Two tones and noise that come and go.
fn channels(frames: usize, count: usize) -> Vec<Vec<f32>> {
    let mut state = 1u32;
    (0..count)
        .map(|c| {
            (0..frames)
                .map(|i| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let noise = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
                    let t = i as f32 / RATE as f32;
                    let loud = 0.5 + 0.5 * (3.0 * t).sin();
                    0.3 * (2000.0 * t * (c + 1) as f32).sin() + 0.2 * (5000.0 * t).sin() + 0.1 * loud * noise
                })
                .collect()
        })
        .collect()
}

fn encoder(quality: f32) -> Encoder {
    let quality = Quality::new(quality).unwrap();
    Encoder::new(EncodeOptions { quality, threads: Some(2), ..Default::default() }).unwrap()
}

fn encode(channels: Vec<Vec<f32>>) -> Vec<u8> {
    let audio = Audio::new(RATE, SampleFormat::I16, channels).unwrap();
    encoder(40.0).encode_audio(&audio).unwrap().bytes
}

fn decoder() -> Decoder {
    Decoder::new(DecodeOptions { threads: Some(2), ..Default::default() }).unwrap()
}

fn decode(bytes: &[u8]) -> Vec<Vec<f32>> {
    let Signal::Audio(audio) = decoder().decode(bytes).unwrap() else { panic!("a sound") };
    audio.into_parts().0
}

fn segment_frames(bytes: &[u8]) -> usize {
    let container = Container::parse(bytes, &Limits::default()).unwrap();
    let Header::Audio(header) = container.header() else { panic!("a sound") };
    header.segment_frames as usize
}

#[test]
fn a_sound_that_arrives_in_pieces_gives_the_same_file() {
    let segment = segment_frames(&encode(channels(1, 2)));
    for frames in [0, 1, 255, 256, segment - 1, segment, segment + 1, 4 * segment, 5 * segment + 77] {
        let sound = channels(frames, 2);
        let encoder = encoder(40.0);
        let mut writer = encoder.sound(RATE, SampleFormat::I16, 2).unwrap();
        for start in (0..frames).step_by(1999) {
            let piece = |channel: &Vec<f32>| channel[start..frames.min(start + 1999)].to_vec();
            writer.write(sound.iter().map(piece).collect()).unwrap();
        }
        let bytes = writer.finish(&Metadata::default()).unwrap().bytes;
        assert!(bytes == encode(sound), "{frames} frames");
        assert_eq!(decode(&bytes)[0].len(), frames);
    }
}

#[test]
fn a_part_is_that_part_of_the_whole() {
    let bytes = encode(channels(100_000, 3));
    let (whole, segment) = (decode(&bytes), segment_frames(&bytes));
    let decoder = decoder();
    for from in [0, 1, 255, segment - 1, segment, segment + 300, 3 * segment - 1, 99_999, 100_000] {
        let mut reader = decoder.sound(&bytes, false).unwrap();
        reader.seek(from as u64);
        let mut part = vec![Vec::new(); 3];
        while let Some(piece) = reader.read().unwrap() {
            part.iter_mut().zip(piece).for_each(|(part, piece)| part.extend(piece));
        }
        for (part, whole) in part.iter().zip(&whole) {
            assert_eq!(part, &whole[from..], "from {from}");
        }
    }
}

#[test]
fn a_destroyed_segment_is_a_gap_and_a_cut_file_ends_with_its_last_whole_segment() {
    let mut bytes = encode(channels(100_000, 2));
    let (whole, segment) = (decode(&bytes), segment_frames(&bytes));
    let tile = |bytes: &[u8], index: usize| {
        let container = Container::parse(bytes, &Limits::default()).unwrap();
        let tile = container.tile(index).unwrap();
        tile.as_ptr() as usize - bytes.as_ptr() as usize
            ..tile.as_ptr() as usize - bytes.as_ptr() as usize + tile.len()
    };
    let (second, third) = (tile(&bytes, 1), tile(&bytes, 2));
    let decoder = decoder();
    let read = |bytes: &[u8]| {
        let mut reader = decoder.sound(bytes, true).unwrap();
        let mut left = Vec::new();
        while let Some(piece) = reader.read().unwrap() {
            left.extend_from_slice(&piece[0]);
        }
        (left, reader.gaps().to_vec())
    };
    let cut = third.start + third.len() / 2;
    let (left, gaps) = read(&bytes[..cut]);
    // The last block would have been finished by the segment that is missing.
    assert_eq!((left.len(), gaps), (2 * segment - 256, vec![]));
    assert_eq!(left[..], whole[0][..2 * segment - 256]);

    bytes[second.start + second.len() / 2] ^= 0x10;
    assert!(decoder.decode(&bytes).is_err());
    let (left, gaps) = read(&bytes);
    assert_eq!((left.len(), gaps), (100_000, vec![1]));
    // The block before a gap fades out; what comes after it is whole from its first sample on.
    assert_eq!(left[..segment - 256], whole[0][..segment - 256]);
    assert!(left[segment..2 * segment - 256].iter().all(|&v| v == 0.0));
    assert_eq!(left[2 * segment..], whole[0][2 * segment..]);
}

#[test]
fn silence_is_silent_and_nearly_free() {
    let seconds = 20;
    let bytes = encode(vec![vec![0.0; seconds * RATE as usize]; 2]);
    assert!(bytes.len() * 8 < seconds * 1000, "{} bytes", bytes.len());
    assert!(decode(&bytes).iter().flatten().all(|&v| v == 0.0));
    // Silence after sound, in the same segment too.
    let mut sound = channels(RATE as usize / 2, 2);
    sound.iter_mut().for_each(|channel| channel.resize(3 * RATE as usize, 0.0));
    let back = decode(&encode(sound));
    let late = RATE as usize / 2 + 4 * 256 + 512;
    assert!(back.iter().all(|channel| channel[late..].iter().all(|v| v.abs() < 3e-5)));
}

#[test]
fn one_channel_costs_less_than_two() {
    let two = encode(channels(60_000, 2)).len();
    let one = encode(channels(60_000, 1)).len();
    assert!(one * 10 < two * 7, "{one} against {two}");
}

#[test]
fn effort_saves_bytes_for_a_smaller_share_of_the_sound() {
    let sound = channels(2 * RATE as usize, 2);
    let code = |effort: u8, quality: f32, threads: usize| {
        let options = EncodeOptions {
            effort: Effort::new(effort).unwrap(),
            quality: Quality::new(quality).unwrap(),
            threads: Some(threads),
            ..Default::default()
        };
        let audio = Audio::new(RATE, SampleFormat::I16, sound.clone()).unwrap();
        Encoder::new(options).unwrap().encode_audio(&audio).unwrap().bytes
    };
    let error = |bytes: &[u8]| -> f64 {
        let decoded = decode(bytes);
        let pairs = decoded.iter().flatten().zip(sound.iter().flatten());
        pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
    };
    let plain = code(1, 50.0, 2);
    for effort in [2, 5] {
        let searched = code(effort, 52.0, 2);
        assert!(searched.len() < plain.len(), "{} {}", searched.len(), plain.len());
        assert!(error(&searched) < error(&plain), "{} {}", error(&searched), error(&plain));
        assert_eq!(searched, code(effort, 52.0, 1));
    }
}
