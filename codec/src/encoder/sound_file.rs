//! The file of a sound while it is written: what stands before, between and behind its segments.

use super::SearchReport;
use super::sound::CodedSegment;
use crate::chunks;
use crate::error::Error;
use crate::latent::Latents;
use crate::quality::Level;
use crate::signal::Metadata;
use std::io::Write;
use wavern_bitstream::{AudioHeader, Limits, SoundBuilder};

pub(super) struct SoundFile<'a, W> {
    limits: &'a Limits,
    /// Its level is that of the first segment.
    pub(super) header: AudioHeader,
    metadata: Metadata,
    /// What writes the file, once the level in its header is known.
    builder: Option<SoundBuilder>,
    pub(super) out: W,
    /// Bytes of the file so far.
    pub(super) written: u64,
    pub(super) search: SearchReport,
    /// Level and latents of every segment so far, if they are wanted.
    pub(super) kept: Option<Vec<(Level, Vec<Latents>)>>,
}

impl<'a, W: Write> SoundFile<'a, W> {
    pub(super) fn new(
        limits: &'a Limits,
        header: AudioHeader,
        metadata: Metadata,
        rounds: usize,
        out: W,
    ) -> Self {
        let search = SearchReport { rounds, ..SearchReport::default() };
        Self { limits, header, metadata, builder: None, out, written: 0, search, kept: None }
    }

    pub(super) fn flush(&mut self) -> Result<(), Error> {
        Ok(self.out.flush()?)
    }

    /// Ends the file, with this metadata behind the segments.
    pub(super) fn end(&mut self, metadata: &Metadata) -> Result<(), Error> {
        self.begin(Level(self.header.level))?;
        let mut bytes = Vec::new();
        if let Some(mut builder) = self.builder.take() {
            chunks::add_to_sound(&mut builder, metadata, &mut bytes)?;
            builder.finish(&mut bytes)?;
        }
        self.put(&bytes)?;
        self.flush()
    }

    /// Bytes of the file so far, or those that it will begin with.
    pub(super) fn size(&self) -> u64 {
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
        let mut builder = SoundBuilder::new(self.header, self.limits, &mut bytes)?;
        chunks::add_to_sound(&mut builder, &self.metadata, &mut bytes)?;
        self.builder = Some(builder);
        self.put(&bytes)
    }

    /// Writes coded segments.
    pub(super) fn emit(&mut self, segments: Vec<(Level, CodedSegment)>, last: bool) -> Result<(), Error> {
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
