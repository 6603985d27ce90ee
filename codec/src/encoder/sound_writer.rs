//! A sound into its file while it arrives. The mirror is `decoder/sound_reader.rs`.

use super::rate::{RateControl, Window};
use super::sound::{CodedSegment, Segment, SegmentEncoder};
use super::sound_file::SoundFile;
use super::{Encoder, SoundSummary};
use crate::error::Error;
use crate::quality::Level;
use crate::signal::{Audio, Metadata, SampleFormat, SignalError};
use crate::sound::{self, lossless};
use rayon::prelude::*;
use std::io::Write;
use wavern_bitstream::{AudioHeader, WeightsId};

impl Encoder {
    /// Begins a sound that arrives in pieces. Its file goes to `out` while it is coded, metadata first.
    ///
    /// What is kept of the sound is a segment for each thread, and where the segments of the file begin; with a bit
    /// rate as the target also a window of up to 64 segments, for which it chooses a level. A segment is up to a second
    /// long; without loss about six seconds, and at most ten.
    ///
    /// # Errors
    /// [`Error::Signal`] for a sample rate or a number of channels out of range; [`Error::Container`] for metadata
    /// beyond the limits.
    pub fn sound_writer<W: Write>(
        &self,
        sample_rate: u32,
        format: SampleFormat,
        channels: usize,
        metadata: &Metadata,
        out: W,
    ) -> Result<SoundWriter<'_, W>, Error> {
        Audio::new(sample_rate, format, vec![Vec::new(); channels])?;
        let (coding, header) = if self.options.lossless {
            let header = AudioHeader {
                level: 0,
                lossless: true,
                format,
                sample_rate,
                channels: channels as u32,
                segment_frames: lossless::segment_frames(sample_rate, channels),
                weights: WeightsId::NONE,
            };
            let trial = lossless::Trial::of(self.options.effort.value());
            (Coding::Exact(Exact { trial, pending: vec![Vec::new(); channels] }), header)
        } else {
            let (lossy, header) = Lossy::new(self, sample_rate, format, channels)?;
            (Coding::Lossy(Box::new(lossy)), header)
        };
        let rounds = if header.lossless { 0 } else { self.options.effort.sound_rounds() };
        let file = SoundFile::new(&self.options.limits, header, metadata.clone(), rounds, out);
        Ok(SoundWriter { encoder: self, coding, file, frames: 0 })
    }
}

/// A sound on its way into a file, see [`Encoder::sound_writer`].
pub struct SoundWriter<'a, W> {
    encoder: &'a Encoder,
    pub(super) coding: Coding,
    pub(super) file: SoundFile<'a, W>,
    /// How many frames have arrived.
    frames: u64,
}

/// How segments are coded, and samples of those to come.
pub(super) enum Coding {
    Lossy(Box<Lossy>),
    Exact(Exact),
}

pub(super) struct Lossy {
    pub(super) segments: SegmentEncoder,
    rate: Option<RateControl>,
    /// Samples of segments to come, after the last block of the segment before if there is one.
    pending: Vec<Vec<f32>>,
    /// Whether a segment has been analysed.
    begun: bool,
}

/// Without loss.
pub(super) struct Exact {
    trial: lossless::Trial,
    pending: Vec<Vec<f64>>,
}

/// A sample of either width.
trait Sample: Copy + Into<f64> {
    fn narrow(self) -> f32;
}

impl Sample for f32 {
    fn narrow(self) -> f32 {
        self
    }
}

impl Sample for f64 {
    fn narrow(self) -> f32 {
        self as f32
    }
}

