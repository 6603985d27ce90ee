//! Sounds piece by piece, in parts, damaged, and silent.
#![allow(clippy::unwrap_used)] // a helper of a test may fail it

use std::collections::VecDeque;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex};
use wavern::{Audio, Metadata, SampleFormat};
use wavern::{
    DecodeOptions, Decoder, Effort, EncodeOptions, Encoder, Quality, Signal, SoundOptions, SoundReader,
    Window,
};
use wavern_bitstream::{ChunkCode, Container, Header, Limits, describe};

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
    Encoder::new(EncodeOptions::new().quality(quality).threads(2)).unwrap()
}

fn encode(channels: Vec<Vec<f32>>) -> Vec<u8> {
    let audio = Audio::new(RATE, SampleFormat::I16, channels).unwrap();
    encoder(40.0).encode_audio(&audio).unwrap().bytes
}

fn decoder() -> Decoder {
    Decoder::new(DecodeOptions::new().threads(2)).unwrap()
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

/// All samples of a reader.
fn all<R: Read>(reader: &mut SoundReader<'_, R>) -> Vec<Vec<f32>> {
    let mut all = vec![Vec::new(); reader.header().channels as usize];
    while let Some(piece) = reader.read().unwrap() {
        all.iter_mut().zip(piece).for_each(|(all, piece)| all.extend(piece));
    }
    all
}

#[test]
fn a_sound_that_arrives_in_pieces_gives_the_same_file() {
    let segment = segment_frames(&encode(channels(1, 2)));
    for frames in [0, 1, 255, 256, segment - 1, segment, segment + 1, 4 * segment, 5 * segment + 77] {
        let sound = channels(frames, 2);
        for flush in [false, true] {
            let (encoder, mut bytes) = (encoder(40.0), Vec::new());
            let metadata = Metadata::default();
            let mut writer = encoder.sound_writer(RATE, SampleFormat::I16, 2, &metadata, &mut bytes).unwrap();
            for start in (0..frames).step_by(1999) {
                let piece = |channel: &Vec<f32>| channel[start..frames.min(start + 1999)].to_vec();
                writer.write(sound.iter().map(piece).collect()).unwrap();
                if flush {
                    writer.flush().unwrap();
                }
            }
            let summary = writer.finish(&metadata).unwrap();
            assert_eq!((summary.bytes, summary.frames), (bytes.len() as u64, frames as u64));
            assert!(bytes == encode(sound.clone()), "{frames} frames");
            assert_eq!(decode(&bytes)[0].len(), frames);
        }
    }
}

/// A file that grows while it is written and read, as a pipe does.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<VecDeque<u8>>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Pipe {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut pipe = self.0.lock().unwrap();
        let count = bytes.len().min(pipe.len());
        bytes.iter_mut().zip(pipe.drain(..count)).for_each(|(to, from)| *to = from);
        Ok(count)
    }
}

#[test]
fn samples_come_out_a_segment_and_a_block_after_they_went_in() {
    let (sound, pipe) = (channels(8 * 30_000, 2), Pipe::default());
    let (encoder, decoder, metadata) = (encoder(40.0), decoder(), Metadata::default());
    let mut writer = encoder.sound_writer(RATE, SampleFormat::I16, 2, &metadata, pipe.clone()).unwrap();
    let whole = decode(&encode(sound.clone()));
    let segment = segment_frames(&encode(channels(1, 2)));
    let piece = |start: usize| sound.iter().map(|channel| channel[start..start + 3000].to_vec()).collect();
    let mut written = 0;
    while written < 2 * segment {
        writer.write(piece(written)).unwrap();
        written += 3000;
    }
    writer.flush().unwrap();
    let mut reader = decoder.sound_reader(pipe).unwrap();
    let mut read: Vec<f32> = Vec::new();
    while written < sound[0].len() {
        // What is still in the encoder is less than a segment, and a block in the decoder.
        while read.len() + segment + 256 < written {
            read.extend(&reader.read().unwrap().unwrap()[0]);
        }
        assert_eq!(read, whole[0][..read.len()]);
        writer.write(piece(written)).unwrap();
        writer.flush().unwrap();
        written += 3000;
    }
    writer.finish(&metadata).unwrap();
    assert_eq!(reader.frames(), None);
    read.extend(&all(&mut reader)[0]);
    assert_eq!(read, whole[0]);
    assert_eq!(reader.frames(), Some(whole[0].len() as u64));
}

