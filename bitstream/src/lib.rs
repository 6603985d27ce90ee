//! Typed fields in, bytes out, and back: the `.wvn` container.
//!
//! This crate knows the syntax of a file and nothing of what the payloads mean: no probability, no network, no pixel.
//! `FORMAT.md` at the root of the repository is the normative text; the modules below stand in its order.
//!
//! ```text
//! signature                8 bytes that text-mode and 7-bit transfers cannot leave intact
//! IMGH                     a picture: format version, level, shape, weights id
//!   iccp, exif, xmpd …     metadata kept byte for byte
//!   ALPH                   lossless alpha
//!   FITW                   networks fitted to the picture
//!   TABL                   length and CRC-32C of every tile, when there are two or more
//!   DATA                   the tiles, one after the other
//!   COPY                   header and tile table once more, in files that are not small; the last chunk
//! AUDH                     a sound: format version, level, sample rate, channels, weights id
//!   iccp, exif, xmpd, iptc, pngc, riff, flac … metadata, before the segments or after them
//!   SEGM …                 one chunk for each segment, which can be found and read without the others
//!   SEGT                   length of the sound, and where its segments are; the last chunk
//! ```
//!
//! A chunk is a four-letter code, a length as varint, the payload, and a CRC-32C over all three. An image is cut into
//! tiles and audio into segments; where both are meant this crate says *tile*. [`Container`] reads a whole file in
//! memory, [`SoundParser`] a sound while it arrives; [`ContainerBuilder`] and [`SoundBuilder`] write.
//!
//! Three rules hold for every byte string given to [`Container::parse`], whatever it contains: the answer is a value
//! or a typed [`Error`], never a panic; nothing is allocated before a length has been held against the bytes that are
//! really there and against [`Limits`]; and every byte of a file that is accepted was covered by a checksum.
//!
//! ```
//! use wavern_bitstream::{BitDepth, Color, Container, ContainerBuilder, Header, ImageHeader, Limits, WeightsId};
//!
//! let header = ImageHeader {
//!     level: 700,
//!     color: Color::Rgb,
//!     depth: BitDepth::Eight,
//!     tile_log2: 0,
//!     width: 64,
//!     height: 64,
//!     weights: WeightsId([1, 2, 3, 4, 5, 6]),
//! };
//! let limits = Limits::default();
//! let bytes = ContainerBuilder::new(header).tile(&b"payload"[..]).build(&limits)?;
//! assert_eq!(bytes.len(), 37 + b"payload".len()); // the whole fixed cost of a small picture
//!
//! let container = Container::parse(&bytes, &limits)?;
//! assert_eq!(container.header(), &Header::Image(header));
//! assert_eq!(container.tile(0)?, b"payload");
//! # Ok::<(), wavern_bitstream::Error>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]
// Bytes from strangers pass through here: whatever could panic or silently wrap is refused at compile time.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions
    )
)]

mod reader;
pub mod varint;
mod version;

mod chunk;
mod chunk_code;
mod copy;
mod header;
mod metadata;
mod segment;
mod signature;
mod tile_table;

mod builder;
mod container;
mod parser;
mod sound_builder;

mod error;
mod limits;

pub use builder::ContainerBuilder;
pub use chunk::{ChunkInfo, Chunks, describe};
pub use chunk_code::ChunkCode;
pub use container::Container;
pub use error::{Error, Fault, TransferDamage};
pub use header::{
    AudioHeader, BitDepth, Color, Header, ImageHeader, LOSSLESS_LEVEL, MAX_LEVEL, SampleFormat, TileRect,
    WeightsId,
};
pub use limits::Limits;
pub use metadata::{Metadata, RawChunk};
pub use parser::{SoundParser, Step};
pub use segment::{Segment, SegmentTable};
pub use signature::{SIGNATURE, probe};
pub use sound_builder::SoundBuilder;
pub use version::FORMAT_VERSION;
