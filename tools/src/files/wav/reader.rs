//! Bytes of a WAV file in, an [`Audio`] out.

use super::format::{WavFormat, default_mask};
use super::riff::{self, Chunk, Id};
use crate::error::{Error, Result};
use crate::files::Loaded;
use wavern::{Audio, Metadata, SampleFormat};

/// Chunks that are written anew (`fact`), hold only filling, or would be wrong for samples that have been coded with
/// loss (`PEAK`). All others are kept.
const NOT_KEPT: [Id; 7] = [*b"data", *b"fact", *b"PEAK", *b"JUNK", *b"junk", *b"PAD ", *b"FLLR"];

/// Reads a whole WAV file.
pub fn read(file: &[u8]) -> Result<Loaded> {
    let chunks = riff::chunks(file)?;
    let format = format_of(&chunks)?;
    let data = find(&chunks, b"data").ok_or_else(|| Error::corrupt("WAV without a chunk 'data'"))?;

    let mut notes = Vec::new();
    let frame_bytes = format.sample.bytes() * usize::from(format.channels);
    let rest = data.payload.len() % frame_bytes;
    if rest != 0 {
        notes.push(not_a_frame(rest));
    }
    let samples = &data.payload[..data.payload.len() - rest];
    let channels = deinterleave(samples, format.sample, usize::from(format.channels))?;
    let audio = Audio::new(format.sample_rate, format.sample, channels).map_err(Error::corrupt)?;
    let metadata = Metadata::default().with_riff(kept(&chunks, format));
    Ok(Loaded { signal: audio.with_metadata(metadata).into(), notes })
}

fn find<'a, 'b>(chunks: &'b [Chunk<'a>], id: &Id) -> Option<&'b Chunk<'a>> {
    chunks.iter().find(|chunk| chunk.id == *id)
}