impl<W: Write> SoundWriter<'_, W> {
    /// Takes the next samples, `[channels][frames]`, full scale at ±1, and codes what they fill.
    ///
    /// # Errors
    /// [`Error::Signal`] if the channels are not those announced, differ in length, or hold a sample that is not
    /// finite; [`Error::Io`] if the file cannot be written; [`Error`] if the engine fails.
    pub fn write(&mut self, samples: Vec<Vec<f32>>) -> Result<(), Error> {
        self.take(&samples)
    }

    /// [`Self::write`] for samples of 64 bits, which hold those of every format exactly. Without loss they come back
    /// bit for bit; in a format of integers as the nearest ones.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_exact(&mut self, samples: Vec<Vec<f64>>) -> Result<(), Error> {
        self.take(&samples)
    }

    fn take<T: Sample>(&mut self, samples: &[Vec<T>]) -> Result<(), Error> {
        let have = samples.len();
        if have != self.file.header.channels as usize {
            return Err(SignalError::ChannelCount { have }.into());
        }
        let expected = samples[0].len();
        for (channel, samples) in samples.iter().enumerate() {
            if samples.len() != expected {
                return Err(SignalError::ChannelLength { channel, have: samples.len(), expected }.into());
            }
            // What overflows 32 bits is refused in either case.
            if let Some(index) = samples.iter().position(|sample| !self.coding.takes(*sample)) {
                let (value, index) = (samples[index].narrow(), self.frames as usize + index);
                return Err(SignalError::NotFinite { channel, index, value }.into());
            }
        }
        self.frames += expected as u64;
        match &mut self.coding {
            Coding::Lossy(lossy) => {
                for (pending, samples) in lossy.pending.iter_mut().zip(samples) {
                    pending.extend(samples.iter().map(|sample| sample.narrow()));
                }
            }
            Coding::Exact(exact) => {
                for (pending, samples) in exact.pending.iter_mut().zip(samples) {
                    pending.extend(samples.iter().map(|&sample| sample.into()));
                }
            }
        }
        let threads = self.encoder.pool.threads();
        while self.coding.waiting() > threads * self.file.header.segment_frames as usize {
            self.code(threads, false)?;
        }
        Ok(())
    }

    /// Codes and writes the segments that are whole. [`Self::write`] waits for as many as there are threads; a sound
    /// that arrives more slowly than it is coded need not. The file does not depend on it.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn flush(&mut self) -> Result<(), Error> {
        // The last segment is known only at the end, and holds a frame more: it waits.
        let whole = self.coding.waiting().saturating_sub(1) / self.file.header.segment_frames as usize;
        if whole > 0 {
            self.code(whole, false)?;
        }
        self.file.flush()
    }

    /// Codes what is left and ends the file, with this metadata behind the segments.
    ///
    /// # Errors
    /// As [`Self::write`]; [`Error::Container`] if the file is beyond the limits.
    pub fn finish(mut self, metadata: &Metadata) -> Result<SoundSummary, Error> {
        self.end(metadata)?;
        let SoundFile { header, search, written, .. } = self.file;
        Ok(SoundSummary { bytes: written, frames: self.frames, level: header.level, search })
    }

    pub(super) fn end(&mut self, metadata: &Metadata) -> Result<(), Error> {
        let left = self.coding.waiting().div_ceil(self.file.header.segment_frames as usize);
        if left > 0 {
            self.code(left, true)?;
        }
        self.file.end(metadata)
    }

    /// Codes the next `count` segments, to the end if they are the last.
    fn code(&mut self, count: usize, last: bool) -> Result<(), Error> {
        match &mut self.coding {
            Coding::Lossy(lossy) => lossy.code(count, last, self.encoder, &mut self.file),
            Coding::Exact(exact) => {
                let header = &self.file.header;
                let coded = self.encoder.pool.run(|| exact.code(count, header))?;
                self.file.emit(coded, last)
            }
        }
    }
}

impl Coding {
    /// Frames that belong to segments to come.
    fn waiting(&self) -> usize {
        match self {
            Self::Lossy(lossy) => lossy.pending[0].len() - lossy.history(),
            Self::Exact(exact) => exact.pending[0].len(),
        }
    }

    fn takes<T: Sample>(&self, sample: T) -> bool {
        match self {
            Self::Lossy(_) => sample.narrow().is_finite(),
            Self::Exact(_) => sample.into().is_finite(),
        }
    }
}

