//! What can be asked for: the JSON heads of requests.

use serde::Deserialize;

/// A request. What its body holds is said with each.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase")]
pub enum Request {
    /// Keeps weights for later requests. Body: a weight file.
    Weights,
    /// What a file holds. Body: its first bytes; 64 suffice.
    Probe,
    /// A picture or a sound from a file. Body: the file.
    Decode(Decode),
    /// A file from a picture. Body: RGBA, 8 bits each, `[height, width, 4]`, then the metadata.
    EncodeImage(EncodeImage),
    /// A file from a sound. Body: little-endian f32, `[channels, frames]`, full scale at ±1.
    EncodeAudio(EncodeAudio),
    /// The quantized latents of a file. Body: the file.
    Latents {
        /// Bounds on what is read.
        #[serde(default)]
        limits: Limits,
    },
}

/// How to decode.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Decode {
    /// The kind that is wanted; either without it.
    pub kind: Option<Kind>,
    /// How pixels come.
    pub form: Form,
    /// Whether to decode what is left of a damaged file.
    pub partial: bool,
    /// Only these pixels: x, y, width, height.
    pub region: Option<[u32; 4]>,
    /// 1, 2, 4 or 8: how much smaller.
    pub scale: Option<u32>,
    /// Bounds on what is read.
    pub limits: Limits,
}

/// Which kind of signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A picture.
    Image,
    /// A sound.
    Audio,
}

impl From<Kind> for wavern::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Image => Self::Image,
            Kind::Audio => Self::Audio,
        }
    }
}

/// How pixels come out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// RGBA, 8 bits each, whatever the file has.
    #[default]
    Rgba,
    /// The samples of the file, interleaved, little endian; alpha is behind them in the reply.
    Samples,
}

/// Bounds on what a file may ask for. Without them those of the library hold.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Limits {
    /// Pixels of a picture.
    pub pixels: Option<u64>,
    /// Bytes of memory that are set aside for what a file declares.
    pub memory: Option<u64>,
}

/// How to code a picture. Of quality and the three targets one is given.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EncodeImage {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 0 to 100.
    pub quality: Option<f32>,
    /// At most this many bytes.
    pub bytes: Option<u64>,
    /// At most this many bits per pixel.
    pub bits_per_pixel: Option<f64>,
    /// At least this PSNR, in dB.
    pub psnr: Option<f64>,
    /// How long to search, 1 to 9.
    pub effort: Option<u8>,
    /// What the weights were trained for.
    #[serde(default)]
    pub tune: Tune,
    /// The id of the weights, also without loss.
    pub weights: Option<String>,
    /// Every sample comes back as it was.
    #[serde(default)]
    pub lossless: bool,
    /// Sides of tiles, in pixels.
    pub tile_side: Option<u32>,
    /// Metadata: name (`icc`, `exif` or `xmp`) and length, in the order in which they follow the pixels.
    #[serde(default)]
    pub metadata: Vec<(String, usize)>,
}

/// What weights were trained for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Tune {
    /// The smallest squared error.
    #[default]
    Psnr,
    /// The eye.
    Visual,
    /// A fast decoder.
    Fast,
}

/// How to code a sound.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EncodeAudio {
    /// Frames per second.
    pub sample_rate: u32,
    /// Channels in the body.
    pub channels: usize,
    /// How the samples were stored: `u8`, `i16`, `i24`, `i32`, `f32` or `f64`. Without it, the smallest of `i16`,
    /// `i24` and `f32` that holds them all.
    pub format: Option<String>,
    /// The id of the weights; not needed without loss.
    pub weights: Option<String>,
    /// 0 to 100.
    pub quality: Option<f32>,
    /// Bits per second of the whole file, in place of a quality.
    pub bitrate: Option<u32>,
    /// How long to search, 1 to 9.
    pub effort: Option<u8>,
    /// Every sample comes back as it was.
    #[serde(default)]
    pub lossless: bool,
}