#[test]
fn a_part_is_that_part_of_the_whole() {
    let bytes = encode(channels(100_000, 3));
    let (whole, segment) = (decode(&bytes), segment_frames(&bytes));
    let decoder = decoder();
    for from in [0, 1, 255, segment - 1, segment, segment + 300, 3 * segment - 1, 99_999, 100_000, 200_000] {
        let mut walked = decoder.sound_reader(&bytes[..]).unwrap();
        walked.seek(from as u64).unwrap();
        let mut jumped = decoder.sound_reader(Cursor::new(&bytes)).unwrap();
        jumped.read_table().unwrap();
        assert_eq!(jumped.frames(), Some(100_000));
        jumped.seek(99_999).unwrap();
        jumped.read().unwrap();
        jumped.seek(from as u64).unwrap();
        for part in [all(&mut walked), all(&mut jumped)] {
            for (part, whole) in part.iter().zip(&whole) {
                assert_eq!(part, &whole[from.min(100_000)..], "from {from}");
            }
        }
        if from > segment {
            assert!(walked.seek(0).is_err());
        }
    }
}

#[test]
fn metadata_in_front_and_behind_is_kept() {
    let block = |id: &[u8; 4]| [&id[..], &[2, 0, 0, 0, 1, 2]].concat();
    let (front, back) = (block(b"cue "), block(b"LIST"));
    let metadata = |riff| Metadata::default().with_riff(riff);
    for frames in [0, 100, 60_000] {
        let (encoder, mut bytes) = (encoder(40.0), Vec::new());
        let mut writer = encoder
            .sound_writer(RATE, SampleFormat::I16, 1, &metadata(vec![front.clone()]), &mut bytes)
            .unwrap();
        writer.write(channels(frames, 1)).unwrap();
        writer.finish(&metadata(vec![back.clone()])).unwrap();

        let decoder = decoder();
        let Signal::Audio(audio) = decoder.decode(&bytes).unwrap() else { panic!("a sound") };
        let both = [front.clone(), back.clone()];
        assert_eq!(audio.metadata().riff, both);
        let mut reader = decoder.sound_reader(Cursor::new(&bytes)).unwrap();
        reader.read_table().unwrap();
        assert_eq!((&reader.metadata().riff[..], reader.frames()), (&both[..], Some(frames as u64)));
        assert_eq!(all(&mut reader)[0].len(), frames);
        assert_eq!(reader.metadata().riff, both);
    }
}