/// What the chunk `fmt ` says, if a sound can be so.
pub(super) fn format_of(chunks: &[Chunk<'_>]) -> Result<WavFormat> {
    let chunk = find(chunks, b"fmt ").ok_or_else(|| Error::corrupt("WAV without a chunk 'fmt '"))?;
    let format = WavFormat::parse(chunk.payload).map_err(|error| {
        Error::new(error.kind(), format!("{error} in the chunk at byte {}", chunk.offset))
    })?;
    let (channels, bound) = (format.channels, Audio::MAX_CHANNELS);
    if usize::from(channels) > bound {
        return Err(Error::limit(format!("WAV with {channels} channels (expected at most {bound})")));
    }
    Ok(format)
}

/// The note on samples that do not fill a frame.
pub(super) fn not_a_frame(rest: usize) -> String {
    format!("the last {rest} bytes of the samples are not a whole frame: left out")
}

/// The chunks to keep, as they stand in the file. The format is kept only where it says more than can be told from
/// the samples: an unusual assignment of channels to loudspeakers.
pub(super) fn kept(chunks: &[Chunk<'_>], format: WavFormat) -> Vec<Vec<u8>> {
    let keeps_format = format.channel_mask != default_mask(format.channels);
    let is_kept = |chunk: &&Chunk<'_>| {
        if chunk.id == *b"fmt " { keeps_format } else { !NOT_KEPT.contains(&chunk.id) }
    };
    chunks.iter().filter(is_kept).map(raw).collect()
}

fn raw(chunk: &Chunk<'_>) -> Vec<u8> {
    let mut bytes = chunk.id.to_vec();
    bytes.extend((chunk.payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(chunk.payload);
    bytes
}

/// Bytes of whole frames → channels.
pub(super) fn deinterleave(bytes: &[u8], format: SampleFormat, channels: usize) -> Result<Vec<Vec<f32>>> {
    match format {
        SampleFormat::U8 => planes(bytes, channels, |[b]: [u8; 1]| (f32::from(b) - 128.0) / 128.0),
        SampleFormat::I16 => planes(bytes, channels, |b| f32::from(i16::from_le_bytes(b)) / 32_768.0),
        // Into the upper three bytes, so that the sign comes along; 24 bits are exact in f32.
        SampleFormat::I24 => planes(bytes, channels, |[a, b, c]: [u8; 3]| int32([0, a, b, c])),
        SampleFormat::I32 => planes(bytes, channels, int32),
        SampleFormat::F32 => planes(bytes, channels, f32::from_le_bytes),
        SampleFormat::F64 => planes(bytes, channels, |b| f64::from_le_bytes(b) as f32),
        other => Err(Error::unsupported(format!("samples of type {other:?}"))),
    }
}

fn int32(bytes: [u8; 4]) -> f32 {
    (f64::from(i32::from_le_bytes(bytes)) / 2_147_483_648.0) as f32
}

fn planes<const N: usize>(
    bytes: &[u8],
    channels: usize,
    convert: impl Fn([u8; N]) -> f32,
) -> Result<Vec<Vec<f32>>> {
    let frames = bytes.len() / (N * channels);
    let (samples, _) = bytes.as_chunks::<N>();
    (0..channels)
        .map(|channel| {
            let mut plane = Vec::new();
            plane.try_reserve_exact(frames).map_err(|_| Error::limit("sound does not fit in memory"))?;
            plane.extend(samples.iter().skip(channel).step_by(channels).map(|&sample| convert(sample)));
            Ok(plane)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::write;
    use super::*;
    use proptest::prelude::*;
    use wavern::Signal;

    fn audio(file: &[u8]) -> Audio {
        match read(file).unwrap().signal {
            Signal::Audio(audio) => audio,
            Signal::Image(_) => unreachable!("read() makes sound"),
        }
    }

    fn file(format: WavFormat, samples: &[u8]) -> Vec<u8> {
        let fmt = format.to_bytes();
        let mut out = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
        out.extend((fmt.len() as u32).to_le_bytes());
        out.extend(fmt);
        out.extend(b"data");
        out.extend((samples.len() as u32).to_le_bytes());
        out.extend(samples);
        let length = (out.len() - 8) as u32;
        out[4..8].copy_from_slice(&length.to_le_bytes());
        out
    }

    fn mono(sample: SampleFormat) -> WavFormat {
        WavFormat { sample, channels: 1, sample_rate: 8000, channel_mask: default_mask(1) }
    }

    #[test]
    fn full_scale_is_one_in_every_format() {
        let cases: [(SampleFormat, &[u8], &[f32]); 6] = [
            (SampleFormat::U8, &[0, 128, 192], &[-1.0, 0.0, 0.5]),
            (SampleFormat::I16, &[0, 0x80, 0, 0, 0, 0x40], &[-1.0, 0.0, 0.5]),
            (
                SampleFormat::I24,
                &[0, 0, 0x80, 0xFF, 0xFF, 0xFF, 0, 0, 0x40],
                &[-1.0, -1.0 / 8_388_608.0, 0.5],
            ),
            (SampleFormat::I32, &[0, 0, 0, 0x80, 0, 0, 0, 0x40], &[-1.0, 0.5]),
            (SampleFormat::F32, &[0, 0, 0, 0xC0], &[-2.0]),
            (SampleFormat::F64, &[0, 0, 0, 0, 0, 0, 0xE0, 0x3F], &[0.5]),
        ];
        for (format, bytes, expected) in cases {
            let read = audio(&file(mono(format), bytes));
            assert_eq!((read.format(), read.channels()[0].as_slice()), (format, expected));
        }
    }

    #[test]
    fn channels_are_taken_apart() {
        let stereo = WavFormat { channels: 2, channel_mask: default_mask(2), ..mono(SampleFormat::U8) };
        let read = audio(&file(stereo, &[128, 0, 192, 64]));
        assert_eq!(read.channels(), [vec![0.0, 0.5], vec![-1.0, -0.5]]);
    }

    #[test]
    fn half_a_frame_at_the_end_is_left_out_and_said() {
        let loaded = read(&file(mono(SampleFormat::I16), &[1, 2, 3])).unwrap();
        assert_eq!(loaded.notes, ["the last 1 bytes of the samples are not a whole frame: left out"]);
    }

    #[test]
    fn what_a_codec_cannot_carry_is_refused() {
        let not_a_number = [f32::NAN.to_le_bytes(), 0.5_f32.to_le_bytes()].concat();
        let error = read(&file(mono(SampleFormat::F32), &not_a_number)).unwrap_err();
        assert_eq!(error.to_string(), "audio channel 0, sample 0 is NaN (expected a finite number)");
        let many = WavFormat { channels: 33, channel_mask: 0, ..mono(SampleFormat::U8) };
        assert_eq!(read(&file(many, &[])).unwrap_err().exit_code(), 6);
        let still = WavFormat { sample_rate: 0, ..mono(SampleFormat::U8) };
        assert_eq!(
            read(&file(still, &[])).unwrap_err().to_string(),
            "sample rate 0 Hz (expected 1..=768000)"
        );
    }

    #[test]
    fn a_file_without_its_two_chunks_is_corrupt() {
        let whole = file(mono(SampleFormat::U8), &[1, 2, 3]);
        assert_eq!(read(&whole[..36]).unwrap_err().to_string(), "WAV without a chunk 'data'");
        assert_eq!(read(&whole[..12]).unwrap_err().to_string(), "WAV without a chunk 'fmt '");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Whatever one byte of a file is changed to, and wherever it is cut: an answer, and never more samples than
        /// there are bytes.
        #[test]
        fn damage_is_an_answer(position in 0..200_usize, value: u8, cut in 0..200_usize) {
            let stereo = WavFormat { channels: 2, channel_mask: default_mask(2), ..mono(SampleFormat::I16) };
            let mut bytes = file(stereo, &[7; 60]);
            let length = bytes.len();
            bytes[position % length] = value;
            bytes.truncate(length - cut % length);
            match read(&bytes) {
                Ok(Loaded { signal: Signal::Audio(audio), .. }) => {
                    prop_assert!(audio.frames() * audio.channels().len() <= 60);
                }
                Ok(_) => prop_assert!(false, "a WAV is a sound"),
                Err(error) => prop_assert!((3..=6).contains(&error.exit_code()), "{error}"),
            }
        }

        /// Reading what was written gives the same file again, for any bytes as samples.
        #[test]
        fn integer_samples_survive_byte_for_byte(
            bytes in prop::collection::vec(any::<u8>(), 0..96),
            format in prop::sample::select(vec![SampleFormat::U8, SampleFormat::I16, SampleFormat::I24]),
            channels in 1..5_u16,
        ) {
            let format = WavFormat { channels, channel_mask: default_mask(channels), ..mono(format) };
            let frame = format.sample.bytes() * usize::from(channels);
            let whole = &bytes[..bytes.len() - bytes.len() % frame];
            let mut expected = file(format, whole);
            if expected.len() % 2 == 1 {
                expected.push(0);
                let length = (expected.len() - 8) as u32;
                expected[4..8].copy_from_slice(&length.to_le_bytes());
            }
            let mut written = Vec::new();
            write(&audio(&expected), &mut written).unwrap();
            prop_assert_eq!(written, expected);
        }
    }
}
