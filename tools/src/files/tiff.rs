//! TIFF: its tags as EXIF, its pixels in, and both out again.

mod packed;
mod pages;
mod reader;
mod samples;
mod tags;
mod writer;

pub use reader::read;
pub use writer::write;
