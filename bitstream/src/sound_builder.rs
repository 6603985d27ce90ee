//! The writer of a sound, chunk by chunk: mirror of [`SoundParser`](crate::SoundParser).

use crate::{
    AudioHeader, ChunkCode, Error, Header, Limits, SIGNATURE, Segment, SegmentTable, chunk, copy,
    limits::{check, least_file_bytes},
    reader::length,
};

/// Writes the file of a sound whose segments come one after the other. Each call appends to `out` what is to be written
/// next; the builder keeps only where segments begin.
#[derive(Debug, Clone)]
#[must_use = "a file is whole only after `finish`"]
pub struct SoundBuilder {
    header: AudioHeader,
    limits: Limits,
    /// Bytes written so far.
    offset: u64,
    table: SegmentTable,
    /// Whether the last segment was written.
    ended: bool,
    /// The segment that comes next.
    next: u64,
    chunks: u64,
    metadata_bytes: u64,
    seen: Vec<ChunkCode>,
}

impl SoundBuilder {
    /// Begins a file.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a field is out of range, [`Error::Limit`] beyond `limits`.
    pub fn new(header: AudioHeader, limits: &Limits, out: &mut Vec<u8>) -> Result<Self, Error> {
        let start = out.len();
        out.extend_from_slice(&SIGNATURE);
        Header::Audio(header).write(limits, out)?;
        Ok(Self {
            header,
            limits: *limits,
            offset: length(out.get(start..).unwrap_or_default()),
            table: SegmentTable { frames: 0, offsets: Vec::new() },
            ended: false,
            next: 0,
            chunks: 3, // the header, its copy and the table
            metadata_bytes: 0,
            seen: Vec::new(),
        })
    }

    /// Adds a skippable chunk, before the first segment or after the last.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a critical, reserved or repeated code, or between segments; [`Error::Limit`].
    pub fn metadata(&mut self, code: ChunkCode, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let refused = |expected: &str| Err(Error::parameter("metadata code", code, expected));
        if self.next > 0 && !self.ended {
            return refused("none between segments");
        }
        if code.is_critical() || code == ChunkCode::FILL {
            return refused("a skippable chunk other than fill");
        }
        if self.seen.contains(&code) {
            return refused("at most one of it");
        }
        if !code.may_repeat() {
            self.seen.push(code);
        }
        self.metadata_bytes = self.metadata_bytes.saturating_add(length(payload));
        check("metadata bytes", self.metadata_bytes, self.limits.metadata_bytes)?;
        self.chunk(code, payload, out)
    }

    /// Adds the next segment, which is not the last.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a level out of range, for a payload that is too long, or after the last segment;
    /// [`Error::Limit`].
    pub fn segment(&mut self, level: u16, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.add(level, payload, None, out)
    }

    /// Adds the last segment, of this many frames.
    ///
    /// # Errors
    /// As [`Self::segment`], and if `frames` is 0 or more than a segment has.
    pub fn last_segment(
        &mut self,
        level: u16,
        payload: &[u8],
        frames: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.add(level, payload, Some(frames), out)
    }

    fn add(&mut self, level: u16, payload: &[u8], last: Option<u64>, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.ended {
            return Err(Error::parameter("segment", self.next, "none after the last"));
        }
        let frames = self.table.frames.saturating_add(last.unwrap_or(self.header.segment_frames));
        let samples = self.header.samples(frames);
        check("samples", samples, self.limits.samples)?;
        let mut chunk = Vec::with_capacity(payload.len().saturating_add(48));
        Segment { index: self.next, last, level, payload }.write(&self.header, &mut chunk)?;

        // Silence takes so few bytes that a reader would not believe its length.
        let size = self.offset.saturating_add(length(&chunk));
        let missing = least_file_bytes(samples).saturating_sub(size);
        if missing > 0 {
            // Code, the shortest length field and checksum take nine.
            let filling = usize::try_from(missing.saturating_sub(9)).unwrap_or(usize::MAX);
            self.chunk(ChunkCode::FILL, &vec![0; filling], out)?;
        }
        self.limits.check_work(samples, self.offset.saturating_add(length(&chunk)))?;

        self.table.offsets.push(self.offset);
        out.extend_from_slice(&chunk);
        self.offset = self.offset.saturating_add(length(&chunk));
        self.next = self.next.saturating_add(1);
        (self.table.frames, self.ended) = (frames, last.is_some());
        if self.ended {
            self.table.offsets.push(self.offset);
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there are segments and none of them was the last.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.next > 0 && !self.ended {
            return Err(Error::parameter("segments", self.next, "the last one to be marked"));
        }
        if self.offset >= copy::LEAST_FILE_BYTES {
            let mut header = Vec::new();
            Header::Audio(self.header).write(&self.limits, &mut header)?;
            copy::write(&header, &[], out);
        }
        if self.next == 0 {
            self.table.offsets.push(0);
        }
        self.table.write(out);
        Ok(())
    }

    fn chunk(&mut self, code: ChunkCode, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.chunks = self.chunks.saturating_add(1);
        check("chunks", self.chunks, self.limits.chunks.into())?;
        let start = out.len();
        chunk::write(code, &[payload], out);
        self.offset = self.offset.saturating_add(length(out.get(start..).unwrap_or_default()));
        Ok(())
    }
}
