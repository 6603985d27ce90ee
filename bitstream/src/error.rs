//! What can be wrong with a file, sorted by who can act on it.

use crate::{ChunkCode, FORMAT_VERSION};

/// Why a container could not be read or built.
///
/// Offsets are in bytes from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file does not begin with the signature, nor with what a known transfer makes of it.
    #[error("not a .wvn file: it begins with {found}")]
    NotWavern {
        /// The first bytes of the file, up to eight, in hexadecimal.
        found: String,
    },
    /// The signature shows that the file was changed on its way; a fresh copy sent as binary will read.
    #[error("this .wvn file was damaged in transfer: {0}; send it again in binary mode")]
    Transfer(TransferDamage),
    /// The file, or a chunk whose checksum holds, ends inside a field.
    #[error("{what} at byte {offset} needs {needed} bytes, {left} are left")]
    Truncated {
        /// Where the field begins.
        offset: u64,
        /// The field.
        what: &'static str,
        /// The length of the field in bytes.
        needed: u64,
        /// How many bytes are there.
        left: u64,
    },
    /// The bytes of a chunk are not those that were written.
    #[error("chunk {code} at byte {offset} is damaged: CRC-32C {computed:08x}, stored {stored:08x}")]
    ChunkChecksum {
        /// Where the chunk begins.
        offset: u64,
        /// Its code, which may itself be the damaged part.
        code: ChunkCode,
        /// The checksum in the file.
        stored: u32,
        /// The checksum of the bytes that are there.
        computed: u32,
    },
    /// The bytes of one tile or segment are not those that were written; the others can still be read.
    #[error("tile {tile} at byte {offset} is damaged: CRC-32C {computed:08x}, stored {stored:08x}")]
    TileChecksum {
        /// Where the tile begins.
        offset: u64,
        /// Its index.
        tile: usize,
        /// The checksum in the tile table.
        stored: u32,
        /// The checksum of the bytes that are there.
        computed: u32,
    },
    /// The checksums hold but the content breaks a rule of the format: a faulty or hostile writer.
    #[error("malformed at byte {offset}: {fault}")]
    Malformed {
        /// Where the rule is broken.
        offset: u64,
        /// The rule.
        fault: Fault,
    },
    /// The file needs something that this version does not know.
    #[error("unsupported at byte {offset}: {what}")]
    Unsupported {
        /// Where it is asked for.
        offset: u64,
        /// What is asked for.
        what: String,
    },
    /// The file asks for more than the [`Limits`](crate::Limits) of the caller allow.
    #[error("{what} {asked} is over the limit of {allowed}")]
    Limit {
        /// The quantity.
        what: &'static str,
        /// What the file asks for.
        asked: u64,
        /// The bound in force.
        allowed: u64,
    },
    /// A segment of a damaged sound is not there.
    #[error("segment {segment} is missing or damaged")]
    SegmentLost {
        /// Its index.
        segment: u64,
    },
    /// An argument of the caller is out of range.
    #[error("{what} {value} (expected {expected})")]
    Parameter {
        /// The argument.
        what: &'static str,
        /// Its value.
        value: String,
        /// What is accepted.
        expected: String,
    },
}

