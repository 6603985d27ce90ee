//! Bounds on what is read from other file formats, besides [`Limits`](wavern_bitstream::Limits). They are far beyond
//! any photograph or recording, and keep a hostile header from asking for all the memory there is.

/// Bytes of one input file.
pub const FILE_BYTES: u64 = 1 << 32;
/// Pixels that a file of any length may hold, whatever the bound on pixels for each of its bytes.
pub const PIXELS_FREE: u64 = 1 << 25;
/// Bytes of ICC, EXIF, XMP and RIFF chunks together.
pub const METADATA_BYTES: u64 = 1 << 24;
