//! An [`Audio`] in, bytes of a WAV file out.
//!
//! Samples come right after the format, where simple readers look for them, and the kept chunks after the samples.
//! Every length is known before the first byte, so the file can go to a pipe. Beyond 4 GiB the file becomes an RF64.

use super::format::{WavFormat, default_mask};
use std::io::{self, Write};
use wavern::signal::{Audio, Metadata, SampleFormat};

/// Writes a whole WAV file.
pub fn write(audio: &Audio, out: &mut dyn Write) -> io::Result<()> {
    let (rate, format, frames) = (audio.sample_rate(), audio.format(), audio.frames() as u64);
    let mut writer =
        WavWriter::new(rate, format, audio.channels().len(), frames, audio.metadata().clone(), out)?;
    writer.write(audio.channels())?;
    writer.finish()
}

/// A WAV file that is written in pieces.
pub struct WavWriter<'a> {
    out: &'a mut dyn Write,
    format: WavFormat,
    data_bytes: u64,
    kept: Vec<Vec<u8>>,
}

impl<'a> WavWriter<'a> {
    /// Writes all that comes before the samples. `frames` must be how many will come.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(
        sample_rate: u32,
        sample: SampleFormat,
        channels: usize,
        frames: u64,
        metadata: Metadata,
        out: &'a mut dyn Write,
    ) -> io::Result<Self> {
        let channels = channels as u16; // at most Audio::MAX_CHANNELS
        let (formats, kept): (Vec<_>, Vec<_>) =
            metadata.riff.into_iter().partition(|chunk| chunk.starts_with(b"fmt "));
        let mask = formats.first().and_then(|chunk| WavFormat::parse(chunk.get(8..)?).ok());
        let mask = mask.filter(|kept| kept.channels == channels).map(|kept| kept.channel_mask);
        let channel_mask = mask.unwrap_or(default_mask(channels));
        let format = WavFormat { sample, channels, sample_rate, channel_mask };
        let data_bytes = frames * (format.sample.bytes() as u64 * u64::from(format.channels));
        let kept_bytes = kept.iter().map(|chunk| padded(chunk.len() as u64)).sum();
        out.write_all(&head(format, frames, data_bytes, kept_bytes))?;
        Ok(Self { out, format, data_bytes, kept })
    }

    /// Writes the next samples, `[channels][frames]`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&mut self, channels: &[Vec<f32>]) -> io::Result<()> {
        write_samples(channels, self.format.sample, self.out)
    }

    /// Writes all that comes after the samples.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(self) -> io::Result<()> {
        write_padding(self.data_bytes, self.out)?;
        for chunk in self.kept {
            self.out.write_all(&chunk)?;
            write_padding(chunk.len() as u64, self.out)?;
        }
        Ok(())
    }
}

/// Everything in front of the first sample.
fn head(format: WavFormat, frames: u64, data_bytes: u64, kept_bytes: u64) -> Vec<u8> {
    let fmt = format.to_bytes();
    let has_fact = format.sample.is_float();
    let inside =
        4 + (8 + fmt.len() as u64) + if has_fact { 12 } else { 0 } + 8 + padded(data_bytes) + kept_bytes;
    let chunk = |out: &mut Vec<u8>, id: &[u8; 4], payload: &[u8]| {
        out.extend(id);
        out.extend((payload.len() as u32).to_le_bytes());
        out.extend(payload);
    };
    let mut out = Vec::with_capacity(128);
    match u32::try_from(inside) {
        Ok(inside) => {
            out.extend(b"RIFF");
            out.extend(inside.to_le_bytes());
            out.extend(b"WAVE");
        }
        Err(_) => {
            out.extend(b"RF64");
            out.extend(u32::MAX.to_le_bytes());
            out.extend(b"WAVE");
            let ds64 = [inside + 8 + 28, data_bytes, frames].map(u64::to_le_bytes).concat();
            chunk(&mut out, b"ds64", &[ds64, vec![0; 4]].concat());
        }
    }
    chunk(&mut out, b"fmt ", &fmt);
    if has_fact {
        chunk(&mut out, b"fact", &u32::try_from(frames).unwrap_or(u32::MAX).to_le_bytes());
    }
    out.extend(b"data");
    let data_length = if u32::try_from(inside).is_ok() { data_bytes as u32 } else { u32::MAX };
    out.extend(data_length.to_le_bytes());
    out
}

