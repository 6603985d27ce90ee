//! Symbols in, bytes out, and back.

#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod error;
mod tables;
mod gaussian;
mod mixture;
mod categorical;
mod interval;
mod escape;
mod rans;
mod stream;
mod path;
mod paths;
mod scalar;
mod simd;
mod encoder;
mod decoder;
mod bit_counter;

pub use bit_counter::BitCounter;
pub use categorical::Categorical;
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::Error;
pub use mixture::{MAX_COMPONENTS, MixtureParams, cumulative};
pub use path::Path;
