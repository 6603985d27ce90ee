//! Signal → file: options, and what [`picture`] and [`sound`] share. Each step has its mirror in `decoder`.

mod picture;
mod rate;
mod search;
mod sound;
mod sound_writer;

pub use search::{SearchReport, Target};
pub use sound_writer::{SoundSummary, SoundWriter};

use crate::effort::{self, Choice, Effort, Watch, decide};
use crate::error::Error;
use crate::kernel;
use crate::latent::Latents;
use crate::network::Kind;
use crate::quality::{Level, Quality};
use crate::rows::{PictureInfo, ReadRows};
use crate::signal::{Audio, Image, Metadata};
use crate::threads;
use crate::transforms::{self, Transforms};
use crate::weights::{self, Tune, Weights};
use rayon::prelude::*;
use std::sync::Arc;
use wavern_bitstream::{ChunkCode, ContainerBuilder, Limits};

/// Options of an [`Encoder`]. The default is quality 60, all cores, built-in weights.
#[derive(Clone, Debug, Default)]
pub struct EncodeOptions {
    /// Where on the scale from the smallest file (0) to the best signal (100).
    pub quality: Quality,
    /// Pictures only: which of the built-in weights.
    pub tune: Tune,
    /// How long to search for better symbols; the decoder and its time stay the same.
    pub effort: Effort,
    /// Pictures only: a size or an error to meet; the quality is searched for.
    pub target: Option<Target>,
    /// Sound only: bits per second of the whole file; the quality is searched for. The result is close to this if there are
    /// levels for it, and not above it but for sounds that are too short. A sound longer than most of a minute may change its
    /// level on the way, and may end a few parts in 10,000 above.
    pub bitrate: Option<u32>,
    /// Worker threads; `None` is one per core. The bytes do not depend on it.
    pub threads: Option<usize>,
    /// Looks on while symbols are searched, and may end it.
    pub watch: Watch,
    /// Also decode, to return the signal as the receiver will have it.
    pub reconstruct: bool,
    /// Bounds on what is written.
    pub limits: Limits,
    /// Other weights than the built-in ones, for the kind they code.
    pub weights: Option<Arc<Weights>>,
    /// Another engine for the float networks of the weights it was made for; others run on the plain one.
    pub transforms: Option<Arc<dyn Transforms>>,
}

/// A coded signal.
#[derive(Debug)]
pub struct Encoded<S> {
    /// The file.
    pub bytes: Vec<u8>,
    /// What a decoder will make of it, if [`EncodeOptions::reconstruct`] was set.
    pub reconstruction: Option<S>,
    /// The quality level in the file's header.
    pub level: Level,
    /// What the search for symbols or for a target did; zeros if there was none.
    pub search: SearchReport,
    /// The quantized latents: one entry for a picture, one per group of channels for sound.
    pub latents: Vec<Latents>,
}

/// Codes pictures and sounds.
#[derive(Debug)]
pub struct Encoder {
    options: EncodeOptions,
    pool: threads::Pool,
}

impl Encoder {
    /// # Errors
    /// [`Error::Option`] if an option is out of range.
    pub fn new(options: EncodeOptions) -> Result<Self, Error> {
        if options.bitrate == Some(0) {
            return Err(Error::Option { option: "bitrate", problem: "0 bit/s (expected at least 1)".into() });
        }
        Ok(Self { pool: threads::Pool::new(options.threads)?, options })
    }

    /// Codes a picture.
    ///
    /// # Errors
    /// [`Error`] if the picture is beyond the limits or the engine fails.
    pub fn encode_image(&self, image: &Image) -> Result<Encoded<Image>, Error> {
        if self.options.bitrate.is_some() {
            let problem = "applies to sound only; choose a quality for a picture".into();
            return Err(Error::Option { option: "bitrate", problem });
        }
        self.pool.run(|| self.image(image))
    }

    /// Codes a picture whose rows come one after the other: memory grows with the width of the picture, not with its
    /// height (but for the file itself, which is written as one, and an alpha plane, which comes whole). The file is that of
    /// [`Self::encode_image`]; there is neither a reconstruction nor are there latents beside it.
    ///
    /// # Errors
    /// As [`Self::encode_image`], and [`Error::Rows`] from `source`.
    pub fn encode_rows(
        &self,
        picture: &PictureInfo,
        source: &mut dyn ReadRows,
    ) -> Result<Encoded<Image>, Error> {
        self.pool.run(|| self.rows(picture, source))
    }

    /// Codes a sound.
    ///
    /// # Errors
    /// [`Error`] if the sound is beyond the limits or the engine fails.
    pub fn encode_audio(&self, audio: &Audio) -> Result<Encoded<Audio>, Error> {
        self.check_sound()?;
        self.pool.run(|| self.audio(audio))
    }

