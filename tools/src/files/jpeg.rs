//! JPEG: what its segments say, its pixels in, and out again.

mod reader;
mod segments;
mod writer;

pub use reader::read;
pub use writer::write;
