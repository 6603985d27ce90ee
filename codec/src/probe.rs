//! What a file holds, from its first bytes.

use crate::config::Kind;
use crate::error::Error;
use crate::signal::{Color, SampleFormat};
use wavern_bitstream::{Header, Limits, WeightsId};

/// What a file holds, see [`probe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileInfo {
    /// A picture.
    #[non_exhaustive]
    Image {
        /// Pixels in a row, at least 1.
        width: u32,
        /// Rows, at least 1.
        height: u32,
        /// Which colour channels there are. Whether there is alpha is told only by the whole file.
        color: Color,
        /// Bits of a sample: 8 or 16.
        depth: u8,
        /// Quality level: anchors of the weights in steps of 1/64.
        level: u16,
        /// The weights that decode it.
        weights: WeightsId,
    },
    /// A sound. Its length is told only by the whole file.
    #[non_exhaustive]
    Audio {
        /// Frames per second, in hertz.
        sample_rate: u32,
        /// Channels, at least 1.
        channels: u32,
        /// How the samples were stored, and are to be stored again.
        format: SampleFormat,
        /// Whether samples come back bit for bit. Level and weights are zeros then.
        lossless: bool,
        /// Quality level of the first segment: anchors of the weights in steps of 1/64.
        level: u16,
        /// The weights that decode it.
        weights: WeightsId,
    },
}

impl FileInfo {
    /// Which kind of signal.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Image { .. } => Kind::Image,
            Self::Audio { .. } => Kind::Audio,
        }
    }

    /// The weights that decode the file.
    pub fn weights(&self) -> WeightsId {
        match *self {
            Self::Image { weights, .. } | Self::Audio { weights, .. } => weights,
        }
    }
}

/// Reads kind, size and weights of a file from its first bytes; 64 suffice. Nothing is decoded.
///
/// ```
/// # use wavern::{Color, EncodeOptions, Encoder, FileInfo, Image, Samples};
/// # let image = Image::new(64, 48, Color::Gray, Samples::U8(vec![128; 64 * 48]))?;
/// # let file = Encoder::new(EncodeOptions::new())?.encode_image(&image)?.bytes;
/// if let FileInfo::Image { width, height, .. } = wavern::probe(&file[..file.len().min(64)])? {
///     assert_eq!((width, height), (64, 48));
/// }
/// # Ok::<(), wavern::Error>(())
/// ```
///
/// # Errors
/// [`Error::Container`] if the bytes are not the beginning of a Wavern file, too few, of a later version of the format,
/// or beyond the default [`Limits`].
pub fn probe(bytes: &[u8]) -> Result<FileInfo, Error> {
    let header = Header::probe(bytes, &Limits::default())?.ok_or(wavern_bitstream::Error::Truncated {
        offset: bytes.len() as u64,
        what: "header",
        needed: 1,
        left: 0,
    })?;
    Ok(match header {
        Header::Image(image) => FileInfo::Image {
            width: image.width,
            height: image.height,
            color: image.color,
            depth: image.depth.bits(),
            level: image.level,
            weights: image.weights,
        },
        Header::Audio(audio) => FileInfo::Audio {
            sample_rate: audio.sample_rate,
            channels: audio.channels,
            format: audio.format,
            lossless: audio.lossless,
            level: audio.level,
            weights: audio.weights,
        },
    })
}
