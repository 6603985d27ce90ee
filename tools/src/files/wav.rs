//! WAV in and out: RIFF, RF64 and BW64; integers of 8, 16, 24 and 32 bits, floats of 32 and 64, and in also µ-law,
//! A-law and ADPCM; any chunk that is not understood is kept.
//!
//! Samples and their formats are hound's affair (`samples.rs`). What hound does not have is here: chunks that are kept,
//! lengths beyond 32 bits or unknown, files that come or go through a pipe.

mod chunks;
mod format;
mod reader;
mod samples;
mod writer;

pub use reader::WavStream;
pub use writer::{WavWriter, is_format, write};
