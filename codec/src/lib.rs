//! Wavern: a learned codec for photographs and sound.
//!
//! ```
//! use wavern::{Color, DecodeOptions, Decoder, EncodeOptions, Encoder, Image, Quality, Samples};
//!
//! let image = Image::new(64, 48, Color::Gray, Samples::U8(vec![128; 64 * 48]))?;
//! let encoder = Encoder::new(EncodeOptions::new().quality(Quality::new(60.0)?))?;
//! let file = encoder.encode_image(&image)?.bytes;
//! let restored = Decoder::new(DecodeOptions::new())?.decode_image(&file)?;
//! assert_eq!((restored.width(), restored.height()), (64, 48));
//! # Ok::<(), wavern::Error>(())
//! ```
//!
//! An [`Encoder`] turns an [`Image`] or an [`Audio`] into the bytes of a `.wvn` file, a [`Decoder`] turns them back.
//! Pictures may also come and go row by row ([`rows`]), sounds piece by piece ([`SoundWriter`], [`SoundReader`]), in
//! memory that does not grow with their length. [`probe`] tells what a file holds from its first bytes.
//!
//! Any bytes give a result or an [`Error`]: never a panic, and no more memory than [`Limits`] allow. The same file
//! decodes to the same symbols on every machine. FORMAT.md in the repository is the normative text of the format.
//!
//! # Features
//!
//! `internals` shows the modules inside, for the trainer and the benches of this repository. They are no part of the
//! interface and change without notice.
#![deny(missing_docs)]
#![cfg_attr(
    not(feature = "internals"),
    allow(dead_code, unused_imports, reason = "some of it serves `internals` alone")
)]
#![forbid(unsafe_code)]

mod signal;

mod array;
mod config;
mod lapped;
mod quality;
mod wavelet;
mod weight_file;

mod network;

mod envelope;
mod gains;
mod latent;
mod prior;
mod smooth;
mod spans;

mod lossless;

mod engine;
mod error;
mod weights;

mod alpha;
mod chunks;
mod picture;
mod probe;
pub mod rows;
mod sound;
mod threads;
mod view;

mod calibrate;
mod decoder;
mod effort;
mod encoder;

#[cfg(feature = "image-crate")]
mod image_crate;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;

pub use array::{Array, Window};
pub use config::Kind;
pub use decoder::{DecodeOptions, Decoder, SoundReader};
pub use effort::Effort;
pub use encoder::{
    EncodeOptions, Encoded, Encoder, PictureOptions, SoundOptions, SoundSummary, SoundWriter, Target,
};
pub use error::Error;
#[cfg(feature = "image-crate")]
pub use image_crate::register_image_hooks;
pub use latent::Latents;
pub use lossless::weights::provide as provide_lossless_weights;
pub use probe::{FileInfo, probe};
pub use quality::Quality;
pub use signal::{Audio, Color, Image, Metadata, SampleFormat, Samples, Signal};
pub use view::{Region, Scale, View};
pub use wavern_bitstream::{AudioHeader, Limits, WeightsId};
pub use weights::{Tune, Weights};

/// What of a damaged file could not be read.
pub mod damage {
    pub use crate::decoder::{Damage, DamagedTile, SoundDamage};
}

/// The errors that [`Error`] wraps.
pub mod errors {
    pub use crate::signal::SignalError;
    pub use crate::weight_file::Error as WeightsError;
    pub use wavern_bitstream::{Error as ContainerError, Fault, TransferDamage};
    pub use wavern_entropy::Error as EntropyError;
}

/// The search for better symbols: following it, ending it, and what it did.
pub mod search {
    pub use crate::effort::Watch;
    pub use crate::encoder::SearchReport;
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
