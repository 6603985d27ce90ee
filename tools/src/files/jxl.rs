//! JPEG XL in: the boxes around it, and its pixels.

mod boxes;
mod reader;

pub use reader::read;
