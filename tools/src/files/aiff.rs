//! AIFF out: integers of 8 to 32 bits, floats as AIFF-C; title, artist, copyright and comments as text chunks.
//!
//! # References
//! Audio Interchange File Format 1.3 (1989); AIFF-C draft (1991)

use super::integers::nearest;
use crate::error::{At, Error, Result};
use std::io::Write;
use wavern::{Audio, SampleFormat};

/// Text chunks and the comments that they hold.
pub(super) const TEXTS: [(&[u8; 4], &str); 4] =
    [(b"NAME", "TITLE"), (b"AUTH", "ARTIST"), (b"(c) ", "COPYRIGHT"), (b"ANNO", "COMMENT")];

/// Writes a whole AIFF file with these comments, each `NAME=text`.
///
/// # Errors
/// If an AIFF cannot hold such a sound, or `out` fails.
pub fn write(audio: &Audio, comments: &[String], out: &mut dyn Write) -> Result<()> {
    let (rate, format, channels) = (audio.sample_rate(), audio.format(), audio.channels());
    let frames = Some(audio.frames() as u64);
    let mut writer = AiffWriter::new(rate, format, channels.len(), frames, comments, out)?;
    writer.write(channels)?;
    writer.finish().map(drop)
}

/// An AIFF file that is written in pieces.
pub struct AiffWriter<'a> {
    out: &'a mut (dyn Write + 'a),
    sample_rate: u32,
    format: SampleFormat,
    channels: usize,
    texts: Vec<u8>,
    /// Frames so far.
    frames: u64,
}

impl<'a> AiffWriter<'a> {
    /// Writes all that comes before the samples; `frames` is how many will come, if it is known.
    ///
    /// # Errors
    /// If they are too many for an AIFF, or `out` fails.
    pub fn new(
        sample_rate: u32,
        format: SampleFormat,
        channels: usize,
        frames: Option<u64>,
        comments: &[String],
        out: &'a mut (dyn Write + 'a),
    ) -> Result<Self> {
        let texts = texts(comments);
        let writer = Self { out, sample_rate, format, channels, texts, frames: 0 };
        let head = writer.head(frames.unwrap_or(0))?;
        writer.out.write_all(&head).at("writing AIFF")?;
        Ok(writer)
    }

    /// Writes the next samples, `[channels][frames]`.
    ///
    /// # Errors
    /// If `out` fails.
    pub fn write<N: Copy + Into<f64>>(&mut self, channels: &[Vec<N>]) -> Result<()> {
        const FRAMES: usize = 1 << 12;
        let frames = channels.first().map_or(0, Vec::len);
        let mut bytes = Vec::new();
        for start in (0..frames).step_by(FRAMES) {
            bytes.clear();
            for frame in start..frames.min(start + FRAMES) {
                channels.iter().for_each(|channel| put(channel[frame].into(), self.format, &mut bytes));
            }
            self.out.write_all(&bytes).at("writing AIFF")?;
        }
        self.frames += frames as u64;
        self.out.flush().at("writing AIFF") // somebody may be listening
    }

    /// Ends the file. Gives what should stand at its beginning instead of what does, in as many bytes, for a sound
    /// whose length was not known.
    ///
    /// # Errors
    /// If the sound is too long for an AIFF, or `out` fails.
    pub fn finish(self) -> Result<Vec<u8>> {
        let head = self.head(self.frames)?;
        let bytes = self.frames * (self.format.bytes() * self.channels) as u64;
        self.out.write_all(&vec![0; (bytes % 2) as usize]).at("writing AIFF")?;
        Ok(head)
    }

    /// Everything in front of the first sample.
    fn head(&self, frames: u64) -> Result<Vec<u8>> {
        let chunk = |id: &[u8; 4], payload: &[u8]| {
            let pad = vec![0; payload.len() % 2];
            [&id[..], &(payload.len() as u32).to_be_bytes(), payload, &pad].concat()
        };
        let mut common = (self.channels as u16).to_be_bytes().to_vec();
        common.extend((frames as u32).to_be_bytes());
        common.extend(self.format.bits().to_be_bytes());
        common.extend(extended(self.sample_rate));
        let mut inner = if self.format.is_float() {
            let coding = if self.format == SampleFormat::F64 { b"fl64" } else { b"fl32" };
            // The name of the coding may be empty.
            common.extend([&coding[..], &[0, 0]].concat());
            [&b"AIFC"[..], &chunk(b"FVER", &0xA280_5140_u32.to_be_bytes())].concat()
        } else {
            b"AIFF".to_vec()
        };
        inner.extend(chunk(b"COMM", &common));
        inner.extend_from_slice(&self.texts);
        let samples = frames * (self.format.bytes() * self.channels) as u64;
        let whole = inner.len() as u64 + 16 + samples + samples % 2;
        let Ok(whole) = u32::try_from(whole) else {
            return Err(Error::usage("AIFF cannot hold 4 GiB or more (expected less, or WAV)"));
        };
        // Offset and block size are 0.
        let sound = [&b"SSND"[..], &(samples as u32 + 8).to_be_bytes(), &[0; 8]].concat();
        Ok([&b"FORM"[..], &whole.to_be_bytes(), &inner, &sound].concat())
    }
}

