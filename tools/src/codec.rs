//! The codec as the verbs use it: either kind of signal, and errors with an exit code.

use crate::error::{Error, Result};
use crate::explain::{explain, explain_container};
use crate::extension::Backend;
use crate::progress::Progress;
use std::path::PathBuf;
use std::sync::Arc;
use wavern::damage::Damage;
use wavern::internals::chunks;
use wavern::internals::engine::Transforms;
use wavern::internals::quality::Level;
use wavern::internals::weights;
use wavern::rows::{PictureInfo, ReadRows, WriteRows};
use wavern::search::{SearchReport, Watch};
use wavern::{
    Audio, Color, DecodeOptions, Decoder, Effort, EncodeOptions, Encoder, Image, Kind, Latents, Metadata,
    PictureOptions, Quality, SampleFormat, Signal, SoundOptions, Tune, View,
};
use wavern_bitstream::{ChunkCode, Container, Header, Limits};

/// How good or how large the result shall be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// 0..=100.
    Quality(f32),
    /// As it is.
    Lossless,
    /// As it is, if that takes no more bytes than a quality at which differences are hardly seen; for pictures only.
    Auto,
    /// No sample of a picture changes by more.
    MaxError(u16),
    /// Bits per second; for sound only.
    Bitrate(u32),
    /// A size or an error to meet; for pictures only.
    Picture(wavern::Target),
}

impl Target {
    /// Whether a picture is coded without transforms and their weights.
    pub(crate) fn is_lossless(self) -> bool {
        matches!(self, Self::Lossless | Self::MaxError(_))
    }
}

impl Default for Target {
    fn default() -> Self {
        Self::Quality(Quality::default().value())
    }
}

/// What only pictures or only sounds are coded with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Details {
    pub(crate) tune: Tune,
    /// Of tiles, in pixels.
    pub(crate) tile_side: Option<u32>,
    /// Sounds in segments of at most 20 ms.
    pub(crate) low_delay: bool,
}

/// A stream and the level it was coded at.
pub(crate) struct Stream {
    pub(crate) bytes: Vec<u8>,
    pub(crate) level: u16,
    pub(crate) search: SearchReport,
}

/// What runs the codec.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Engine {
    pub(crate) threads: Option<usize>,
    /// Whether an interrupt ends a search and not the process.
    pub(crate) keep_on_interrupt: bool,
    /// Whether long work shows how far it is.
    pub(crate) progress: bool,
    pub(crate) limits: Limits,
    /// Folders with weights.
    pub(crate) weights: &'static [PathBuf],
    /// Another engine for the float networks.
    pub(crate) backend: Option<&'static dyn Backend>,
}

impl Engine {
    /// The float networks of built-in weights, if not the codec's own.
    fn backend(&self, kind: Kind, tune: Tune) -> Result<Option<Arc<dyn Transforms>>> {
        let transforms = self.backend.map(|backend| backend.transforms(kind, tune));
        Ok(transforms.transpose().map_err(explain)?.flatten())
    }
}

/// Encodes a signal.
pub(crate) fn encode(
    signal: &Signal,
    target: Target,
    effort: Effort,
    details: Details,
    engine: Engine,
) -> Result<Stream> {
    let kind = if matches!(signal, Signal::Image(_)) { Kind::Image } else { Kind::Audio };
    let encoder = encoder(kind, target, effort, details, engine)?;
    let (bytes, level, search) = match signal {
        Signal::Image(image) => encoder.encode_image(image).map(|e| (e.bytes, e.level, e.search)),
        Signal::Audio(audio) => encoder.encode_audio(audio).map(|e| (e.bytes, e.level, e.search)),
    }
    .map_err(explain)?;
    Ok(Stream { bytes, level, search })
}

/// Encodes a picture row by row.
pub(crate) fn encode_rows(
    info: &PictureInfo,
    rows: &mut dyn ReadRows,
    target: Target,
    effort: Effort,
    details: Details,
    engine: Engine,
) -> Result<Stream> {
    let encoder = encoder(Kind::Image, target, effort, details, engine)?;
    let encoded = encoder.encode_rows(info, rows).map_err(explain)?;
    Ok(Stream { bytes: encoded.bytes, level: encoded.level, search: encoded.search })
}

