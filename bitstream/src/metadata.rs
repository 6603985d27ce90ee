//! What a file carries besides its signal, byte for byte.

use crate::ChunkCode;

/// A skippable chunk as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawChunk<'a> {
    /// The four letters.
    pub code: ChunkCode,
    /// The bytes between length and checksum.
    pub payload: &'a [u8],
}

/// The skippable chunks of a file in file order, those that this version does not know included; without `fill`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata<'a> {
    pub(crate) chunks: Vec<RawChunk<'a>>,
}

impl<'a> Metadata<'a> {
    /// All of them, in file order.
    pub fn chunks(&self) -> &[RawChunk<'a>] {
        &self.chunks
    }

    /// The ICC colour profile.
    pub fn icc(&self) -> Option<&'a [u8]> {
        self.all(ChunkCode::ICC).next()
    }

    /// EXIF, beginning with its TIFF header.
    pub fn exif(&self) -> Option<&'a [u8]> {
        self.all(ChunkCode::EXIF).next()
    }

    /// The XMP packet.
    pub fn xmp(&self) -> Option<&'a [u8]> {
        self.all(ChunkCode::XMP).next()
    }

    /// Image resources of Photoshop, IPTC-IIM among them.
    pub fn iptc(&self) -> Option<&'a [u8]> {
        self.all(ChunkCode::IPTC).next()
    }

    /// Ancillary chunks of a PNG, each with its own type, in file order.
    pub fn png(&self) -> impl Iterator<Item = &'a [u8]> {
        self.all(ChunkCode::PNG)
    }

    /// Metadata blocks of a FLAC, each behind its type, in file order.
    pub fn flac(&self) -> impl Iterator<Item = &'a [u8]> {
        self.all(ChunkCode::FLAC)
    }

    /// Chunks of the RIFF file that a sound came from, each with its own code and length, in file order.
    pub fn riff(&self) -> impl Iterator<Item = &'a [u8]> {
        self.all(ChunkCode::RIFF)
    }

    /// The payloads of all chunks called `code`, in file order.
    pub fn all(&self, code: ChunkCode) -> impl Iterator<Item = &'a [u8]> {
        self.chunks.iter().filter(move |chunk| chunk.code == code).map(|chunk| chunk.payload)
    }
}
