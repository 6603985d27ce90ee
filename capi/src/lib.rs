//! The C interface of Wavern. What it promises stands in `include/wavern.h`, which is made from this crate: comments on
//! public items are written for readers of C.
//!
//! `pixels`, `samples`, `relay` and `status` are plain Rust; the other files take pointers from outside.
#![allow(clippy::missing_safety_doc, reason = "the head of the header states what holds for all pointers")]

#[cfg(test)]
mod header;

mod status;

mod pixels;
mod relay;
mod samples;

mod abi;

mod options;
mod reading;
mod writing;

// In the order of the header.
mod decoder;

mod image_out;

mod audio_out;

mod encoder;

mod image_in;

mod audio_in;

pub use abi::*;
pub use audio_in::*;
pub use audio_out::*;
pub use decoder::*;
pub use encoder::*;
pub use image_in::*;
pub use image_out::*;
pub use options::*;
pub use pixels::WavernLayout;
pub use samples::{WavernAudioLayout, WavernSampleFormat};
pub use status::*;

use std::ffi::c_char;

/// Rises when a program that was compiled with an older header would no longer work.
pub const WAVERN_ABI_VERSION: u32 = 1;

/// `WavernInfo.frames` of a sound whose end is missing.
pub const WAVERN_FRAMES_UNKNOWN: u64 = u64::MAX;

/// `WAVERN_ABI_VERSION` of the library, which is to be that of the header.
#[unsafe(no_mangle)]
pub extern "C" fn wavern_abi_version() -> u32 {
    WAVERN_ABI_VERSION
}

/// The version of the library, "0.1.0". Static.
#[unsafe(no_mangle)]
pub extern "C" fn wavern_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}