/// An encoder of this kind of signal.
pub(crate) fn encoder(
    kind: Kind,
    target: Target,
    effort: Effort,
    details: Details,
    engine: Engine,
) -> Result<Encoder> {
    let Details { tune, tile_side, low_delay } = details;
    let mut picture = PictureOptions::new().tune(tune);
    if let Some(side) = tile_side {
        picture = picture.tile_side(side);
    }
    let watch = if engine.progress && effort.searches() {
        let progress = Progress::new();
        Watch::new(move |done| progress.set(done))
    } else {
        Watch::default()
    };
    if engine.keep_on_interrupt {
        crate::files::stop_only(watch.clone());
    }
    picture = picture.watch(watch);
    if low_delay && kind == Kind::Image {
        return Err(Error::usage("--low-delay is for sounds"));
    }
    let mut sound = SoundOptions::new().low_delay(low_delay);
    let mut options = EncodeOptions::new().effort(effort).limits(engine.limits);
    if let Some(threads) = engine.threads {
        options = options.threads(threads);
    }
    if let Some(backend) = engine.backend(kind, tune)? {
        options = options.backend(backend);
    }
    match target {
        Target::Quality(value) => {
            options = options.quality(Quality::new(value).map_err(explain)?);
        }
        Target::Lossless => options = options.lossless(true),
        Target::Auto => {
            return Err(Error::usage("--lossless=auto is for pictures (a sound takes --lossless)"));
        }
        Target::MaxError(_) if kind == Kind::Audio => {
            return Err(Error::usage(
                "--max-error is for pictures (a sound takes -q, --bitrate or --lossless)",
            ));
        }
        Target::MaxError(error) => picture = picture.max_error(error),
        Target::Bitrate(_) if kind == Kind::Image => {
            return Err(Error::usage(
                "--bitrate is for sounds (a picture takes -q, --target-size or --target-bpp)",
            ));
        }
        Target::Bitrate(bits) => sound = sound.bitrate(bits),
        Target::Picture(_) if kind == Kind::Audio => {
            return Err(Error::usage("target: applies to pictures only"));
        }
        Target::Picture(target) => picture = picture.target(target),
    }
    Encoder::new(options.picture(picture).sound(sound)).map_err(explain)
}

/// Decodes a stream.
pub(crate) fn decode(bytes: &[u8], engine: Engine) -> Result<Signal> {
    decoder(bytes, engine)?.decode(bytes).map_err(explain)
}

/// Decodes a picture, or a view of it.
pub(crate) fn decode_view(bytes: &[u8], view: View, engine: Engine) -> Result<Signal> {
    decoder(bytes, engine)?.decode_view(bytes, view).map(Signal::Image).map_err(explain)
}

/// Decodes a picture, or a view of it, row by row.
pub(crate) fn decode_rows(bytes: &[u8], view: View, engine: Engine, sink: &mut dyn WriteRows) -> Result<()> {
    decoder(bytes, engine)?.decode_rows(bytes, view, sink).map_err(explain)
}

/// The metadata of a stream that holds a picture without alpha.
pub(crate) fn metadata_of_plain_picture(bytes: &[u8], limits: Limits) -> Result<Option<Metadata>> {
    let container = Container::parse(bytes, &limits).map_err(explain_container)?;
    let plain = matches!(container.header(), Header::Image(_)) && container.alpha().is_none();
    Ok(plain.then(|| chunks::of_container(&container)))
}

/// What kind of signal a stream holds, by its first bytes; `None` if they are no header.
pub(crate) fn kind(head: &[u8]) -> Option<Kind> {
    let first = wavern_bitstream::describe(head).ok()?.next()?.ok()?;
    match first.code {
        ChunkCode::AUDIO_HEADER => Some(Kind::Audio),
        ChunkCode::IMAGE_HEADER => Some(Kind::Image),
        _ => None,
    }
}

/// What kind of signal a whole stream holds, by the copy of its header too. Without any it is taken as a picture, for
/// the errors of those to be told.
pub(crate) fn kind_of_damaged(bytes: &[u8], limits: Limits) -> Kind {
    let copied = || Container::parse_damaged(bytes, &limits).ok().map(|left| kind_of(left.header()));
    kind(bytes).or_else(copied).unwrap_or(Kind::Image)
}

