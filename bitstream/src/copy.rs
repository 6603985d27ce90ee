//! `COPY`: header and tile table once more, at the other end of the file, for when those in front are damaged.
//!
//! It follows `DATA` in a picture, and stands in front of `SEGT` in a sound, whose writer does not know before how long
//! it gets.

use crate::{
    ChunkCode, Error, Fault,
    chunk::{self, Chunk},
    reader::Reader,
};

/// A file that has this many bytes up to where its copy belongs has one, a smaller one has none: a small picture should
/// not pay for it, and is soon sent again.
pub(crate) const LEAST_FILE_BYTES: u64 = 4096;

/// How many places that look like a chunk are tried before a search gives up: noise holds a four-letter code once in
/// four billion bytes, and whoever plants more of them shall not keep a reader busy.
const ATTEMPTS: usize = 16;

/// The chunks that everything else depends on, as they stand in the copy.
#[derive(Debug, Clone)]
pub(crate) struct Copy<'a> {
    /// Where the `COPY` chunk begins, which is where `DATA` ends.
    pub(crate) offset: u64,
    pub(crate) header: Chunk<'a>,
    pub(crate) table: Option<Chunk<'a>>,
}

impl<'a> Copy<'a> {
    /// Looks for an intact copy from the end of the file on.
    pub(crate) fn find(bytes: &'a [u8]) -> Option<Self> {
        let chunk =
            places(bytes, ChunkCode::COPY).rev().take(ATTEMPTS).find_map(|place| read(bytes, place))?;
        let mut reader = chunk.reader();
        let header = Chunk::read(&mut reader).ok()?;
        let table = (!reader.rest().is_empty()).then(|| Chunk::read(&mut reader).ok()).flatten();
        Some(Self { offset: chunk.offset, header, table })
    }

    /// The `DATA` chunk that ends where the copy begins.
    pub(crate) fn data(&self, bytes: &'a [u8]) -> Option<Chunk<'a>> {
        let ends_here = |chunk: &Chunk<'_>| chunk.end() == self.offset;
        let framed = |place| Chunk::read(&mut reader_at(bytes, place)).ok().filter(ends_here);
        places(bytes, ChunkCode::DATA).take(ATTEMPTS).find_map(framed)
    }
}

/// Where the four letters of a code stand.
fn places(bytes: &[u8], code: ChunkCode) -> impl DoubleEndedIterator<Item = usize> {
    let letters = code.bytes();
    bytes.windows(letters.len()).enumerate().filter(move |(_, four)| *four == letters).map(|(place, _)| place)
}

/// An intact chunk at this place.
fn read(bytes: &[u8], place: usize) -> Option<Chunk<'_>> {
    Chunk::read(&mut reader_at(bytes, place)).ok().filter(|chunk| chunk.intact().is_ok())
}

fn reader_at(bytes: &[u8], place: usize) -> Reader<'_> {
    let mut reader = Reader::new(bytes, 0);
    reader.take_up_to(u64::try_from(place).unwrap_or(u64::MAX));
    reader
}

/// Reads the copy that must follow `DATA`, and holds it against the chunks in front. Returns where it ends.
pub(crate) fn check(bytes: &[u8], data_end: u64, header: &[u8], table: &[u8]) -> Result<u64, Error> {
    let mut reader = Reader::new(bytes, 0);
    reader.take_up_to(data_end);
    let chunk = Chunk::read(&mut reader)?;
    chunk.intact()?;
    if chunk.code != ChunkCode::COPY {
        return Err(Error::malformed(chunk.offset, Fault::CopyMissing { found: chunk.code }));
    }
    let same = chunk.payload.strip_prefix(header) == Some(table);
    if same { Ok(chunk.end()) } else { Err(Error::malformed(chunk.payload_offset, Fault::CopyDiffers)) }
}

/// Appends a copy of these chunks.
pub(crate) fn write(header: &[u8], table: &[u8], out: &mut Vec<u8>) {
    chunk::write(ChunkCode::COPY, &[header, table], out);
}
