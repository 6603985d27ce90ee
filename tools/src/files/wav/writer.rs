//! An [`Audio`] in, bytes of a WAV file out.
//!
//! Samples come right after the format, where simple readers look for them, and the kept chunks after the samples.
//! Beyond 4 GiB the file becomes an RF64. A sound of unknown length has lengths of 2^32 − 1, as is the custom in pipes,
//! and what chunks are known in front of the samples; room is left so that a file can be given its lengths afterwards.

use super::format::WavFormat;
use super::samples;
use crate::error::{At, Result};
use std::io::Write;
use wavern::{Audio, Metadata, SampleFormat};

/// Writes a whole WAV file.
///
/// # Errors
/// If `out` fails.
pub fn write(audio: &Audio, out: &mut dyn Write) -> Result<()> {
    let (rate, format, frames) = (audio.sample_rate(), audio.format(), audio.frames() as u64);
    let (channels, metadata) = (audio.channels().len(), audio.metadata());
    let mut writer = WavWriter::new(rate, format, channels, Some(frames), metadata, out)?;
    writer.write(audio.channels())?;
    writer.finish(&metadata.riff).map(drop)
}

/// A WAV file that is written in pieces.
pub struct WavWriter<'a> {
    out: &'a mut (dyn Write + 'a),
    format: WavFormat,
    /// Chunks between format and samples; `None` if the head holds all lengths.
    front: Option<Vec<u8>>,
    /// Bytes of samples so far.
    data_bytes: u64,
}

impl<'a> WavWriter<'a> {
    /// Writes all that comes before the samples. If it is known how many `frames` there will be, `metadata` is all
    /// there is, and its chunks follow the samples; else those that are known go here.
    ///
    /// # Errors
    /// If `out` fails.
    pub fn new(
        sample_rate: u32,
        sample: SampleFormat,
        channels: usize,
        frames: Option<u64>,
        metadata: &Metadata,
        out: &'a mut (dyn Write + 'a),
    ) -> Result<Self> {
        let channels = channels as u16; // at most Audio::MAX_CHANNELS
        let plain = WavFormat::linear(sample, channels, sample_rate);
        let mut formats = metadata.riff.iter().filter(|chunk| is_format(chunk));
        let mask = formats.find_map(|chunk| WavFormat::parse(chunk.get(8..)?).ok());
        let mask = mask.filter(|kept| kept.channels == channels).map(|kept| kept.channel_mask);
        let format = WavFormat { channel_mask: mask.unwrap_or(plain.channel_mask), ..plain };
        let kept = kept(&metadata.riff);
        let (head, front) = match frames {
            Some(frames) => (head(format, Some((frames, kept.len() as u64)), None), None),
            None => (head(format, None, Some(&kept)), Some(kept)),
        };
        out.write_all(&head).at("writing WAV")?;
        Ok(Self { out, format, front, data_bytes: 0 })
    }

    /// Whether the length of the sound was not known.
    pub fn is_open(&self) -> bool {
        self.front.is_some()
    }

    /// Writes the next samples, `[channels][frames]`.
    ///
    /// # Errors
    /// If `out` fails.
    pub fn write<N: Copy + Into<f64>>(&mut self, channels: &[Vec<N>]) -> Result<()> {
        /// More at once would only take more memory.
        const FRAMES: usize = 1 << 12;
        let frames = channels.first().map_or(0, Vec::len);
        let mut bytes = Vec::new();
        for start in (0..frames).step_by(FRAMES) {
            let end = frames.min(start + FRAMES);
            let piece: Vec<&[N]> = channels.iter().map(|channel| &channel[start..end]).collect();
            bytes.clear();
            samples::pack(&piece, self.format, &mut bytes)?;
            self.out.write_all(&bytes).at("writing WAV")?;
        }
        self.data_bytes += frames as u64 * u64::from(self.format.block_bytes);
        self.out.flush().at("writing WAV") // somebody may be listening
    }

    /// Writes chunks behind the samples. If the length of the sound was not known, gives what should stand at the
    /// beginning of the file instead of what does, in as many bytes.
    ///
    /// # Errors
    /// If `out` fails.
    pub fn finish(self, chunks: &[Vec<u8>]) -> Result<Vec<u8>> {
        let kept = kept(chunks);
        let pad = vec![0; (self.data_bytes % 2) as usize];
        self.out.write_all(&[pad, kept.clone()].concat()).at("writing WAV")?;
        let lengths = (self.data_bytes / u64::from(self.format.block_bytes), kept.len() as u64);
        Ok(self.front.map_or_else(Vec::new, |front| head(self.format, Some(lengths), Some(&front))))
    }
}