/// Chunks for the comments that have one. There is one of each, except for annotations.
fn texts(comments: &[String]) -> Vec<u8> {
    let mut chunks: Vec<(&[u8; 4], String)> = Vec::new();
    for comment in comments {
        let Some((name, text)) = comment.split_once('=') else { continue };
        let known = TEXTS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
        let Some((id, _)) = known else { continue };
        match chunks.iter_mut().find(|(there, _)| there == id && *id != b"ANNO") {
            Some((_, there)) => *there = format!("{there}; {text}"),
            None => chunks.push((id, text.to_owned())),
        }
    }
    let mut out = Vec::new();
    for (id, text) in chunks {
        out.extend_from_slice(id);
        out.extend((text.len() as u32).to_be_bytes());
        out.extend(text.as_bytes());
        out.extend(vec![0; text.len() % 2]);
    }
    out
}

/// A number of 80 bits: sign and exponent, then a mantissa whose first bit is written out.
fn extended(rate: u32) -> [u8; 10] {
    let place = rate.max(1).ilog2();
    let mut out = [0; 10];
    out[..2].copy_from_slice(&(16_383 + place as u16).to_be_bytes());
    out[2..].copy_from_slice(&(u64::from(rate) << (63 - place)).to_be_bytes());
    out
}

/// A sample in bytes, the highest first; integers beyond full scale are clipped.
fn put(sample: f64, format: SampleFormat, out: &mut Vec<u8>) {
    match format {
        SampleFormat::F32 => out.extend((sample as f32).to_be_bytes()),
        SampleFormat::F64 => out.extend(sample.to_be_bytes()),
        _ => {
            let number = nearest(sample, format.bits().into());
            out.extend_from_slice(&number.to_be_bytes()[4 - format.bytes()..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sounds;
    use super::*;
    use wavern::Signal;

    #[test]
    fn every_format_and_channel_count_survives() {
        for format in SampleFormat::ALL {
            for (channels, rate) in [(1, 8000), (2, 44_100), (6, 192_000)] {
                let plane = |c: usize| (0..501).map(|i| ((i * 7 + c) % 256) as f32 / 128.0 - 1.0).collect();
                let audio = Audio::new(rate, format, (0..channels).map(plane).collect()).unwrap();
                let mut file = Vec::new();
                write(&audio, &["title=Odd".to_owned(), "X=y".to_owned()], &mut file).unwrap();
                assert_eq!(u32::from_be_bytes(file[4..8].try_into().unwrap()) as usize, file.len() - 8);
                let Signal::Audio(back) = sounds::read(&file).unwrap().signal else { panic!("a picture") };
                assert_eq!(back.channels(), audio.channels(), "{format:?}");
                assert_eq!((back.format(), back.sample_rate()), (format, rate));
            }
        }
    }

    #[test]
    fn rates_are_numbers_of_80_bits() {
        assert_eq!(extended(44_100), [0x40, 0x0E, 0xAC, 0x44, 0, 0, 0, 0, 0, 0]);
        assert_eq!(extended(1), [0x3F, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    }
}
