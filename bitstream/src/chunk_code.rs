//! The names of chunks.

use std::fmt;

/// The four ASCII letters that name a chunk. The first one in upper case: critical; in lower case: skippable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkCode([u8; 4]);

impl ChunkCode {
    /// `IMGH`: the header of a picture.
    pub const IMAGE_HEADER: Self = Self(*b"IMGH");
    /// `AUDH`: the header of a sound.
    pub const AUDIO_HEADER: Self = Self(*b"AUDH");
    /// `TABL`: length and checksum of every tile of a picture.
    pub const TILE_TABLE: Self = Self(*b"TABL");
    /// `ALPH`: the lossless alpha channel of a picture.
    pub const ALPHA: Self = Self(*b"ALPH");
    /// `FITW`: networks that were fitted to a picture without loss.
    pub const FITTED: Self = Self(*b"FITW");
    /// `DATA`: the tiles of a picture.
    pub const DATA: Self = Self(*b"DATA");
    /// `COPY`: header and tile table once more, behind `DATA`.
    pub const COPY: Self = Self(*b"COPY");
    /// `SEGM`: a segment of a sound.
    pub const SEGMENT: Self = Self(*b"SEGM");
    /// `SEGT`: where the segments of a sound are, and how long it is.
    pub const SEGMENT_TABLE: Self = Self(*b"SEGT");
    /// `iccp`: an ICC colour profile.
    pub const ICC: Self = Self(*b"iccp");
    /// `exif`: EXIF, beginning with its TIFF header.
    pub const EXIF: Self = Self(*b"exif");
    /// `xmpd`: an XMP packet.
    pub const XMP: Self = Self(*b"xmpd");
    /// `iptc`: image resources of Photoshop, IPTC-IIM among them.
    pub const IPTC: Self = Self(*b"iptc");
    /// `pngc`: one ancillary chunk of a PNG, with its type. May be repeated.
    pub const PNG: Self = Self(*b"pngc");
    /// `riff`: one chunk of the RIFF file that a sound came from, with its own code and length. May be repeated.
    pub const RIFF: Self = Self(*b"riff");
    /// `flac`: one metadata block of a FLAC, behind its type. May be repeated.
    pub const FLAC: Self = Self(*b"flac");
    /// `near`: by how much the colours of a picture without loss differ from the original's at most.
    pub const NEAR: Self = Self(*b"near");
    /// `fill`: bytes without meaning.
    pub const FILL: Self = Self(*b"fill");

    /// The code `letters`, if they are ASCII letters.
    pub fn new(letters: [u8; 4]) -> Option<Self> {
        letters.iter().all(u8::is_ascii_alphabetic).then_some(Self(letters))
    }

    /// The four letters as ASCII bytes.
    pub fn bytes(self) -> [u8; 4] {
        self.0
    }

    /// Whether a reader that does not know the chunk must refuse the file.
    pub fn is_critical(self) -> bool {
        let [first, ..] = self.0;
        first.is_ascii_uppercase()
    }

    /// Whether a file may hold more than one: `pngc`, `riff`, `flac`, `fill`, and skippable chunks that this version
    /// does not know.
    pub(crate) fn may_repeat(self) -> bool {
        !self.is_critical() && ![Self::ICC, Self::EXIF, Self::XMP, Self::IPTC, Self::NEAR].contains(&self)
    }
}

impl fmt::Display for ChunkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&letter| fmt::Write::write_char(f, char::from(letter)))
    }
}
