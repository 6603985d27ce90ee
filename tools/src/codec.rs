//! The codec as the verbs use it: either kind of signal, and errors with an exit code.

use crate::error::{Error, ErrorKind, Result};
use std::sync::Arc;
use wavern::Transforms;
use wavern::network::Kind;
use wavern::signal::{Audio, Image, Signal};
use wavern::{DecodeOptions, Decoder, EncodeOptions, Encoder, Latents, Quality};
use wavern_bitstream::{Container, Header};

/// How good or how large the result shall be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// 0..=100.
    Quality(f32),
    /// Bits per second; for sound only.
    Bitrate(u32),
}

impl Default for Target {
    fn default() -> Self {
        Self::Quality(Quality::default().value())
    }
}

/// A stream and the level it was coded at.
pub(crate) struct Stream {
    pub(crate) bytes: Vec<u8>,
    pub(crate) level: u16,
}

/// What runs the codec.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Engine {
    pub(crate) threads: Option<usize>,
    #[cfg(feature = "torch")]
    pub(crate) backend: crate::torch::Args,
}

impl Engine {
    /// The float networks of the built-in weights for this kind, if not the codec's own.
    fn transforms(&self, kind: Kind) -> Result<Option<Arc<dyn Transforms>>> {
        #[cfg(feature = "torch")]
        return self.backend.transforms(kind).map_err(explain);
        #[cfg(not(feature = "torch"))]
        return Ok(Option::<Arc<dyn Transforms>>::None.filter(|_| kind == Kind::Image));
    }
}

/// Codes a signal.
pub(crate) fn encode(signal: &Signal, target: Target, engine: Engine) -> Result<Stream> {
    let kind = if matches!(signal, Signal::Image(_)) { Kind::Image } else { Kind::Audio };
    let transforms = engine.transforms(kind)?;
    let mut options = EncodeOptions { threads: engine.threads, transforms, ..EncodeOptions::default() };
    match target {
        Target::Quality(value) => {
            let wrong = |value| Error::usage(format!("quality {value} (expected 0..=100)"));
            options.quality = Quality::new(value).map_err(wrong)?;
        }
        Target::Bitrate(bits) => options.bitrate = Some(bits),
    }
    let encoder = Encoder::new(options).map_err(explain)?;
    let (bytes, level) = match signal {
        Signal::Image(image) => encoder.encode_image(image).map(|encoded| (encoded.bytes, encoded.level)),
        Signal::Audio(audio) => encoder.encode_audio(audio).map(|encoded| (encoded.bytes, encoded.level)),
    }
    .map_err(explain)?;
    Ok(Stream { bytes, level: level.0 })
}

/// Decodes a stream.
pub(crate) fn decode(bytes: &[u8], engine: Engine) -> Result<Signal> {
    let mut options = DecodeOptions { threads: engine.threads, ..DecodeOptions::default() };
    let container = Container::parse(bytes, &options.limits).map_err(explain_container)?;
    let kind = if matches!(container.header(), Header::Image(_)) { Kind::Image } else { Kind::Audio };
    options.transforms = engine.transforms(kind)?;
    Decoder::new(options).and_then(|decoder| decoder.decode(bytes)).map_err(explain)
}

/// Quantized latents of a stream: one entry for a picture, one for each group of channels of a sound.
pub(crate) fn latents(bytes: &[u8], threads: Option<usize>) -> Result<Vec<Latents>> {
    let options = DecodeOptions { threads, ..DecodeOptions::default() };
    Decoder::new(options).and_then(|decoder| decoder.latents(bytes)).map_err(explain)
}

/// The quality 0..=100 that a level stands for, if the weights are the built-in ones.
pub(crate) fn quality(header: &Header) -> Option<f64> {
    let weights = match header {
        Header::Image(_) => wavern::weights::image(),
        Header::Audio(_) => wavern::weights::audio(),
    };
    let weights = weights.ok().filter(|weights| weights.id == header.weights())?;
    let top = wavern::Level::top(weights.config.lambdas.len()).0;
    Some(100.0 * f64::from(header.level()) / f64::from(top.max(1)))
}

/// Bits of the stream per pixel, or thousands of bits per second: the rate people compare.
pub(crate) fn rate(signal: &Signal, bytes: usize) -> Rate {
    let bits = bytes as f64 * 8.0;
    match signal {
        Signal::Image(image) => Rate::BitsPerPixel(bits / image.pixels() as f64),
        Signal::Audio(audio) if audio.frames() == 0 => Rate::NoTime,
        Signal::Audio(audio) => Rate::KilobitsPerSecond(bits / audio.seconds() / 1000.0),
    }
}

/// See [`rate`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rate {
    BitsPerPixel(f64),
    KilobitsPerSecond(f64),
    /// A sound without samples has none.
    NoTime,
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BitsPerPixel(rate) => write!(f, "{rate:.3} bpp"),
            Self::KilobitsPerSecond(rate) => write!(f, "{rate:.1} kbit/s"),
            Self::NoTime => f.write_str("0 s"),
        }
    }
}

/// `384x256 pixels, RGB, 8 bits` or `44100 Hz, 2 channels, 1.40 s, i16`.
pub(crate) fn describe(signal: &Signal) -> String {
    match signal {
        Signal::Image(image) => describe_image(image),
        Signal::Audio(audio) => describe_audio(audio),
    }
}

fn describe_image(image: &Image) -> String {
    let color = format!("{:?}", image.color()).to_uppercase();
    let alpha = if image.alpha().is_some() { " with alpha" } else { "" };
    format!("{}x{} pixels, {color}{alpha}, {} bits", image.width(), image.height(), image.depth())
}

fn describe_audio(audio: &Audio) -> String {
    let format = format!("{:?}", audio.format()).to_lowercase();
    let channels = audio.channels().len();
    format!("{} Hz, {channels} channels, {:.2} s, {format}", audio.sample_rate(), audio.seconds())
}

/// Adds `bpp` or `kbps` to a JSON object.
pub(crate) fn add_rate(object: &mut serde_json::Value, rate: Rate) {
    match rate {
        Rate::BitsPerPixel(rate) => object["bpp"] = rate.into(),
        Rate::KilobitsPerSecond(rate) => object["kbps"] = rate.into(),
        Rate::NoTime => {}
    }
}

/// An error of the container, with its exit code.
pub(crate) fn explain_container(error: wavern_bitstream::Error) -> Error {
    use wavern_bitstream::Error as Container;
    let kind = match error {
        Container::Unsupported { .. } => ErrorKind::Unsupported,
        Container::Limit { .. } => ErrorKind::Limit,
        Container::Parameter { .. } => ErrorKind::Usage,
        _ => ErrorKind::Corrupt,
    };
    Error::new(kind, error)
}

/// An error of the codec, with its exit code.
fn explain(error: wavern::Error) -> Error {
    use wavern::Error as Codec;
    let kind = match error {
        Codec::Container(error) => return explain_container(error),
        Codec::Payload { .. } | Codec::Alpha(_) | Codec::Field { .. } => ErrorKind::Corrupt,
        Codec::WeightsMismatch { .. } | Codec::Weights(_) => ErrorKind::Weights,
        Codec::Option { .. } | Codec::Signal(_) => ErrorKind::Usage,
        Codec::Backend(_) => ErrorKind::Device,
        _ => ErrorKind::Failed,
    };
    Error::new(kind, error)
}
