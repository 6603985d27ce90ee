//! A picture, or a view of it, to be decoded: by a transform, or without loss.

use super::Damage;
use super::{lossless, picture};
use crate::error::Error;
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
}
