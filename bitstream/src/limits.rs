//! How much a file may ask for.

use crate::Error;

/// Upper bounds on what a file may ask for, each checked before anything is allocated.
///
/// The defaults suit files from strangers. Every field may be raised or lowered:
///
/// ```
/// let mut limits = wavern_bitstream::Limits::default();
/// limits.pixels = 1 << 20;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Pixels of a picture, width × height. Default 2^28.
    pub pixels: u64,
    /// Pixels along each side of a picture. Default 2^20.
    pub side: u32,
    /// Samples of a sound, frames × channels. Default 2^40.
    pub samples: u64,
    /// Channels of a sound. Default 32.
    pub channels: u32,
    /// Sample rate in hertz. Default 768,000.
    pub sample_rate: u32,
    /// Length of a segment of a sound in frames. Default 2^20, which is also the bound that the format sets.
    pub segment_frames: u32,
    /// Chunks in a file, the segments of a sound not counted. Default 65,536.
    pub chunks: u32,
    /// Bytes of metadata, which is the payload of all skippable chunks but `fill`. Default 2^24 (16 MiB).
    pub metadata_bytes: u64,
    /// Pixels or samples for each byte of the file. Default 2^16, which is also the bound that the format sets.
    ///
    /// The time and memory of a decoder grow with what the header declares, not with the size of the file. This keeps a
    /// file of 60 bytes from asking for more than four million pixels, whatever the other limits are. Writers meet it
    /// even for a blank picture or for silence by adding a `fill` chunk, see
    /// [`ContainerBuilder`](crate::ContainerBuilder) and [`SoundBuilder`](crate::SoundBuilder). In a sound it holds up
    /// to the end of every segment.
    pub work_per_byte: u64,
    /// Bytes of memory that a decoder may set aside for what a file declares. Default 2^30 (1 GiB).
    pub memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pixels: 1 << 28,
            side: 1 << 20,
            samples: 1 << 40,
            channels: 32,
            sample_rate: 768_000,
            segment_frames: 1 << 20,
            chunks: 1 << 16,
            metadata_bytes: 1 << 24,
            work_per_byte: WORK_PER_BYTE,
            memory_bytes: 1 << 30,
        }
    }
}

/// The most pixels or samples that the format allows for each byte of a file.
///
/// Photographs need a byte for 5 to 500 pixels and the blankest learned latents about one for 100,000 at best, so the
/// bound costs a real file nothing, and a blank picture of 2^28 pixels 4,096 bytes.
const WORK_PER_BYTE: u64 = 1 << 16;

/// The fewest bytes that a file of this many pixels or samples may have.
pub(crate) fn least_file_bytes(work: u64) -> u64 {
    work.div_ceil(WORK_PER_BYTE)
}

impl Limits {
    /// Holds bytes of memory that are about to be set aside against [`Self::memory_bytes`].
    ///
    /// # Errors
    /// [`Error::Limit`] if they are more.
    pub fn check_memory(&self, what: &'static str, bytes: u64) -> Result<(), Error> {
        check(what, bytes, self.memory_bytes)
    }

    /// Holds declared work (pixels or samples) against the size of the file in bytes.
    pub(crate) fn check_work(&self, work: u64, file_bytes: u64) -> Result<(), Error> {
        check(
            "pixels or samples for the size of the file",
            work,
            self.work_per_byte.saturating_mul(file_bytes),
        )
    }
}

/// `Error::Limit` unless `asked` is within `allowed`.
pub(crate) fn check(what: &'static str, asked: u64, allowed: u64) -> Result<(), Error> {
    if asked > allowed { Err(Error::Limit { what, asked, allowed }) } else { Ok(()) }
}

/// `asked` as `u32`, or `Error::Limit` unless it is within `allowed`.
pub(crate) fn narrow(what: &'static str, asked: u64, allowed: u32) -> Result<u32, Error> {
    match u32::try_from(asked) {
        Ok(value) if value <= allowed => Ok(value),
        _ => Err(Error::Limit { what, asked, allowed: allowed.into() }),
    }
}
