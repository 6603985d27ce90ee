//! Trained weights of the codec `wavern`: bytes and ids, no code. Each feature brings one file: `image`, `visual`,
//! `audio`, `lossless`.
//!
//! A file names the weights it was made with, so old weights stay available: each generation is a crate of its own.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

/// A weight file in the safetensors format.
#[derive(Clone, Copy)]
pub struct WeightFile {
    /// The first six bytes of the file's BLAKE3 hash.
    pub id: [u8; 6],
    /// The file.
    pub bytes: &'static [u8],
}

mod files {
    use super::WeightFile;

    include!(concat!(env!("OUT_DIR"), "/files.rs"));
}

/// Weights for pictures, trained for the smallest squared error; `None` without the feature `image`.
// Not inlined: every crate that calls it would hold megabytes of its own.
#[inline(never)]
pub fn image() -> Option<WeightFile> {
    files::IMAGE
}

/// Weights for pictures, trained for the eye; `None` without the feature `visual`.
#[inline(never)]
pub fn visual() -> Option<WeightFile> {
    files::VISUAL
}

/// Weights for sounds; `None` without the feature `audio`.
#[inline(never)]
pub fn audio() -> Option<WeightFile> {
    files::AUDIO
}

/// Weights for pictures without loss; `None` without the feature `lossless`.
#[inline(never)]
pub fn lossless() -> Option<WeightFile> {
    files::LOSSLESS
}

/// How fast the squared error grows with each channel of the latents of a picture, which searches for better symbols go
/// by: a safetensors file with one tensor for each set of weights, named by its id, of 16-bit floats: natural
/// logarithms of squared errors in units of the networks per squared step, `[anchors, channels]`.
#[inline(never)]
pub fn curvatures() -> &'static [u8] {
    include_bytes!("../curvature.safetensors")
}
