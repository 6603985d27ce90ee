//! A picture, or a view of it, to be decoded: by a transform, or without loss.

use super::Damage;
use super::{lossless, picture};
use crate::array::Window;
use crate::error::Error;
use crate::latent::Latents;
use crate::rows::{ImageSink, WriteRows};
use crate::signal::Image;
use wavern_bitstream::Limits;

/// Either way of coding.
pub(super) enum Job<'a> {
    Transform(picture::Job<'a>),
    Lossless(lossless::Job<'a>),
}

impl Job<'_> {
    /// The whole picture, or a view of it.
    pub fn decode(&self, limits: &Limits) -> Result<Image, Error> {
        let mut sink = ImageSink::new(limits);
        self.decode_rows(limits, &mut sink, None)?;
        sink.image()
    }

    /// The whole picture, or a view of it, row by row. With `damage`, what cannot be decoded is left out and told
    /// there.
    pub fn decode_rows(
        &self,
        limits: &Limits,
        sink: &mut dyn WriteRows,
        damage: Option<&mut Damage>,
    ) -> Result<(), Error> {
        match self {
            Self::Transform(job) => job.decode_rows(limits, sink, damage),
            Self::Lossless(job) => job.decode_rows(limits, sink, damage),
        }
    }

    /// What is wrong with the tiles and the alpha of the picture.
    pub fn verify(&self, limits: &Limits) -> Result<Damage, Error> {
        match self {
            Self::Transform(job) => job.verify(limits),
            Self::Lossless(job) => job.verify(limits),
        }
    }

    /// ŷ and ẑ of the whole picture.
    pub fn latents(&self) -> Result<Latents, Error> {
        match self {
            Self::Transform(job) => job.latents(),
            Self::Lossless(_) => Err(no_latents()),
        }
    }

    /// ŷ and ẑ of some positions.
    pub fn latents_window(&self, window: Window) -> Result<Latents, Error> {
        match self {
            Self::Transform(job) => job.latents_window(window),
            Self::Lossless(_) => Err(no_latents()),
        }
    }
}

/// Of a file that was coded without loss.
pub(super) fn no_latents() -> Error {
    let problem = "none in a file without loss (expected one that was coded at a quality)".into();
    Error::Option { option: "latents", problem }
}
