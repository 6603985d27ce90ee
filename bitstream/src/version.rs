//! Versions of the format.

/// The format version that this crate reads and writes. Whoever raises it keeps the reader of the versions before:
/// their files decode for ever. 0 stands for all drafts before the first one, which nothing reads.
pub const FORMAT_VERSION: u64 = 1;
