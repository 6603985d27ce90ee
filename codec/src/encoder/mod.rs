//! Signal → file. Each file here has its mirror in `decoder`.

mod audio;
mod lossless;
mod options;
mod payload;
mod picture;
mod rate;
mod report;
mod search;
mod sound;
mod sound_file;
mod sound_writer;

pub use options::{EncodeOptions, PictureOptions, SoundOptions, Target};
pub use report::{Encoded, SearchReport, SoundSummary};
pub use sound_writer::SoundWriter;

use crate::config::Kind;
use crate::engine::Engine;
use crate::error::Error;
use crate::rows::{PictureInfo, ReadRows};
use crate::signal::{Audio, Image};
use crate::threads::Pool;
use crate::weights;

/// Codes pictures and sounds.
#[derive(Debug)]
pub struct Encoder {
    options: EncodeOptions,
    pool: Pool,
}

impl Encoder {
    /// An encoder with these options. It may code any number of signals, one after the other or from several threads.
    ///
    /// # Errors
    /// [`Error::Option`] if an option is out of range.
    pub fn new(options: EncodeOptions) -> Result<Self, Error> {
        options.check()?;
        Ok(Self { pool: Pool::new(options.threads)?, options })
    }

    /// Codes a picture.
    ///
    /// # Errors
    /// [`Error::Container`] if the picture is beyond the limits, [`Error::Option`] if no level meets the target,
    /// [`Error::Weights`] if weights of one's own do not fit together.
    pub fn encode_image(&self, image: &Image) -> Result<Encoded, Error> {
        self.pool.run(|| self.image(image, false)).map(|(encoded, _)| encoded)
    }

    /// Codes a picture, and gives what a decoder will make of it: the same pixels, bit for bit.
    ///
    /// # Errors
    /// As [`Self::encode_image`].
    pub fn encode_image_and_reconstruct(&self, image: &Image) -> Result<(Encoded, Image), Error> {
        let (encoded, restored) = self.pool.run(|| self.image(image, true))?;
        Ok((encoded, restored.unwrap_or_else(|| image.clone())))
    }

    /// Codes a picture whose rows come one after the other: memory grows with the width of the picture, not with its
    /// height, except for the file itself, which is written as one, and an alpha plane, which comes whole. A search
    /// needs the picture in memory: efforts from 2 on, and targets. The file is the one from [`Self::encode_image`];
    /// [`Encoded::latents`] is empty.
    ///
    /// # Errors
    /// As [`Self::encode_image`], and [`Error::Rows`] from `source`.
    pub fn encode_rows(&self, picture: &PictureInfo, source: &mut dyn ReadRows) -> Result<Encoded, Error> {
        self.pool.run(|| self.rows(picture, source))
    }

    /// Codes a sound.
    ///
    /// # Errors
    /// [`Error::Container`] if the sound is beyond the limits, [`Error::Weights`] if weights of one's own do not fit
    /// together.
    pub fn encode_audio(&self, audio: &Audio) -> Result<Encoded, Error> {
        self.pool.run(|| self.audio(audio, false)).map(|(encoded, _)| encoded)
    }

    /// Codes a sound, and gives what a decoder will make of it.
    ///
    /// # Errors
    /// As [`Self::encode_audio`].
    pub fn encode_audio_and_reconstruct(&self, audio: &Audio) -> Result<(Encoded, Audio), Error> {
        let (encoded, restored) = self.pool.run(|| self.audio(audio, true))?;
        Ok((encoded, restored.unwrap_or_else(|| audio.clone())))
    }

    /// The weights for a kind of signal, and what runs them.
    fn engine(&self, kind: Kind) -> Result<Engine, Error> {
        let weights = match self.options.weights.as_ref().filter(|weights| weights.config.kind == kind) {
            Some(weights) => weights.clone(),
            None if kind == Kind::Image => weights::image(self.options.picture.tune)?,
            None => weights::audio()?,
        };
        Ok(Engine::new(weights, self.options.backend.as_ref()))
    }
}