/// A broken rule of the format, inside [`Error::Malformed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Every number has exactly one encoding, the shortest.
    #[error("a varint with superfluous bytes")]
    LongVarint,
    /// A varint holds at most 64 bits.
    #[error("a varint over 64 bits")]
    WideVarint,
    /// Chunk codes are ASCII letters.
    #[error("chunk code {0:02x?} (expected four ASCII letters)")]
    ChunkCode([u8; 4]),
    /// The header comes first.
    #[error("the first chunk is {0} (expected IMGH or AUDH)")]
    FirstChunk(ChunkCode),
    /// Only `riff` and unknown skippable chunks may be repeated.
    #[error("a second {0} chunk")]
    Repeated(ChunkCode),
    /// A payload ends with its last field.
    #[error("{left} bytes after the last field of {code}")]
    PayloadTooLong {
        /// The chunk.
        code: ChunkCode,
        /// How many bytes are left over.
        left: u64,
    },
    /// A picture has pixels, and sound has a rate and channels.
    #[error("{0} is 0 (expected at least 1)")]
    Zero(&'static str),
    /// A sound was asked for.
    #[error("a picture (expected a sound)")]
    NotASound,
    /// The check of a segment or table holds, and its fields do not fit its length.
    #[error("fields beyond the end of their chunk")]
    SegmentHead,
    /// The last segment is not longer than the others, nor empty.
    #[error("the last segment has no frames, or more than others")]
    SegmentFrames,
    /// Levels are 0..=1023.
    #[error("a segment changes the level beyond its range")]
    SegmentLevel,
    /// A segment has a bound that follows from the header.
    #[error("a segment of more than {longest} bytes")]
    SegmentLength {
        /// The bound.
        longest: u64,
    },
    /// Segments come one after the other, and end with the one that says so.
    #[error("segment {index} (expected {expected}, or none after the last)")]
    SegmentOrder {
        /// Its number.
        index: u64,
        /// The number of the next one.
        expected: u64,
    },
    /// A segment table says what the segments are.
    #[error("the segment table contradicts the segments or itself")]
    SegmentTable,
    /// Metadata stands before the first segment or after the last.
    #[error("a {0} chunk among the segments")]
    AmongSegments(ChunkCode),
    /// Some chunks belong to pictures.
    #[error("a {0} chunk in an audio file")]
    PictureChunk(ChunkCode),
    /// And some to sounds.
    #[error("a {0} chunk in a picture")]
    SoundChunk(ChunkCode),
    /// Fitted networks belong to pictures without loss.
    #[error("a {0} chunk in a picture with loss")]
    LossyChunk(ChunkCode),
    /// Alpha belongs to pictures.
    #[error("an ALPH chunk in an audio file")]
    AlphaInAudio,
    /// A tile table is written exactly when there are two tiles or more.
    #[error("a tile table for {tiles} tiles (expected one exactly when there are 2 or more)")]
    TableUnexpected {
        /// The number of tiles by the header.
        tiles: u64,
    },
    /// Two tiles or more need a table before `DATA`.
    #[error("DATA without a tile table for {tiles} tiles")]
    TableMissing {
        /// The number of tiles by the header.
        tiles: u64,
    },
    /// The lengths in the tile table add up to the length of `DATA`.
    #[error("the tile table adds up to {table} bytes, DATA holds {data}")]
    TableSum {
        /// The sum of the lengths in the table; `u64::MAX` when it does not fit 64 bits.
        table: u64,
        /// The length of the payload of `DATA`.
        data: u64,
    },
    /// A file that is not small has a copy of its header behind `DATA`, or in front of `SEGT`.
    #[error("a chunk {found} in place of COPY")]
    CopyMissing {
        /// What is there instead.
        found: ChunkCode,
    },
    /// The copy equals the chunks in front.
    #[error("COPY is not a copy of the header and the tile table")]
    CopyDiffers,
    /// Without the header in front, the copy of it is all there is.
    #[error("no copy of the header in its place")]
    NoCopy,
    /// The copy stands right in front of `SEGT`, in sounds that are not small.
    #[error("a COPY elsewhere than in front of SEGT, or in a small file")]
    CopyPlace,
    /// A file ends with `DATA` or its `COPY`, or with `SEGT`.
    #[error("{bytes} bytes after the last chunk")]
    TrailingBytes {
        /// How many.
        bytes: u64,
    },
}

/// How a transfer changed the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferDamage {
    /// The eighth bit of every byte was cleared.
    #[error("the high bit of its bytes was stripped")]
    SevenBit,
    /// Line endings were translated: CR LF to LF, LF to CR LF, or CR to LF.
    #[error("its line endings were translated")]
    LineEndings,
    /// The bytes were read as text in some encoding and written as UTF-8.
    #[error("its bytes were re-encoded as text")]
    TextEncoding,
}

impl Error {
    pub(crate) fn malformed(offset: u64, fault: Fault) -> Self {
        Self::Malformed { offset, fault }
    }

    pub(crate) fn unsupported(offset: u64, what: impl Into<String>) -> Self {
        Self::Unsupported { offset, what: format!("{}; a newer version may read it", what.into()) }
    }

    pub(crate) fn unsupported_version(offset: u64, version: u64) -> Self {
        if version == 0 {
            let what = format!("format version 0, a draft from before version {FORMAT_VERSION}");
            return Self::Unsupported { offset, what };
        }
        Self::unsupported(offset, format!("format version {version} (this is {FORMAT_VERSION})"))
    }

    pub(crate) fn parameter(what: &'static str, value: impl ToString, expected: impl Into<String>) -> Self {
        Self::Parameter { what, value: value.to_string(), expected: expected.into() }
    }
}