#[test]
fn a_destroyed_segment_is_a_gap_and_a_cut_file_ends_with_its_last_whole_segment() {
    let bytes = encode(channels(100_000, 2));
    let (whole, segment) = (decode(&bytes), segment_frames(&bytes));
    let chunks: Vec<_> = describe(&bytes).unwrap().map(Result::unwrap).collect();
    let decoder = decoder();
    let read = |bytes: &[u8], table: bool| {
        let mut reader = decoder.sound_reader_partial(Cursor::new(bytes)).unwrap();
        if table {
            reader.read_table().unwrap();
        }
        let left = all(&mut reader).swap_remove(0);
        assert!(!reader.damage().is_empty());
        let gaps: Vec<_> = reader.gaps().iter().map(|gap| (gap.start, gap.end)).collect();
        (left, gaps)
    };
    // The header is the first chunk, then segment i is chunk i + 1.
    let cut = (chunks[3].payload_offset + chunks[3].length / 2) as usize;
    for cut in [cut, chunks[3].offset as usize] {
        let (left, gaps) = read(&bytes[..cut], false);
        // The last block would have been finished by the segment that is missing.
        assert_eq!((left.len(), gaps), (2 * segment - 256, vec![]));
        assert_eq!(left[..], whole[0][..2 * segment - 256]);
    }
    let (left, gaps) = read(&bytes[..bytes.len() - 3], true);
    assert_eq!((&left, gaps), (&whole[0], vec![]));

    for byte in [chunks[2].offset, chunks[2].offset + 5, chunks[2].payload_offset + chunks[2].length / 2] {
        let mut bytes = bytes.clone();
        bytes[byte as usize] ^= 0x10;
        assert!(decoder.decode(&bytes).is_err());
        for table in [false, true] {
            let (left, gaps) = read(&bytes, table);
            assert_eq!((left.len(), gaps), (100_000, vec![(1, 2)]));
            // The block before a gap fades out; what comes after it is whole from its first sample on.
            assert_eq!(left[..segment - 256], whole[0][..segment - 256]);
            assert!(left[segment..2 * segment - 256].iter().all(|&v| v == 0.0));
            assert_eq!(left[2 * segment..], whole[0][2 * segment..]);
        }
    }
    // The last segment: the table still tells how long the sound is.
    let last = chunks.iter().rfind(|chunk| chunk.code == ChunkCode::SEGMENT).unwrap();
    let mut bytes = bytes;
    bytes[last.payload_offset as usize] ^= 1;
    let (left, gaps) = read(&bytes, false);
    assert_eq!((left.len(), gaps), (100_000, vec![(4, 5)]));
    assert!(left[4 * segment..].iter().all(|&v| v == 0.0));
}

#[test]
fn a_bit_rate_is_kept_in_pieces_too() {
    // Longer than a window, which is small for many channels.
    let sound = channels(10 * RATE as usize, 16);
    let options = EncodeOptions::new().sound(SoundOptions::new().bitrate(400_000)).threads(2);
    let encoder = Encoder::new(options).unwrap();
    let audio = Audio::new(RATE, SampleFormat::I16, sound.clone()).unwrap();
    let bytes = encoder.encode_audio(&audio).unwrap().bytes;
    let rate = bytes.len() as f64 * 8.0 / audio.seconds();
    assert!((392_000.0..=400_000.0).contains(&rate), "{rate}");

    let mut pieces = Vec::new();
    let metadata = Metadata::default();
    let mut writer = encoder.sound_writer(RATE, SampleFormat::I16, 16, &metadata, &mut pieces).unwrap();
    for start in (0..sound[0].len()).step_by(10_007) {
        let end = sound[0].len().min(start + 10_007);
        writer.write(sound.iter().map(|channel| channel[start..end].to_vec()).collect()).unwrap();
        writer.flush().unwrap();
    }
    writer.finish(&metadata).unwrap();
    assert!(pieces == bytes);
}

/// What a listener has after each piece of 5 ms that a writer was given and flushed.
fn heard_while_written(encoder: &Encoder, rate: u32, sound: &[Vec<f32>]) -> (Vec<usize>, Vec<u8>) {
    let pipe = Pipe::default();
    let metadata = Metadata::default();
    let writer = encoder.sound_writer(rate, SampleFormat::I16, sound.len(), &metadata, pipe.clone());
    let (mut writer, mut file, mut heard) = (writer.unwrap(), Vec::new(), Vec::new());
    for piece in (0..sound[0].len()).step_by(rate as usize / 200) {
        let end = sound[0].len().min(piece + rate as usize / 200);
        writer.write(sound.iter().map(|channel| channel[piece..end].to_vec()).collect()).unwrap();
        writer.flush().unwrap();
        file.extend(pipe.0.lock().unwrap().drain(..));
        let decoder = decoder();
        let frames =
            decoder.sound_reader_partial(&file[..]).map_or(0, |mut reader| all(&mut reader)[0].len());
        heard.push(end - frames);
    }
    writer.finish(&metadata).unwrap();
    file.extend(pipe.0.lock().unwrap().drain(..));
    (heard, file)
}