/// Whether a kept chunk is the format of a file.
pub fn is_format(chunk: &[u8]) -> bool {
    chunk.starts_with(b"fmt ")
}

/// Chunks as they stand in a file, except for the format, which is written anew.
fn kept(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in chunks.iter().filter(|chunk| !is_format(chunk)) {
        out.extend_from_slice(chunk);
        out.resize(padded(out.len() as u64) as usize, 0);
    }
    out
}

/// Everything in front of the first sample. `lengths` are frames and the bytes behind the samples, where they are
/// known. With chunks in `front`, even none, room is left for the lengths of an RF64.
fn head(format: WavFormat, lengths: Option<(u64, u64)>, front: Option<&[u8]>) -> Vec<u8> {
    /// Length of a chunk `ds64` without a table.
    const DS64: usize = 28;
    let fmt = format.to_bytes();
    let chunk = |out: &mut Vec<u8>, id: &[u8; 4], payload: &[u8]| {
        out.extend(id);
        out.extend((payload.len() as u32).to_le_bytes());
        out.extend(payload);
    };
    let mut inner = Vec::with_capacity(128);
    chunk(&mut inner, b"fmt ", &fmt);
    if format.sample.is_float() {
        let frames = lengths.and_then(|(frames, _)| u32::try_from(frames).ok());
        chunk(&mut inner, b"fact", &frames.unwrap_or(u32::MAX).to_le_bytes());
    }
    inner.extend_from_slice(front.unwrap_or_default());
    let room = if front.is_some() { 8 + DS64 as u64 } else { 0 };
    let sizes = lengths.map(|(frames, back)| {
        let data_bytes = frames * u64::from(format.block_bytes);
        (4 + room + inner.len() as u64 + 8 + padded(data_bytes) + back, data_bytes, frames)
    });
    let small = sizes.and_then(|(inside, data, _)| Some((u32::try_from(inside).ok()?, data as u32)));
    let mut out = Vec::with_capacity(inner.len() + 64);
    match (small, sizes) {
        (None, Some((inside, data_bytes, frames))) => {
            out.extend(b"RF64\xff\xff\xff\xffWAVE");
            // Where no room was left it comes on top of what was counted.
            let inside = if room > 0 { inside } else { inside + 8 + DS64 as u64 };
            let ds64 = [inside, data_bytes, frames].map(u64::to_le_bytes).concat();
            chunk(&mut out, b"ds64", &[ds64, vec![0; 4]].concat());
        }
        _ => {
            out.extend(b"RIFF");
            out.extend(small.map_or(u32::MAX, |(inside, _)| inside).to_le_bytes());
            out.extend(b"WAVE");
            if room > 0 {
                chunk(&mut out, b"JUNK", &[0; DS64]);
            }
        }
    }
    out.extend(inner);
    out.extend(b"data");
    out.extend(small.map_or(u32::MAX, |(_, data)| data).to_le_bytes());
    out
}

