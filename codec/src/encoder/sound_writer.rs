//! A sound into its file while it arrives. The mirror is `decoder/sound_reader.rs`.

use super::rate::RateControl;
use super::sound::{CodedSegment, Segment, SegmentEncoder};
use super::{Encoder, SearchReport, SoundSummary};
use crate::chunks;
use crate::error::Error;
use crate::latent::Latents;
use crate::quality::Level;
use crate::signal::{Audio, Metadata, SampleFormat, SignalError};
use crate::sound;
use rayon::prelude::*;
use std::io::Write;
use wavern_bitstream::{AudioHeader, SoundBuilder};

impl Encoder {
    /// Begins a sound that arrives in pieces. Its file goes to `out` while it is coded, metadata first.
    ///
    /// What is kept of the sound is a segment for each thread, and where the segments of the file begin; with a bit
    /// rate as the target also a window of up to 64 segments, for which it chooses a level.
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
        let segments = SegmentEncoder::new(self)?;
        let mut header = segments.header(sample_rate, format, channels);
        let config = segments.engine.config();
        let anchors = config.lambdas.len();
        let level = self.options.quality.level(anchors);
        header.level = level.0;
        let rate = self.options.sound.bitrate.map(|bits| {
            let groups = sound::groups(channels).len();
            let latents = header.segment_frames as usize / segments.lapped.hop() * config.latents() * groups;
            RateControl::new(bits, sample_rate, latents, level, Level::top(anchors))
        });
        let rounds = self.options.effort.sound_rounds();
        Ok(SoundWriter {
            encoder: self,
            segments,
            header,
            metadata: metadata.clone(),
            builder: None,
            rate,
            pending: vec![Vec::new(); channels],
            begun: false,
            frames: 0,
            out,
            written: 0,
            search: SearchReport { rounds, ..SearchReport::default() },
            kept: None,
        })
    }
}

/// A sound on its way into a file, see [`Encoder::sound_writer`].
pub struct SoundWriter<'a, W> {
    encoder: &'a Encoder,
    pub(super) segments: SegmentEncoder,
    /// Its level is that of the first segment.
    pub(super) header: AudioHeader,
    metadata: Metadata,
    /// What writes the file, once the level in its header is known.
    builder: Option<SoundBuilder>,
    rate: Option<RateControl>,
    /// Samples of segments to come, after the last block of the segment before if there is one.
    pending: Vec<Vec<f32>>,
    /// Whether a segment has been analysed.
    begun: bool,
    /// How many frames have arrived.
    frames: u64,
    pub(super) out: W,
    /// Bytes of the file so far.
    written: u64,
    pub(super) search: SearchReport,
    /// Level and latents of every segment so far, if they are wanted.
    pub(super) kept: Option<Vec<(Level, Vec<Latents>)>>,
}