impl Exact {
    /// Codes the next `count` segments, the last of which may be shorter, and drops their samples.
    fn code(&mut self, count: usize, header: &AudioHeader) -> Result<Vec<(Level, CodedSegment)>, Error> {
        let segment = header.segment_frames as usize;
        let (pending, trial) = (&self.pending, self.trial);
        let coded = (0..count).into_par_iter().map(|index| {
            let (start, end) = (index * segment, ((index + 1) * segment).min(pending[0].len()));
            let samples: Vec<Vec<f64>> = pending.iter().map(|channel| channel[start..end].to_vec()).collect();
            let payload = lossless::encode(&samples, header.format, trial).map_err(Error::Entropy)?;
            let frames = (end - start) as u64;
            Ok((Level(0), CodedSegment { payload, latents: Vec::new(), frames, estimated_bits: 0.0 }))
        });
        let coded = coded.collect::<Result<Vec<_>, Error>>()?;
        let done = (count * segment).min(self.pending[0].len());
        self.pending.iter_mut().for_each(|channel| drop(channel.drain(..done)));
        Ok(coded)
    }
}

impl Lossy {
    fn new(
        encoder: &Encoder,
        sample_rate: u32,
        format: SampleFormat,
        channels: usize,
    ) -> Result<(Self, AudioHeader), Error> {
        let segments = SegmentEncoder::new(encoder)?;
        let low_delay = encoder.options.sound.low_delay;
        let mut header = segments.header(sample_rate, format, channels, low_delay);
        let config = segments.engine.config();
        let anchors = config.lambdas.len();
        let level = encoder.options.quality.level(anchors);
        header.level = level.0;
        let rate = encoder.options.sound.bitrate.map(|bits| {
            let groups = sound::groups(channels).len();
            let latents = header.segment_frames as usize / segments.lapped.hop() * config.latents() * groups;
            let window = if low_delay { Window::Segment } else { Window::Latents(latents) };
            RateControl::new(bits, sample_rate, window, level, Level::top(anchors))
        });
        Ok((Self { segments, rate, pending: vec![Vec::new(); channels], begun: false }, header))
    }

    fn history(&self) -> usize {
        if self.begun { self.segments.lapped.hop() } else { 0 }
    }

    /// Codes and writes the next `count` segments, to the end if they are the last.
    fn code<W: Write>(
        &mut self,
        count: usize,
        last: bool,
        encoder: &Encoder,
        file: &mut SoundFile<'_, W>,
    ) -> Result<(), Error> {
        let segments = self.analyse(count, last, encoder, file.header.segment_frames as usize)?;
        let Some(rate) = &mut self.rate else {
            let (level, encode) = (Level(file.header.level), &self.segments);
            let coded = encoder.pool.run(|| {
                let coded = segments.par_iter().map(|segment| Ok((level, encode.code(segment, level)?)));
                coded.collect::<Result<Vec<_>, Error>>()
            })?;
            return file.emit(coded, last);
        };
        let keep = file.kept.is_some();
        for segment in segments {
            if rate.is_full() {
                let written = file.size();
                let coded = encoder.pool.run(|| rate.take(false, written, keep, &self.segments))?;
                file.emit(coded, false)?;
            }
            rate.push(segment);
        }
        if last || rate.never_waits() {
            let written = file.size();
            let coded = encoder.pool.run(|| rate.take(last, written, keep, &self.segments))?;
            file.emit(coded, last)?;
        }
        Ok(())
    }

    /// Analyses the next `count` segments, to the end if they are the last, and drops their samples.
    fn analyse(
        &mut self,
        count: usize,
        last: bool,
        encoder: &Encoder,
        segment: usize,
    ) -> Result<Vec<Segment>, Error> {
        let hop = self.segments.lapped.hop();
        let (history, begun, pending) = (self.history(), self.begun, &self.pending);
        let segments = &self.segments;
        let segments = (0..count).into_par_iter().map(|index| {
            let starts = index == 0 && !begun;
            let start = history + index * segment;
            let from = start.saturating_sub(hop);
            let to = (start + segment).min(pending[0].len());
            let positions = (to - from).div_ceil(hop) - usize::from(!starts);
            let positions = positions + usize::from(last && index + 1 == count);
            let channels: Vec<&[f32]> = pending.iter().map(|channel| &channel[from..to]).collect();
            segments.analyse(&channels, starts, positions, (to - start) as u64)
        });
        let segments = encoder.pool.run(|| segments.collect::<Result<_, Error>>())?;
        let done = (history + count * segment).min(self.pending[0].len()).saturating_sub(hop);
        self.pending.iter_mut().for_each(|channel| drop(channel.drain(..done)));
        self.begun = true;
        Ok(segments)
    }
}
