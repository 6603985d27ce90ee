//! Trained weights of the codec `wavern` for pictures that must be decoded fast: bytes and an id, no code.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub use wavern_weights_1::WeightFile;

/// Weights for pictures, trained for the smallest squared error, with half the work for a decoder.
// Not inlined: every crate that calls it would hold megabytes of its own.
#[inline(never)]
pub fn image() -> Option<WeightFile> {
    const ID: [u8; 6] = include!(concat!(env!("OUT_DIR"), "/id.rs"));
    Some(WeightFile { id: ID, bytes: include_bytes!("../image-fast.safetensors") })
}
