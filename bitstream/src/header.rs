//! The first chunk: what the file is, how large, and which weights decode it.

mod audio;
mod image;

use std::fmt;

pub use audio::{AudioHeader, SampleFormat};
pub use image::{BitDepth, Color, ImageHeader, TileRect};

use crate::{
    ChunkCode, Error, FORMAT_VERSION, Fault, Limits, SIGNATURE,
    chunk::{self, Chunk},
    limits,
    reader::{Reader, length},
    signature, varint,
};

/// The highest quality level index; what a level means belongs to the weights.
pub const MAX_LEVEL: u16 = LEVEL_MASK;

/// The level of a picture that is coded without loss. No weights have it.
pub const LOSSLESS_LEVEL: u16 = MAX_LEVEL;

/// Levels take the low ten bits of the first field of a header.
const LEVEL_MASK: u16 = (1 << 10) - 1;

/// Names the trained weights that a file was made with: the first six bytes of their hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WeightsId(pub [u8; 6]);

impl WeightsId {
    /// What stands in files that need no weights.
    pub const NONE: Self = Self([0; 6]);
}

impl fmt::Display for WeightsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The header of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// `IMGH`.
    Image(ImageHeader),
    /// `AUDH`.
    Audio(AudioHeader),
}

impl Header {
    /// Quality level index, 0..=[`MAX_LEVEL`].
    pub fn level(&self) -> u16 {
        match self {
            Self::Image(image) => image.level,
            Self::Audio(audio) => audio.level,
        }
    }

    /// Whether every sample comes back as it was.
    pub fn is_lossless(&self) -> bool {
        match self {
            Self::Image(image) => image.is_lossless(),
            Self::Audio(audio) => audio.lossless,
        }
    }

    /// The weights that decode the file.
    pub fn weights(&self) -> WeightsId {
        match self {
            Self::Image(image) => image.weights,
            Self::Audio(audio) => audio.weights,
        }
    }

    /// Reads the header from the first bytes of a file; `None` if more bytes are needed. 64 always suffice for files of
    /// this format version.
    ///
    /// # Errors
    /// [`Error::NotWavern`] or [`Error::Transfer`] for other files, [`Error::Unsupported`] for files of later versions,
    /// [`Error::Limit`], and faults of the header itself.
    pub fn probe(bytes: &[u8], limits: &Limits) -> Result<Option<Self>, Error> {
        Ok(Self::read_first(bytes, false, limits)?.map(|(header, _)| header))
    }

    /// Signature and header chunk in `window`, the first bytes of a file, and how many bytes they take; `None` if they
    /// are not all there yet, unless the file `ended`.
    pub(crate) fn read_first(
        window: &[u8],
        ended: bool,
        limits: &Limits,
    ) -> Result<Option<(Self, usize)>, Error> {
        /// A header of this version takes less than 40 bytes.
        const LONGEST_HEADER: u64 = 1 << 16;
        if window.len() < SIGNATURE.len() && !ended && SIGNATURE.starts_with(window) {
            return Ok(None);
        }
        signature::check(window)?;
        let mut reader = Reader::new(window, 0);
        reader.take_up_to(length(&SIGNATURE));
        let chunk = match Chunk::read(&mut reader) {
            Err(Error::Truncated { .. }) if !ended => return Ok(None),
            chunk => chunk?,
        };
        if let Err(Error::Truncated { .. }) = chunk.intact()
            && !ended
        {
            limits::check("header bytes", chunk.declared, LONGEST_HEADER)?;
            return Ok(None);
        }
        let header = Self::read(&chunk, limits)?;
        Ok(Some((header, window.len().saturating_sub(reader.rest().len()))))
    }

    /// Reads the header from the first chunk of a file.
    pub(crate) fn read(chunk: &Chunk<'_>, limits: &Limits) -> Result<Self, Error> {
        chunk.intact()?;
        let mut reader = chunk.reader();
        let header = match chunk.code {
            ChunkCode::IMAGE_HEADER => {
                Self::Image(read_version(&mut reader, |r| ImageHeader::read(r, limits))?)
            }
            ChunkCode::AUDIO_HEADER => {
                Self::Audio(read_version(&mut reader, |r| AudioHeader::read(r, limits))?)
            }
            ChunkCode::TILE_TABLE
            | ChunkCode::ALPHA
            | ChunkCode::FITTED
            | ChunkCode::DATA
            | ChunkCode::COPY
            | ChunkCode::SEGMENT
            | ChunkCode::SEGMENT_TABLE => {
                return Err(Error::malformed(chunk.offset, Fault::FirstChunk(chunk.code)));
            }
            code if code.is_critical() => {
                return Err(Error::unsupported(chunk.offset, format!("content of kind {code}")));
            }
            code => return Err(Error::malformed(chunk.offset, Fault::FirstChunk(code))),
        };
        chunk.finish(&reader)?;
        Ok(header)
    }

    /// Appends the header chunk, the mirror of [`Header::read`].
    pub(crate) fn write(&self, limits: &Limits, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut payload = Vec::new();
        varint::write(FORMAT_VERSION, &mut payload);
        let code = match self {
            Self::Image(image) => {
                image.write(limits, &mut payload)?;
                ChunkCode::IMAGE_HEADER
            }
            Self::Audio(audio) => {
                audio.write(limits, &mut payload)?;
                ChunkCode::AUDIO_HEADER
            }
        };
        chunk::write(code, &[&payload], out);
        Ok(())
    }
}

/// Reads the version, then the fields that belong to it.
fn read_version<T>(
    reader: &mut Reader<'_>,
    fields: impl FnOnce(&mut Reader<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let offset = reader.offset();
    match reader.varint("format version")? {
        FORMAT_VERSION => fields(reader),
        version => Err(Error::unsupported_version(offset, version)),
    }
}

/// Splits the first field into the level and the six bits above it, whose meaning depends on the kind.
fn split_level(field: u16) -> (u16, u16) {
    (field & LEVEL_MASK, field >> 10)
}

/// Joins what [`split_level`] takes apart; `high` has at most six bits.
fn join_level(level: u16, high: u16) -> Result<u16, Error> {
    if level > MAX_LEVEL {
        return Err(Error::parameter("level", level, format!("0..={MAX_LEVEL}")));
    }
    Ok(level | high << 10)
}

/// A parameter of the caller that must be at least 1.
fn require_positive(what: &'static str, value: u32) -> Result<(), Error> {
    if value == 0 { Err(Error::parameter(what, value, "at least 1")) } else { Ok(()) }
}
