//! A sound file of any format, while it is read.

use super::Loaded;
use super::ahead::Ahead;
use super::kind::is_wave;
use super::limits;
use super::parts::id3_length;
use super::sound_reader::SoundReader;
use super::wav::WavStream;
use crate::error::{At, Error, Result};
use std::fs::File;
use std::io::{Cursor, Read};
use wavern::{Audio, Metadata, SampleFormat};

/// See the module.
pub enum SoundSource {
    /// A WAV.
    Wav(Box<WavStream>),
    /// Any other.
    Other(Box<SoundReader>),
}

impl SoundSource {
    /// Reads up to the first samples. `file` is the same file from its beginning, if places in it can be looked up.
    /// With `partial`, what is damaged or missing is left out, and a note says so.
    ///
    /// # Errors
    /// If it is no sound that can be read.
    pub fn open(bytes: Box<dyn Read + Send>, file: Option<File>, partial: bool) -> Result<Self> {
        let mut bytes = Ahead::new(bytes);
        let tag = id3_length(bytes.peek(10).at("reading")?);
        let Some(length) = tag.filter(|length| *length <= limits::METADATA_BYTES) else {
            return Self::without_tag(bytes, file, partial);
        };
        // Some programs put such a tag in front of any file.
        let tag = bytes.get(length).at("reading")?;
        let head = bytes.peek(12).at("reading")?;
        if is_wave(head) {
            // A WAV has a chunk for it.
            return WavStream::open(bytes, Some(tag), partial).map(|wav| Self::Wav(Box::new(wav)));
        }
        if !head.starts_with(b"fLaC") && !head.starts_with(b"OggS") {
            bytes.put_back(&tag);
        }
        Self::without_tag(bytes, file, partial)
    }

    fn without_tag(mut bytes: Ahead, file: Option<File>, partial: bool) -> Result<Self> {
        if is_wave(bytes.peek(12).at("reading")?) {
            return WavStream::open(bytes, None, partial).map(|wav| Self::Wav(Box::new(wav)));
        }
        SoundReader::open(bytes, file, partial).map(|other| Self::Other(Box::new(other)))
    }

    /// Sample rate in Hz, format of the samples, number of channels.
    pub fn format(&self) -> (u32, SampleFormat, usize) {
        match self {
            Self::Wav(wav) => (wav.sample_rate(), wav.sample_format(), wav.channels()),
            Self::Other(other) => (other.sample_rate(), other.sample_format(), other.channels()),
        }
    }

    /// What is known before the samples.
    pub fn front(&mut self) -> Metadata {
        match self {
            Self::Wav(wav) => wav.front(),
            Self::Other(other) => other.metadata().clone(),
        }
    }

    /// The next samples, `[channels][frames]`; none at the end. 64 bits hold those of every format exactly.
    ///
    /// # Errors
    /// If the file is damaged or ends too early.
    pub fn read(&mut self) -> Result<Option<Vec<Vec<f64>>>> {
        match self {
            Self::Wav(wav) => wav.read(),
            Self::Other(other) => other.read(),
        }
    }

    /// What was found after the samples, and what the user should know about the reading.
    ///
    /// # Errors
    /// If what follows the samples is cut short.
    pub fn finish(self) -> Result<(Metadata, Vec<String>)> {
        match self {
            Self::Wav(wav) => wav.finish(),
            Self::Other(other) => Ok(other.finish()),
        }
    }
}

/// A whole sound, for tests.
#[cfg(test)]
pub(super) fn read(file: &[u8]) -> Result<Loaded> {
    read_as(file, false)
}

/// A whole sound, for targets that have to see all of it. With `partial`, what is damaged or missing is left out.
///
/// # Errors
/// If it is no sound that can be read, is damaged or ends too early.
pub(super) fn read_as(file: &[u8], partial: bool) -> Result<Loaded> {
    let mut source = SoundSource::open(Box::new(Cursor::new(file.to_vec())), None, partial)?;
    let (sample_rate, format, channels) = source.format();
    let mut metadata = source.front();
    let mut planes = vec![Vec::new(); channels];
    while let Some(samples) = source.read()? {
        for (plane, samples) in planes.iter_mut().zip(samples) {
            plane.try_reserve(samples.len()).map_err(|_| Error::limit("sound does not fit in memory"))?;
            plane.extend(samples.into_iter().map(|sample| sample as f32));
        }
    }
    let (back, notes) = source.finish()?;
    metadata.riff.extend(back.riff);
    metadata.flac.extend(back.flac);
    let audio = Audio::new(sample_rate, format, planes).map_err(Error::corrupt)?;
    Ok(Loaded { signal: audio.with_metadata(metadata).into(), notes })
}
