//! Wavern: a learned codec for photographs and sound.

#![forbid(unsafe_code)]

pub mod color;
pub mod network;
pub mod prior;
pub mod quality;
pub mod signal;
pub mod wavelet;
