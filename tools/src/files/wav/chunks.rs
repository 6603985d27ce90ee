//! The chunks of a RIFF file, one after the other, from a file or a pipe, without trusting a single length in it.
//!
//! ```text
//! RIFF | RF64 | BW64   length u32   "WAVE"
//!   ds64               (RF64 and BW64) the lengths that do not fit in 32 bits
//!   id, length u32, payload, pad byte if the length is odd
//!   …
//! ```
//!
//! # References
//! Multimedia Programming Interface and Data Specifications 1.0 (1991); EBU Tech 3306 (RF64); ITU-R BS.2088 (BW64)

use crate::error::{At, Error, Result};
use crate::files::ahead::Ahead;
use crate::files::kind::is_wave;
use crate::files::limits;

/// A four-character code.
pub(super) type Id = [u8; 4];

/// Far more than any file has; bounds the work on a file of empty chunks.
const MOST_CHUNKS: usize = 65_536;
/// Stands for a length that `ds64` gives.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// Chunks that many files have: what begins so is no pad byte.
const KNOWN: [&Id; 14] = [
    b"data", b"fmt ", b"fact", b"LIST", b"JUNK", b"junk", b"PAD ", b"FLLR", b"PEAK", b"bext", b"cue ",
    b"smpl", b"id3 ", b"ID3 ",
];

/// A chunk and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Its four-character code.
    pub(super) id: Id,
    /// The bytes it holds.
    pub(super) payload: Vec<u8>,
}

impl Chunk {
    /// As it stands in the file, without its pad byte.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        [&self.id[..], &(self.payload.len() as u32).to_le_bytes(), &self.payload].concat()
    }
}

/// A file that is read in order.
pub(super) struct Chunks {
    bytes: Ahead,
    /// Where the RIFF begins.
    start: u64,
    count: usize,
    /// Bytes of payloads so far.
    held: u64,
    wide: Wide,
}

impl Chunks {
    /// Reads the head of the file. Also gives the length that it states.
    ///
    /// # Errors
    /// If it is no WAVE file.
    pub(super) fn open(bytes: Ahead) -> Result<(Self, u32)> {
        let mut chunks = Self { start: bytes.position(), bytes, count: 0, held: 0, wide: Wide::default() };
        let head = chunks.take(12)?;
        if !is_wave(&head) {
            return Err(Error::corrupt("not a WAVE file (expected RIFF, RF64 or BW64 with WAVE at byte 8)"));
        }
        // Only the latter two have 64-bit lengths, but no other file has the chunk either.
        Ok((chunks, u32_at(&head, 4)))
    }

    /// Where the next byte stands in the RIFF.
    pub(super) fn position(&self) -> u64 {
        self.bytes.position() - self.start
    }

    /// Up to this many bytes; fewer only at the end of the file.
    pub(super) fn take(&mut self, count: u64) -> Result<Vec<u8>> {
        self.bytes.get(count).at("reading WAV")
    }

    /// Code and length of the next chunk, by `ds64` if that has it; none at the end of the file.
    pub(super) fn head(&mut self) -> Result<Option<(Id, u64)>> {
        loop {
            let start = self.position();
            let head = self.take(8)?;
            let Some((id, _)) = head.split_first_chunk::<4>().filter(|_| head.len() == 8) else {
                return Ok(None);
            };
            let (id, length) = (*id, u32_at(&head, 4));
            self.count += 1;
            if self.count > MOST_CHUNKS {
                return Err(Error::limit(format!("more than {MOST_CHUNKS} chunks")));
            }
            if id != *b"ds64" {
                let wide = self.wide.length(id).filter(|_| length == UNKNOWN);
                return Ok(Some((id, wide.unwrap_or(length.into()))));
            }
            let payload = self.payload(id, start, length.into())?;
            self.wide = Wide::parse(&payload).ok_or_else(|| {
                let cause = "is cut short (expected at least 24 bytes)";
                Error::corrupt(format!("chunk 'ds64' at byte {start} {cause}"))
            })?;
        }
    }

    /// Whether the length of the samples comes from `ds64`.
    pub(super) fn is_wide(&self) -> bool {
        self.wide.data.is_some()
    }

    /// Whether this is a chunk that many files have.
    pub(super) fn is_known(id: Id) -> bool {
        KNOWN.contains(&&id)
    }

    /// The payload of a chunk that begins at byte `start`, and its pad byte.
    ///
    /// # Errors
    /// If the file ends before, or it is longer than metadata may be.
    pub(super) fn payload(&mut self, id: Id, start: u64, length: u64) -> Result<Vec<u8>> {
        self.held = self.held.saturating_add(length);
        if self.held > limits::METADATA_BYTES {
            let bound = limits::METADATA_BYTES;
            return Err(Error::limit(format!("more than {bound} bytes of chunks besides the samples")));
        }
        let payload = self.take(length)?;
        if (payload.len() as u64) < length {
            return Err(too_short(id, start, length, payload.len() as u64));
        }
        if length % 2 == 1 {
            self.pad()?;
        }
        Ok(payload)
    }

    /// Passes over the pad byte, if there is one: some programs write none.
    pub(super) fn pad(&mut self) -> Result<bool> {
        let next = self.bytes.peek(5).at("reading WAV")?;
        let is_padded = match next.first() {
            None => return Ok(false),
            Some(0) => true,
            Some(_) => {
                let follows = |at: usize| KNOWN.iter().any(|id| next.get(at..at + 4) == Some(&id[..]));
                follows(1) || !(follows(0) || next.iter().take(4).all(|byte| (b' '..=b'~').contains(byte)))
            }
        };
        self.take(u64::from(is_padded))?;
        Ok(is_padded)
    }
}

/// The error of a chunk that the file does not hold whole.
pub(super) fn too_short(id: Id, start: u64, declared: u64, have: u64) -> Error {
    let cause =
        format!("chunk '{}' at byte {start} holds {declared} bytes (expected at most the", id.escape_ascii());
    Error::corrupt(format!("{cause} {have} that follow it: the file is cut short)"))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let field = bytes.get(at..at + 4).and_then(|field| field.try_into().ok());
    field.map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// What a `ds64` chunk says: 64-bit lengths, in place of those that read 0xFFFFFFFF.
#[derive(Debug, Default)]
struct Wide {
    data: Option<u64>,
    others: Vec<(Id, u64)>,
}

impl Wide {
    /// RIFF length u64, data length u64, sample count u64, entries u32, then an id and a u64 each.
    fn parse(payload: &[u8]) -> Option<Self> {
        let entries = payload.get(28..).unwrap_or_default().as_chunks::<12>().0;
        let count = u32_at(payload, 24) as usize;
        let entry = |entry: &[u8; 12]| ([entry[0], entry[1], entry[2], entry[3]], u64_at(entry, 4));
        let others = entries.iter().take(count).map(entry).collect();
        (payload.len() >= 24).then(|| Self { data: Some(u64_at(payload, 8)), others })
    }

    fn length(&self, id: Id) -> Option<u64> {
        if id == *b"data" {
            return self.data;
        }
        self.others.iter().find(|(other, _)| *other == id).map(|(_, length)| *length)
    }
}
