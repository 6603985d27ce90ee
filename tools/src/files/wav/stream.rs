//! A WAV file in pieces, from a file or a pipe.

use super::format::WavFormat;
use super::reader::{self, deinterleave};
use super::riff;
use crate::error::{At, Error, Result};
use crate::files::limits;
use std::io::Read;
use wavern::{Metadata, SampleFormat};

/// Samples of a piece: a live sound waits for no more.
const PIECE: usize = 1 << 13;

/// A WAV file that is being read.
pub struct WavStream {
    bytes: Box<dyn Read + Send>,
    /// All that was read but the samples: what [`riff::chunks`] makes of it is what it makes of the file.
    frame: Vec<u8>,
    format: WavFormat,
    /// Bytes of samples that the chunk `data` announces, and those that are left, if that is known.
    declared: u64,
    left: Option<u64>,
    /// Whether a pad byte follows the samples.
    padded: bool,
    notes: Vec<String>,
    /// How many chunks that are kept stand in front of the samples.
    front: usize,
}

impl WavStream {
    /// Reads up to the first sample.
    ///
    /// # Errors
    /// If it is no WAV file that this project can hold.
    pub fn open(mut bytes: Box<dyn Read + Send>) -> Result<Self> {
        let mut frame = Vec::new();
        take(&mut bytes, &mut frame, 12)?;
        loop {
            let start = frame.len();
            if take(&mut bytes, &mut frame, 8)? < 8 {
                return Err(Error::corrupt("WAV without a chunk 'data'"));
            }
            let (id, length) = riff::head_of(&frame[start..]);
            if id == *b"data" {
                let format = reader::format_of(&riff::chunks(&frame[..start])?)?;
                let (declared, open) = riff::samples_of(&frame, start, length)?;
                let left = (!open).then_some(declared);
                let padded = left.is_some_and(|left| left % 2 == 1);
                frame.truncate(start);
                let (front, notes) = (0, Vec::new());
                return Ok(Self { bytes, frame, format, declared, left, padded, notes, front });
            }
            let length = u64::from(length) + u64::from(length % 2);
            if frame.len() as u64 + length > limits::METADATA_BYTES {
                let bound = limits::METADATA_BYTES;
                let cause = format!("chunks of more than {bound} bytes in front of the samples");
                return Err(Error::limit(cause));
            }
            take(&mut bytes, &mut frame, length)?;
        }
    }

    /// Frames a second.
    pub fn sample_rate(&self) -> u32 {
        self.format.sample_rate
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.format.channels.into()
    }

    /// How samples are stored.
    pub fn sample_format(&self) -> SampleFormat {
        self.format.sample
    }

    /// The chunks in front of the samples.
    ///
    /// # Errors
    /// If they contradict themselves.
    pub fn front(&mut self) -> Result<Metadata> {
        let riff = reader::kept(&riff::chunks(&self.frame)?, self.format);
        self.front = riff.len();
        Ok(Metadata::default().with_riff(riff))
    }

    /// The next samples, `[channels][frames]`; none at the end.
    ///
    /// # Errors
    /// If the file cannot be read or ends before the samples that it announces.
    pub fn read(&mut self) -> Result<Option<Vec<Vec<f32>>>> {
        let channels = self.channels();
        let frame_bytes = self.format.sample.bytes() * channels;
        let wanted = ((PIECE / channels).max(1) * frame_bytes) as u64;
        let wanted = self.left.map_or(wanted, |left| left.min(wanted));
        let mut samples = Vec::new();
        let got = take(&mut self.bytes, &mut samples, wanted)?;
        if let Some(left) = &mut self.left {
            if got < wanted {
                let (at, declared, have) = (self.frame.len(), self.declared, self.declared - *left + got);
                let cause =
                    format!("chunk 'data' at byte {at} holds {declared} bytes (expected at most the {have}");
                return Err(Error::corrupt(format!("{cause} that follow it: the file is cut short)")));
            }
            *left -= got;
        }
        let rest = samples.len() % frame_bytes;
        if rest != 0 {
            self.notes.push(reader::not_a_frame(rest));
            samples.truncate(samples.len() - rest);
        }
        if samples.is_empty() {
            return Ok(None);
        }
        deinterleave(&samples, self.format.sample, channels).map(Some)
    }

    /// The chunks around the samples, except those that [`Self::front`] has returned, and what the user should know
    /// about the reading.
    ///
    /// # Errors
    /// If a chunk after the samples is cut short, or there is more of them than the limit allows.
    pub fn finish(mut self) -> Result<(Metadata, Vec<String>)> {
        if self.padded {
            take(&mut self.bytes, &mut Vec::new(), 1)?;
        }
        let limit = limits::METADATA_BYTES;
        if take(&mut self.bytes, &mut self.frame, limit + 1)? > limit {
            return Err(Error::limit(format!("more than {limit} bytes of chunks after the samples")));
        }
        let mut riff = reader::kept(&riff::chunks(&self.frame)?, self.format);
        riff.drain(..self.front.min(riff.len()));
        Ok((Metadata::default().with_riff(riff), self.notes))
    }
}

/// Appends up to `count` bytes; fewer only at the end of the file.
fn take(bytes: &mut dyn Read, out: &mut Vec<u8>, count: u64) -> Result<u64> {
    Ok(bytes.take(count).read_to_end(out).at("reading WAV")? as u64)
}