/// What kind of signal a header is of.
fn kind_of(header: &Header) -> Kind {
    if matches!(header, Header::Image(_)) { Kind::Image } else { Kind::Audio }
}

/// What is left of a damaged picture, or of a view of it, and what is not.
pub(crate) fn decode_partial(bytes: &[u8], view: View, engine: Engine) -> Result<(Signal, Damage)> {
    let decoded = decoder(bytes, engine)?.decode_partial(bytes, view).map_err(explain);
    decoded.map(|(image, damage)| (Signal::Image(image), damage))
}

/// A decoder of sounds.
pub(crate) fn sound_decoder(engine: Engine) -> Result<Decoder> {
    decoder_of(Kind::Audio, Tune::default(), engine)
}

/// A decoder for a stream.
pub(crate) fn decoder(bytes: &[u8], engine: Engine) -> Result<Decoder> {
    let container = Container::parse_damaged(bytes, &engine.limits).map_err(explain_container)?;
    let kind = kind_of(container.header());
    let needed = container.header().weights();
    // Which weights are missing is for the decoder to say.
    let tune = weights::listed(kind).into_iter().find(|(id, _)| *id == needed).map(|(_, tune)| tune);
    decoder_of(kind, tune.unwrap_or_default(), engine)
}

/// A decoder for files of this kind.
fn decoder_of(kind: Kind, tune: Tune, engine: Engine) -> Result<Decoder> {
    let mut options = decode_options(engine);
    if let Some(backend) = engine.backend(kind, tune)? {
        options = options.backend(backend);
    }
    Decoder::new(options).map_err(explain)
}

fn decode_options(engine: Engine) -> DecodeOptions {
    let mut options = DecodeOptions::new().limits(engine.limits);
    for folder in engine.weights {
        options = options.weights_folder(folder);
    }
    if let Some(threads) = engine.threads {
        options = options.threads(threads);
    }
    options
}

/// Quantized latents of a stream: one entry for a picture, one for each group of channels of a sound.
pub(crate) fn latents(bytes: &[u8], engine: Engine) -> Result<Vec<Latents>> {
    Decoder::new(decode_options(engine)).and_then(|decoder| decoder.latents(bytes)).map_err(explain)
}

/// The quality 0..=100 that a level of a file stands for, if its weights are built-in ones.
pub(crate) fn quality(header: &Header, level: u16) -> Option<f64> {
    let (weights, _) = weights::named(kind_of(header), header.weights()).ok()??;
    let top = Level::top(weights.config().lambdas.len()).0;
    Some(100.0 * f64::from(level) / f64::from(top.max(1)))
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
    let alpha = if image.alpha().is_some() { " with alpha" } else { "" };
    describe_pixels(image.width(), image.height(), image.color(), alpha, image.depth())
}

/// [`describe`] of a picture whose rows come one after the other.
pub(crate) fn describe_rows(info: &PictureInfo) -> String {
    describe_pixels(info.width, info.height, info.color, "", info.depth)
}

fn describe_pixels(width: u32, height: u32, color: Color, alpha: &str, depth: u8) -> String {
    let color = format!("{color:?}").to_uppercase();
    format!("{width}x{height} pixels, {color}{alpha}, {depth} bits")
}

fn describe_audio(audio: &Audio) -> String {
    describe_sound(audio.sample_rate(), audio.channels().len(), audio.seconds(), audio.format())
}

/// `44100 Hz, 2 channels, 1.40 s, i16`.
pub(crate) fn describe_sound(rate: u32, channels: usize, seconds: f64, format: SampleFormat) -> String {
    let format = format!("{format:?}").to_lowercase();
    format!("{rate} Hz, {channels} channels, {seconds:.2} s, {format}")
}

/// Adds `bpp` or `kbps` to a JSON object.
pub(crate) fn add_rate(object: &mut serde_json::Value, rate: Rate) {
    match rate {
        Rate::BitsPerPixel(rate) => object["bpp"] = rate.into(),
        Rate::KilobitsPerSecond(rate) => object["kbps"] = rate.into(),
        Rate::NoTime => {}
    }
}
