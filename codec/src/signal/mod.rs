//! What goes into the encoder and comes out of the decoder: an [`Image`] or an [`Audio`], each with the [`Metadata`]
//! that travelled beside it. Shapes and lengths are checked once, on construction; a value of these types is
//! consistent from then on.

mod audio;
mod hidden;
mod image;
mod metadata;

pub use audio::Audio;
pub use image::{Image, Samples};
pub use metadata::Metadata;
pub use wavern_bitstream::{Color, SampleFormat};

/// Either kind of signal, as a decoder returns it.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// A picture.
    Image(Image),
    /// Sound.
    Audio(Audio),
}

impl From<Image> for Signal {
    fn from(image: Image) -> Self {
        Self::Image(image)
    }
}

impl From<Audio> for Signal {
    fn from(audio: Audio) -> Self {
        Self::Audio(audio)
    }
}

/// Why an [`Image`] or an [`Audio`] could not be made from the parts given.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// A picture without a pixel.
    #[error("image of {width}x{height} pixels (expected at least 1x1)")]
    EmptyImage {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The picture's sample count does not fit in memory addresses.
    #[error("image of {width}x{height} pixels is too large for this machine's address space")]
    ImageTooLarge {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A buffer does not have one sample for each pixel and channel.
    #[error("{what}: {have} samples (expected {expected} for {width}x{height} pixels)")]
    SampleCount {
        /// `colour` or `alpha`.
        what: &'static str,
        /// Samples given.
        have: usize,
        /// Samples the dimensions ask for.
        expected: usize,
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Alpha and colour are not of the same depth.
    #[error("alpha of {alpha} bits beside colour of {color} bits (expected the same depth)")]
    AlphaDepth {
        /// Bits of an alpha sample.
        alpha: u8,
        /// Bits of a colour sample.
        color: u8,
    },
    /// No channel, or too many.
    #[error("{have} audio channels (expected 1..={})", Audio::MAX_CHANNELS)]
    ChannelCount {
        /// Channels given.
        have: usize,
    },
    /// The channels are not of one length.
    #[error("audio channel {channel} has {have} samples (expected {expected}, as channel 0)")]
    ChannelLength {
        /// Which channel differs.
        channel: usize,
        /// Its length.
        have: usize,
        /// Length of channel 0.
        expected: usize,
    },
    /// No time scale, or one beyond anything that records sound.
    #[error("sample rate {have} Hz (expected 1..={})", Audio::MAX_SAMPLE_RATE)]
    SampleRate {
        /// Rate given.
        have: u32,
    },
    /// NaN or infinity where a sample should be.
    #[error("audio channel {channel}, sample {index} is {value} (expected a finite number)")]
    NotFinite {
        /// Which channel.
        channel: usize,
        /// Position in the channel.
        index: usize,
        /// What was there.
        value: f32,
    },
}
