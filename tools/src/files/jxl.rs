//! JPEG XL in: the boxes around it, and its pixels.

mod boxes;
mod reader;
mod wide;

pub use reader::read;