    /// Options that sound does not have.
    fn check_sound(&self) -> Result<(), Error> {
        let only = |option| Err(Error::Option { option, problem: "applies to pictures only".into() });
        match self.options {
            EncodeOptions { target: Some(_), .. } => only("target"),
            _ => Ok(()),
        }
    }
}

/// The weights and the engine in use.
struct Model {
    weights: Arc<Weights>,
    transforms: Arc<dyn Transforms>,
}

impl Model {
    fn choose(options: &EncodeOptions, kind: Kind) -> Result<Self, Error> {
        let weights = match options.weights.as_ref().filter(|weights| weights.config.kind == kind) {
            Some(weights) => weights.clone(),
            None if kind == Kind::Image => weights::image(options.tune)?,
            None => weights::audio()?,
        };
        let transforms = transforms::engine(&weights, options.transforms.as_ref());
        Ok(Self { weights, transforms })
    }
}

/// Codes every window (row, column, rows, columns of ŷ) of all groups of channels, each as one payload, and fills in the
/// residuals that the prior gives on the way.
fn code_windows(
    windows: &[[usize; 4]],
    level: Level,
    weights: &Weights,
    groups: &mut [Latents],
) -> Result<Vec<Vec<u8>>, Error> {
    let stride = weights.config.hyper_stride();
    let coded: Vec<(Vec<u8>, Vec<Latents>)> = windows
        .par_iter()
        .map(|&window| {
            let mut parts: Vec<Latents> = groups.iter().map(|whole| whole.window(window, stride)).collect();
            Ok((code_window(&mut parts, level, weights)?, parts))
        })
        .collect::<Result<_, Error>>()?;
    let mut payloads = Vec::with_capacity(coded.len());
    for ([row, column, ..], (payload, parts)) in windows.iter().zip(coded) {
        payloads.push(payload);
        for (whole, part) in groups.iter_mut().zip(&parts) {
            whole.residual.set_window(*row, *column, &part.residual);
        }
    }
    Ok(payloads)
}

/// The payload of one tile or segment: a check value of the symbols, then the stream, all groups after each other.
fn code_window(parts: &mut [Latents], level: Level, weights: &Weights) -> Result<Vec<u8>, Error> {
    let mut coder = coder()?;
    for latents in parts.iter_mut() {
        weights.prior.code(level, latents, &mut coder).map_err(Error::Entropy)?;
    }
    Ok(payload(coder, parts))
}

/// As [`code_windows`], for the latents of a picture whose symbols are chosen as they are coded.
fn choose_windows(
    windows: &[[usize; 4]],
    choice: &Choice,
    level: Level,
    weights: &Weights,
    latents: &mut Latents,
) -> Result<(effort::Found, Vec<Vec<u8>>), Error> {
    let stride = weights.config.hyper_stride();
    let coded: Vec<(Vec<u8>, Latents, f64)> = windows
        .par_iter()
        .map(|&window| {
            let mut tile = latents.window(window, stride);
            let model = choice.model(window);
            let symbols = tile.y.data_mut().iter_mut().zip(model.anchor.data());
            symbols.for_each(|(symbol, y)| *symbol = y.round() as i32);
            let mut coder = decide::Choosing::new(&model, coder()?);
            weights.prior.code(level, &mut tile, &mut coder).map_err(Error::Entropy)?;
            let (coder, bits) = coder.into_parts();
            Ok((payload(coder, std::slice::from_ref(&tile)), tile, bits))
        })
        .collect::<Result<_, Error>>()?;
    let mut found = effort::Found { rounds: choice.rounds, bits: 0.0 };
    let mut payloads = Vec::with_capacity(coded.len());
    for ([row, column, ..], (payload, tile, bits)) in windows.iter().zip(coded) {
        payloads.push(payload);
        found.bits += bits;
        latents.set_window([*row, *column], stride, &tile);
    }
    Ok((found, payloads))
}

fn coder() -> Result<wavern_entropy::Encoder, Error> {
    wavern_entropy::Encoder::with_path(kernel::Path::best().entropy()).map_err(Error::Entropy)
}

fn payload(coder: wavern_entropy::Encoder, parts: &[Latents]) -> Vec<u8> {
    let mut payload = coder.finish();
    payload.splice(0..0, Latents::check(parts).to_le_bytes());
    payload
}

/// Metadata as chunks of a file.
fn chunks_of(metadata: &Metadata) -> impl Iterator<Item = (ChunkCode, &[u8])> {
    let single =
        [(ChunkCode::ICC, &metadata.icc), (ChunkCode::EXIF, &metadata.exif), (ChunkCode::XMP, &metadata.xmp)];
    let single = single.into_iter().filter_map(|(code, block)| Some((code, block.as_deref()?)));
    single.chain(metadata.riff.iter().map(|block| (ChunkCode::RIFF, &block[..])))
}

fn with_metadata<'a>(builder: ContainerBuilder<'a>, metadata: &'a Metadata) -> ContainerBuilder<'a> {
    chunks_of(metadata).fold(builder, |builder, (code, block)| builder.metadata(code, block))
}