fn padded(length: u64) -> u64 {
    length + length % 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::sounds::read;
    use wavern::{Metadata, Signal};

    fn there_and_back(audio: &Audio) -> Audio {
        let mut file = Vec::new();
        write(audio, &mut file).unwrap();
        let length = u32::from_le_bytes(file[4..8].try_into().unwrap());
        assert_eq!(length as usize, file.len() - 8);
        match read(&file).unwrap().signal {
            Signal::Audio(audio) => audio,
            Signal::Image(_) => unreachable!("the file is a sound"),
        }
    }

    #[test]
    fn every_format_channel_count_and_length_survives() {
        for format in SampleFormat::ALL {
            for channels in [1, 2, 3, 6, 8, 32] {
                for frames in [0, 1, 5, 5000] {
                    let step = 1.0 / 128.0; // exact in every format
                    let plane =
                        |c: usize| (0..frames).map(|i| ((i * 7 + c) % 256) as f32 * step - 1.0).collect();
                    let audio = Audio::new(44_100, format, (0..channels).map(plane).collect()).unwrap();
                    assert_eq!(there_and_back(&audio), audio, "{format:?} {channels} {frames}");
                }
            }
        }
    }

    #[test]
    fn kept_chunks_come_back_byte_for_byte_and_the_channel_mask_too() {
        let side = WavFormat { channel_mask: 0x60F, ..WavFormat::linear(SampleFormat::I24, 6, 48_000) };
        let mut fmt = b"fmt \x28\0\0\0".to_vec();
        fmt.extend(side.to_bytes());
        let riff = vec![b"bext\x03\0\0\0abc".to_vec(), fmt.clone(), b"LIST\x04\0\0\0INFO".to_vec()];
        let metadata = Metadata::default().with_riff(riff.clone());
        let audio =
            Audio::new(48_000, SampleFormat::I24, vec![vec![0.5; 3]; 6]).unwrap().with_metadata(metadata);
        let mut kept = there_and_back(&audio).into_parts().1.riff;
        let fmt_back = kept.remove(0);
        assert_eq!(WavFormat::parse(&fmt_back[8..]).unwrap().channel_mask, 0x60F);
        assert_eq!(kept, [riff[0].clone(), riff[2].clone()]);
    }

    #[test]
    fn samples_beyond_full_scale_are_clipped_as_integers_and_kept_as_floats() {
        let samples = vec![vec![-3.0, -1.0, 1.0, 3.0]];
        let back =
            |format| there_and_back(&Audio::new(8000, format, samples.clone()).unwrap()).into_parts().0;
        let most = 32_767.0 / 32_768.0;
        assert_eq!(back(SampleFormat::I16), [[-1.0, -1.0, most, most]]);
        assert_eq!(back(SampleFormat::U8), [[-1.0, -1.0, 127.0 / 128.0, 127.0 / 128.0]]);
        assert_eq!(back(SampleFormat::F64), [[-3.0, -1.0, 1.0, 3.0]]);
    }

    #[test]
    fn beyond_4_gib_the_head_is_rf64() {
        let format = WavFormat::linear(SampleFormat::F32, 2, 48_000);
        let frames = 1_u64 << 30;
        let kept = |room: Option<&[u8]>| head(format, Some((frames, 10)), room);
        let head = kept(None);
        assert_eq!((&head[..4], &head[12..16]), (&b"RF64"[..], &b"ds64"[..]));
        let u64_at = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
        assert_eq!(u64_at(20), head.len() as u64 - 8 + frames * 8 + 10, "length of the RIFF");
        assert_eq!((u64_at(28), u64_at(36)), (frames * 8, frames));
        assert_eq!(head[head.len() - 8..], *b"data\xff\xff\xff\xff");
        // The same where the length is known only afterwards.
        assert_eq!(kept(Some(b"")), head);
    }

    #[test]
    fn a_sound_of_unknown_length_can_be_given_one() {
        let chunks = [b"bext\x03\0\0\0abc".to_vec(), b"LIST\x04\0\0\0INFO".to_vec()];
        for format in [SampleFormat::U8, SampleFormat::F32] {
            let samples = vec![vec![0.25, -0.5, 0.0]];
            let metadata = Metadata::default().with_riff(vec![chunks[0].clone()]);
            let mut file = Vec::new();
            let mut writer = WavWriter::new(8000, format, 1, None, &metadata, &mut file).unwrap();
            writer.write(&samples).unwrap();
            let head = writer.finish(&[]).unwrap();
            // As it stands in a pipe; then with its lengths, and a chunk behind the samples.
            let mut expected =
                Audio::new(8000, format, samples.clone()).unwrap().with_metadata(metadata.clone());
            let padding = file.len() - head.len() - 3 * format.bytes();
            let piped = read(&file[..file.len() - padding]).unwrap();
            assert_eq!(piped.signal, Signal::Audio(expected.clone()));
            file.clear();
            let mut writer = WavWriter::new(8000, format, 1, None, &metadata, &mut file).unwrap();
            writer.write(&samples).unwrap();
            let head = writer.finish(&chunks[1..]).unwrap();
            file[..head.len()].copy_from_slice(&head);
            expected = expected.with_metadata(Metadata::default().with_riff(chunks.to_vec()));
            assert_eq!(read(&file).unwrap().signal, Signal::Audio(expected));
            assert_eq!(u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize, file.len() - 8);
        }
    }
}
