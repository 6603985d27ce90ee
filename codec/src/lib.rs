//! Wavern: a learned codec for photographs and sound.
//!
//! ```
//! use wavern::signal::{Color, Samples};
//! use wavern::{Decoder, EncodeOptions, Encoder, Image, Quality, Signal};
//!
//! let ramp = (0..64 * 48).map(|i| (i % 64 * 4) as u8).collect();
//! let image = Image::new(64, 48, Color::Gray, Samples::U8(ramp))?;
//!
//! let quality = Quality::new(60.0).expect("in 0..=100");
//! let encoder = Encoder::new(EncodeOptions { quality, ..Default::default() })?;
//! let encoded = encoder.encode_image(&image)?;
//! assert!(encoded.bytes.len() < 500);
//!
//! let Signal::Image(restored) = Decoder::new(Default::default())?.decode(&encoded.bytes)? else { unreachable!() };
//! assert_eq!((restored.width(), restored.height()), (64, 48));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules stand in the order of the data: a [`signal`] becomes packets ([`color`] and [`wavelet`] for pictures, [`lapped`]
//! and [`envelope`] for sound), the float [`network`]s turn packets into latents, [`quality`] scales them, and the exact [`prior`] tells the entropy
//! coder how likely each symbol is. [`Encoder`] and [`Decoder`] are the same list in both directions; FORMAT.md is the
//! normative text of what passes between them.

// Vector instructions are in `kernel`; no other module may have `unsafe`.
#![deny(unsafe_code)]

#[forbid(unsafe_code)]
pub mod signal;

#[forbid(unsafe_code)]
pub mod color;
#[forbid(unsafe_code)]
pub mod envelope;
#[forbid(unsafe_code)]
pub mod lapped;
#[forbid(unsafe_code)]
pub mod wavelet;

pub mod kernel;
#[forbid(unsafe_code)]
pub mod network;
#[forbid(unsafe_code)]
pub mod transforms;
#[forbid(unsafe_code)]
pub mod weights;

#[forbid(unsafe_code)]
pub mod latent;
#[forbid(unsafe_code)]
pub mod prior;
#[forbid(unsafe_code)]
pub mod quality;

#[cfg(test)]
#[forbid(unsafe_code)]
mod arbitrary;

#[forbid(unsafe_code)]
mod alpha;
#[forbid(unsafe_code)]
mod picture;
#[forbid(unsafe_code)]
mod rows;
#[forbid(unsafe_code)]
pub mod sound;
#[forbid(unsafe_code)]
mod threads;

#[forbid(unsafe_code)]
mod decoder;
#[forbid(unsafe_code)]
mod effort;
#[forbid(unsafe_code)]
mod encoder;
#[forbid(unsafe_code)]
mod error;

pub use decoder::{Damage, DamagedTile, DecodeOptions, Decoder, SoundReader};
pub use effort::{Curvature, Effort, Watch};
pub use encoder::{EncodeOptions, Encoded, Encoder, SearchReport, SoundSummary, SoundWriter, Target};
pub use error::Error;
pub use latent::Latents;
pub use picture::{Pixels, Scale};
pub use quality::{Level, Quality};
pub use rows::{PictureInfo, ReadRows, Region, View, WriteRows};
pub use signal::{Audio, Image, Signal};
pub use transforms::Transforms;
pub use weights::{Tune, Weights};