impl<W: Write> SoundWriter<'_, W> {
    /// Takes the next samples, `[channels][frames]`, full scale at ±1, and codes what they fill.
    ///
    /// # Errors
    /// [`Error::Signal`] if the channels are not those announced, differ in length, or hold a sample that is not
    /// finite; [`Error::Io`] if the file cannot be written; [`Error`] if the engine fails.
    pub fn write(&mut self, samples: Vec<Vec<f32>>) -> Result<(), Error> {
        if samples.len() != self.pending.len() {
            return Err(SignalError::ChannelCount { have: samples.len() }.into());
        }
        let before = self.frames as usize;
        let checked = Audio::new(self.header.sample_rate, SampleFormat::F32, samples);
        let samples = checked.map_err(|error| match error {
            SignalError::NotFinite { channel, index, value } => {
                SignalError::NotFinite { channel, index: before + index, value }
            }
            other => other,
        })?;
        let samples = samples.into_parts().0;
        self.frames += samples[0].len() as u64;
        for (pending, samples) in self.pending.iter_mut().zip(&samples) {
            pending.extend_from_slice(samples);
        }
        let threads = self.encoder.pool.threads();
        while self.waiting() > threads * self.header.segment_frames as usize {
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
        let whole = self.waiting().saturating_sub(1) / self.header.segment_frames as usize;
        if whole > 0 {
            self.code(whole, false)?;
        }
        Ok(self.out.flush()?)
    }

    /// Codes what is left and ends the file, with this metadata behind the segments.
    ///
    /// # Errors
    /// As [`Self::write`]; [`Error::Container`] if the file is beyond the limits.
    pub fn finish(mut self, metadata: &Metadata) -> Result<SoundSummary, Error> {
        self.end(metadata)?;
        let (level, search) = (self.header.level, self.search);
        Ok(SoundSummary { bytes: self.written, frames: self.frames, level, search })
    }

    pub(super) fn end(&mut self, metadata: &Metadata) -> Result<(), Error> {
        let left = self.waiting().div_ceil(self.header.segment_frames as usize);
        if left > 0 {
            self.code(left, true)?;
        }
        self.begin(Level(self.header.level))?;
        let mut bytes = Vec::new();
        if let Some(mut builder) = self.builder.take() {
            chunks::add_to_sound(&mut builder, metadata, &mut bytes)?;
            builder.finish(&mut bytes)?;
        }
        self.put(&bytes)?;
        Ok(self.out.flush()?)
    }

    /// Frames that belong to segments to come.
    fn waiting(&self) -> usize {
        self.pending[0].len() - self.history()
    }

    fn history(&self) -> usize {
        if self.begun { self.segments.lapped.hop() } else { 0 }
    }

    /// Codes the next `count` segments, to the end if they are the last.
    fn code(&mut self, count: usize, last: bool) -> Result<(), Error> {
        let encoder = self.encoder;
        let segments = self.analyse(count, last)?;
        let Some(mut rate) = self.rate.take() else {
            let (level, encode) = (Level(self.header.level), &self.segments);
            let coded = encoder.pool.run(|| {
                let coded = segments.par_iter().map(|segment| Ok((level, encode.code(segment, level)?)));
                coded.collect::<Result<Vec<_>, Error>>()
            })?;
            return self.emit(coded, last);
        };
        let keep = self.kept.is_some();
        for segment in segments {
            if rate.is_full() {
                let written = self.size();
                let coded = encoder.pool.run(|| rate.take(false, written, keep, &self.segments))?;
                self.emit(coded, false)?;
            }
            rate.push(segment);
        }
        if last {
            let written = self.size();
            let coded = encoder.pool.run(|| rate.take(true, written, keep, &self.segments))?;
            self.emit(coded, true)?;
        }
        self.rate = Some(rate);
        Ok(())
    }

    /// Analyses the next `count` segments, to the end if they are the last, and drops their samples.
    fn analyse(&mut self, count: usize, last: bool) -> Result<Vec<Segment>, Error> {
        let (hop, segment) = (self.segments.lapped.hop(), self.header.segment_frames as usize);
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
        let segments = self.encoder.pool.run(|| segments.collect::<Result<_, Error>>())?;
        let done = (history + count * segment).min(self.pending[0].len()).saturating_sub(hop);
        self.pending.iter_mut().for_each(|channel| drop(channel.drain(..done)));
        self.begun = true;
        Ok(segments)
    }

    /// Bytes of the file so far, or those that it will begin with.
    fn size(&self) -> u64 {
        /// Signature and header, and what every chunk of metadata has around it.
        const HEADER: usize = 40;
        const CHUNK: usize = 12;
        let chunks = self.metadata.riff.len() + 3;
        let begin = HEADER + self.metadata.bytes() as usize + chunks * CHUNK;
        if self.builder.is_some() { self.written } else { begin as u64 }
    }

    /// Writes what comes before the first segment, which has this level, unless that is done.
    fn begin(&mut self, level: Level) -> Result<(), Error> {
        if self.builder.is_some() {
            return Ok(());
        }
        self.header.level = level.0;
        let mut bytes = Vec::new();
        let mut builder = SoundBuilder::new(self.header, &self.encoder.options.limits, &mut bytes)?;
        chunks::add_to_sound(&mut builder, &self.metadata, &mut bytes)?;
        self.builder = Some(builder);
        self.put(&bytes)
    }

    /// Writes coded segments.
    fn emit(&mut self, segments: Vec<(Level, CodedSegment)>, last: bool) -> Result<(), Error> {
        if let Some((level, _)) = segments.first() {
            self.begin(*level)?;
        }
        let (count, mut bytes) = (segments.len(), Vec::new());
        for (place, (level, segment)) in segments.into_iter().enumerate() {
            self.search.estimated_bits += segment.estimated_bits;
            self.search.payload_bits += 8 * segment.payload.len() as u64;
            if let Some(builder) = &mut self.builder {
                match last && place + 1 == count {
                    false => builder.segment(level.0, &segment.payload, &mut bytes)?,
                    true => builder.last_segment(level.0, &segment.payload, segment.frames, &mut bytes)?,
                }
            }
            if let Some(kept) = &mut self.kept {
                kept.push((level, segment.latents));
            }
        }
        self.put(&bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.written += bytes.len() as u64;
        Ok(self.out.write_all(bytes)?)
    }
}
