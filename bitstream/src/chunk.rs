//! Code, length, payload, CRC-32C: the one frame that every part of a file after the signature stands in.

use crate::{
    ChunkCode, Error, Fault, SIGNATURE,
    reader::{Reader, length},
    signature, varint,
};

/// One chunk as it stands in a file, whole or not.
#[derive(Debug, Clone)]
pub(crate) struct Chunk<'a> {
    /// Where the chunk begins in the file.
    pub(crate) offset: u64,
    pub(crate) code: ChunkCode,
    /// The length that the chunk gives for its payload.
    pub(crate) declared: u64,
    /// Where the payload begins in the file.
    pub(crate) payload_offset: u64,
    /// The payload, as far as the file goes.
    pub(crate) payload: &'a [u8],
    /// Stored and computed CRC-32C, or where the file ends within the chunk.
    checksum: Result<(u32, u32), Error>,
}

impl<'a> Chunk<'a> {
    /// Reads a chunk. Fails only where the frame itself cannot be read; [`Chunk::intact`] judges the rest.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let offset = reader.offset();
        let start = reader.rest();
        let letters = reader.array("chunk code")?;
        let code =
            ChunkCode::new(letters).ok_or(Error::Malformed { offset, fault: Fault::ChunkCode(letters) })?;
        let declared = reader.varint("chunk length")?;
        let payload_offset = reader.offset();
        let payload = reader.take_up_to(declared);
        let covered = start.get(..start.len().saturating_sub(reader.rest().len())).unwrap_or(start);
        let left = length(payload);
        let checksum = if left < declared {
            Err(Error::Truncated { offset: payload_offset, what: "chunk payload", needed: declared, left })
        } else {
            reader.u32("chunk checksum").map(|stored| (stored, crc32c::crc32c(covered)))
        };
        if checksum.is_err() {
            reader.take_up_to(u64::MAX); // the first bytes of a checksum are no chunk
        }
        Ok(Self { offset, code, declared, payload_offset, payload, checksum })
    }

    /// Whether the bytes are those that were written.
    pub(crate) fn intact(&self) -> Result<(), Error> {
        let (offset, code) = (self.offset, self.code);
        let (stored, computed) = self.checksum.clone()?;
        if stored == computed { Ok(()) } else { Err(Error::ChunkChecksum { offset, code, stored, computed }) }
    }

    /// Where the chunk ends by its own word.
    pub(crate) fn end(&self) -> u64 {
        self.payload_offset.saturating_add(self.declared).saturating_add(4)
    }

    /// A reader of the payload.
    pub(crate) fn reader(&self) -> Reader<'a> {
        Reader::new(self.payload, self.payload_offset)
    }

    /// Checks that `reader`, made by [`Chunk::reader`], has come to the end.
    pub(crate) fn finish(&self, reader: &Reader<'a>) -> Result<(), Error> {
        match length(reader.rest()) {
            0 => Ok(()),
            left => Err(Error::malformed(reader.offset(), Fault::PayloadTooLong { code: self.code, left })),
        }
    }
}

/// Appends a chunk whose payload is the concatenation of `parts`.
pub(crate) fn write(code: ChunkCode, parts: &[&[u8]], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&code.bytes());
    varint::write(parts.iter().fold(0, |sum: u64, part| sum.saturating_add(length(part))), out);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    let checksum = crc32c::crc32c(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// What [`describe`] reports about a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChunkInfo {
    /// The four letters.
    pub code: ChunkCode,
    /// Where the chunk begins, in bytes from the start of the file.
    pub offset: u64,
    /// Where its payload begins.
    pub payload_offset: u64,
    /// Length of the payload in bytes, as the chunk gives it.
    pub length: u64,
    /// Whether the chunk is all there and its checksum holds.
    pub intact: bool,
}

/// Iterator over the chunks of a file, made by [`describe`]. After an error there is nothing more.
#[derive(Debug, Clone)]
pub struct Chunks<'a> {
    reader: Reader<'a>,
}

/// Lists the chunks of a file without asking what they mean: any format version, any codes, damaged or not.
///
/// An item is an error where the next chunk cannot be distinguished from noise: its code is not made of letters or its
/// length is no varint. A chunk that the file cuts short comes as the last item, not [`intact`](ChunkInfo::intact).
///
/// # Errors
/// [`Error::NotWavern`], [`Error::Transfer`] or [`Error::Truncated`] if the file does not begin with the signature.
pub fn describe(bytes: &[u8]) -> Result<Chunks<'_>, Error> {
    signature::check(bytes)?;
    let mut reader = Reader::new(bytes, 0);
    reader.take_up_to(length(&SIGNATURE));
    Ok(Chunks { reader })
}

impl Iterator for Chunks<'_> {
    type Item = Result<ChunkInfo, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.rest().is_empty() {
            return None;
        }
        let chunk = Chunk::read(&mut self.reader);
        if chunk.is_err() {
            self.reader.take_up_to(u64::MAX);
        }
        Some(chunk.map(|chunk| ChunkInfo {
            code: chunk.code,
            offset: chunk.offset,
            payload_offset: chunk.payload_offset,
            length: chunk.declared,
            intact: chunk.intact().is_ok(),
        }))
    }
}