fn padded(length: u64) -> u64 {
    length + length % 2
}

fn write_padding(length: u64, out: &mut dyn Write) -> io::Result<()> {
    if length % 2 == 1 { out.write_all(&[0]) } else { Ok(()) }
}

fn write_samples(channels: &[Vec<f32>], format: SampleFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        SampleFormat::U8 => interleave(channels, out, |x| [(integer(x, 8) + 128) as u8]),
        SampleFormat::I16 => interleave(channels, out, |x| (integer(x, 16) as i16).to_le_bytes()),
        SampleFormat::I24 => interleave(channels, out, |x| {
            let [a, b, c, _] = integer(x, 24).to_le_bytes();
            [a, b, c]
        }),
        SampleFormat::I32 => interleave(channels, out, |x| integer(x, 32).to_le_bytes()),
        SampleFormat::F32 => interleave(channels, out, f32::to_le_bytes),
        SampleFormat::F64 => interleave(channels, out, |x| f64::from(x).to_le_bytes()),
        other => Err(io::Error::other(format!("samples of type {other:?}"))),
    }
}

/// The nearest integer of so many bits; what lies beyond full scale is clipped.
fn integer(sample: f32, bits: u32) -> i32 {
    let full_scale = f64::from(1_u32 << (bits - 1));
    (f64::from(sample) * full_scale).round().clamp(-full_scale, full_scale - 1.0) as i32
}

fn interleave<const N: usize>(
    channels: &[Vec<f32>],
    out: &mut dyn Write,
    convert: impl Fn(f32) -> [u8; N],
) -> io::Result<()> {
    const FRAMES_AT_ONCE: usize = 1 << 12;
    let frames = channels.first().map_or(0, Vec::len);
    let mut buffer = Vec::with_capacity(FRAMES_AT_ONCE * channels.len() * N);
    for start in (0..frames).step_by(FRAMES_AT_ONCE) {
        buffer.clear();
        for frame in start..frames.min(start + FRAMES_AT_ONCE) {
            for channel in channels {
                buffer.extend(convert(channel[frame]));
            }
        }
        out.write_all(&buffer)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use wavern::signal::{Metadata, Signal};

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
        let mut side =
            WavFormat { sample: SampleFormat::I24, channels: 6, sample_rate: 1, channel_mask: 0x60F }
                .to_bytes();
        let mut fmt = b"fmt \x28\0\0\0".to_vec();
        fmt.append(&mut side);
        let riff = vec![b"bext\x03\0\0\0abc".to_vec(), fmt.clone(), b"LIST\x04\0\0\0INFO".to_vec()];
        let metadata = Metadata { riff: riff.clone(), ..Metadata::default() };
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
        assert_eq!(integer(1.0, 32), i32::MAX);
        assert_eq!(integer(-1.0, 32), i32::MIN);
    }

    #[test]
    fn beyond_4_gib_the_head_is_rf64() {
        let format =
            WavFormat { sample: SampleFormat::F32, channels: 2, sample_rate: 48_000, channel_mask: 3 };
        let frames = 1_u64 << 30;
        let head = head(format, frames, frames * 8, 10);
        assert_eq!((&head[..4], &head[12..16]), (&b"RF64"[..], &b"ds64"[..]));
        let u64_at = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
        assert_eq!(u64_at(20), head.len() as u64 - 8 + frames * 8 + 10, "length of the RIFF");
        assert_eq!((u64_at(28), u64_at(36)), (frames * 8, frames));
        assert_eq!(head[head.len() - 8..], *b"data\xff\xff\xff\xff");
    }
}
