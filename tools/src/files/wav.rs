//! WAV in and out: RIFF, RF64 and BW64; integers of 8, 16, 24 and 32 bits, floats of 32 and 64; any chunk that is not
//! understood is kept.

mod format;
mod reader;
mod riff;
mod stream;
mod writer;

pub use reader::read;
pub use stream::WavStream;
pub use writer::{WavWriter, write};