#[test]
fn a_low_delay_is_a_segment_and_a_block_and_keeps_its_bit_rate() {
    for (rate, channel_count) in [(RATE, 2), (48_000, 2), (96_000, 1)] {
        let sound = channels(rate as usize * 3 / 10, channel_count);
        let options = EncodeOptions::new().sound(SoundOptions::new().low_delay(true)).threads(2);
        let encoder = Encoder::new(options).unwrap();
        let (behind, bytes) = heard_while_written(&encoder, rate, &sound);
        let segment = segment_frames(&bytes);
        assert!(segment * 50 <= rate as usize, "{segment} frames at {rate} Hz");
        // The pieces are 5 ms; a segment is known not to be the last one when the next begins.
        let most = segment + 256 + rate as usize / 200 + 1;
        assert!(behind.iter().all(|&frames| frames <= most), "{behind:?} of {most}");
        // What is coded at once is the same file, and as good as in long segments.
        let audio = Audio::new(rate, SampleFormat::I16, sound.clone()).unwrap();
        let coded = encoder.encode_audio(&audio).unwrap();
        assert!(coded.bytes == bytes);
        let kept = decoder().latents(&bytes).unwrap();
        assert!(kept == coded.latents);
        let window = Window { row: 0, column: 5, rows: 1, columns: 14 };
        let part = &decoder().latents_window(&bytes, window).unwrap()[0];
        let channels = kept[0].y.channels();
        assert_eq!(part.y.data(), &kept[0].y.data()[5 * channels..19 * channels]);
        let loss: f32 =
            sound.iter().flatten().zip(decode(&bytes).iter().flatten()).map(|(a, b)| (a - b).powi(2)).sum();
        let power: f32 = sound.iter().flatten().map(|v| v * v).sum();
        assert!(loss < power / 100.0, "{loss} of {power}");
    }
    // A bit rate holds for any tenth of a second, but for the head.
    let mut sound = channels(3 * RATE as usize, 2);
    sound.iter_mut().for_each(|channel| channel[..RATE as usize].fill(0.0));
    let sizes = |bits: u32| {
        let sound_options = SoundOptions::new().low_delay(true).bitrate(bits);
        let encoder = Encoder::new(EncodeOptions::new().sound(sound_options).threads(2)).unwrap();
        let audio = Audio::new(RATE, SampleFormat::I16, sound.clone()).unwrap();
        encoder.encode_audio(&audio).unwrap().bytes.len() as f64 * 8.0 / 3.0
    };
    // One second is silent and cannot lend the others more than a tenth of a second.
    let rate = sizes(96_000);
    assert!((60_000.0..=75_000.0).contains(&rate), "{rate}");
    let refused = EncodeOptions::new().lossless(true).sound(SoundOptions::new().low_delay(true));
    assert!(Encoder::new(refused).is_err());
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
        let options = EncodeOptions::new()
            .effort(Effort::new(effort).unwrap())
            .quality(Quality::new(quality).unwrap())
            .threads(threads);
        let audio = Audio::new(RATE, SampleFormat::I16, sound.clone()).unwrap();
        Encoder::new(options).unwrap().encode_audio(&audio).unwrap()
    };
    let error = |bytes: &[u8]| -> f64 {
        let decoded = decode(bytes);
        let pairs = decoded.iter().flatten().zip(sound.iter().flatten());
        pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
    };
    let plain = code(1, 50.0, 2).bytes;
    for (effort, rounds) in [(2, 1), (5, 2)] {
        let encoded = code(effort, 52.0, 2);
        let (report, searched) = (encoded.search, encoded.bytes);
        // The ends of the three streams are only known on the average.
        let ends = 3.0 * 24.0;
        let (estimated, real) = (report.estimated_bits, report.payload_bits as f64);
        assert!((real - estimated).abs() < 0.001 * real + ends, "{estimated} {real}");
        assert_eq!(report.rounds, rounds);
        assert!(searched.len() < plain.len(), "{} {}", searched.len(), plain.len());
        assert!(error(&searched) < error(&plain), "{} {}", error(&searched), error(&plain));
        assert_eq!(searched, code(effort, 52.0, 1).bytes);
    }
}
