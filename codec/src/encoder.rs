//! Signal → file. Each step has its mirror in `decoder.rs`.

use crate::error::Error;
use crate::latent::{self, Latents};
use crate::network::{Kind, Tensor};
use crate::quality::{Level, Quality};
use crate::signal::{Audio, Color, Image, Metadata, SampleFormat};
use crate::transforms::{self, Transforms};
use crate::weights::{self, Weights};
use crate::{alpha, decoder, picture, sound, threads};
use rayon::prelude::*;
use std::sync::Arc;
use wavern_bitstream::{
    AudioHeader, BitDepth, ChunkCode, Colour, ContainerBuilder, Header, ImageHeader, Limits,
    SampleFormat as FileFormat,
};

/// Options of an [`Encoder`]. The default is quality 60, all cores, built-in weights.
#[derive(Clone, Debug, Default)]
pub struct EncodeOptions {
    /// Where on the scale from the smallest file (0) to the best signal (100).
    pub quality: Quality,
    /// Sound only: bits per second of the whole file; the quality is searched for. The result is at most this, as
    /// close as the levels allow, or the lowest level if even that needs more.
    pub bitrate: Option<u32>,
    /// Worker threads; `None` is one per core. The bytes do not depend on it.
    pub threads: Option<usize>,
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

    /// Codes a sound.
    ///
    /// # Errors
    /// [`Error`] if the sound is beyond the limits or the engine fails.
    pub fn encode_audio(&self, audio: &Audio) -> Result<Encoded<Audio>, Error> {
        self.pool.run(|| self.audio(audio))
    }

    fn image(&self, image: &Image) -> Result<Encoded<Image>, Error> {
        let model = Model::choose(&self.options, Kind::Image)?;
        let weights = &*model.weights;
        let level = self.options.quality.level(weights.config.lambdas.len());
        let header = ImageHeader {
            level: level.0,
            colour: if image.color() == Color::Gray { Colour::Gray } else { Colour::Rgb },
            depth: if image.depth() == 8 { BitDepth::Eight } else { BitDepth::Sixteen },
            tile_log2: picture::tile_log2(image.width(), image.height()),
            width: image.width(),
            height: image.height(),
            weights: weights.id,
        };
        let y = model.transforms.analysis(picture::to_packets(image, &weights.config))?;
        let latents = latent::quantize(&y, level, weights, &*model.transforms)?;
        let tiles: Vec<Vec<u8>> = (0..header.tile_count())
            .into_par_iter()
            .filter_map(|index| header.tile_rect(index))
            .map(|tile| {
                code_window(picture::latent_window(tile, &weights.config), level, weights, &[&latents])
            })
            .collect::<Result<_, _>>()?;
        let mut builder = ContainerBuilder::new(Header::Image(header));
        builder = with_metadata(builder, image.metadata());
        if let Some(plane) = image.alpha() {
            builder = builder.alpha(alpha::write(plane, image.width(), image.height())?);
        }
        let bytes = builder.tiles(tiles).build(&self.options.limits)?;
        let reconstruction = if self.options.reconstruct {
            let restored = decoder::restore_image(&header, &latents.y, weights, &*model.transforms)?;
            let restored = match image.alpha() {
                Some(plane) => restored.with_alpha(plane.clone())?,
                None => restored,
            };
            Some(restored.with_metadata(image.metadata().clone()))
        } else {
            None
        };
        Ok(Encoded { bytes, reconstruction, level, latents: vec![latents] })
    }

    fn audio(&self, audio: &Audio) -> Result<Encoded<Audio>, Error> {
        let model = Model::choose(&self.options, Kind::Audio)?;
        let weights = &*model.weights;
        let groups = sound::groups(audio.channels().len());
        let analysed: Vec<Tensor> = groups
            .iter()
            .map(|group| {
                model
                    .transforms
                    .analysis(sound::to_packets(&audio.channels()[group.clone()], &weights.config))
            })
            .collect::<Result<_, _>>()?;
        let anchors = weights.config.lambdas.len();
        let attempt = |level: Level| self.audio_at(audio, &analysed, level, &model);
        let (bytes, latents, header) = match self.options.bitrate {
            Some(bitrate) if audio.frames() > 0 => {
                let budget = (f64::from(bitrate) / 8.0 * audio.seconds()) as usize;
                largest_that_fits(Level::top(anchors), budget, attempt)?
            }
            _ => attempt(self.options.quality.level(anchors))?,
        };
        let reconstruction = if self.options.reconstruct {
            let y: Vec<_> = latents.iter().map(|l| &l.y).collect();
            let restored = decoder::restore_audio(&header, &y, weights, &*model.transforms)?;
            Some(restored.with_metadata(audio.metadata().clone()))
        } else {
            None
        };
        Ok(Encoded { bytes, reconstruction, level: Level(header.level), latents })
    }

    fn audio_at(
        &self,
        audio: &Audio,
        analysed: &[Tensor],
        level: Level,
        model: &Model,
    ) -> Result<(Vec<u8>, Vec<Latents>, AudioHeader), Error> {
        let weights = &*model.weights;
        let header = AudioHeader {
            level: level.0,
            format: file_format(audio.format()),
            sample_rate: audio.sample_rate(),
            channels: audio.channels().len() as u32,
            frames: audio.frames() as u64,
            segment_frames: sound::segment_frames(audio.sample_rate(), &weights.config),
            weights: weights.id,
        };
        let latents: Vec<Latents> = analysed
            .iter()
            .map(|y| latent::quantize(y, level, weights, &*model.transforms))
            .collect::<Result<_, _>>()?;
        let all: Vec<&Latents> = latents.iter().collect();
        let segments: Vec<Vec<u8>> = (0..header.segment_count() as usize)
            .into_par_iter()
            .map(|index| {
                let [first, count] = sound::latent_window(&header, index, &weights.config);
                code_window([0, first, 1, count], level, weights, &all)
            })
            .collect::<Result<_, _>>()?;
        let builder = with_metadata(ContainerBuilder::new(Header::Audio(header)), audio.metadata());
        Ok((builder.tiles(segments).build(&self.options.limits)?, latents, header))
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
            None if kind == Kind::Image => weights::image()?,
            None => weights::audio()?,
        };
        let transforms = transforms::engine(&weights, options.transforms.as_ref());
        Ok(Self { weights, transforms })
    }
}

/// The payload of one tile or segment: rows, columns of the latents from (row, column), all groups after each other.
fn code_window(
    [row, column, rows, columns]: [usize; 4],
    level: Level,
    weights: &Weights,
    groups: &[&Latents],
) -> Result<Vec<u8>, Error> {
    let [v, u] = weights.config.hyper_stride();
    let mut coder = wavern_entropy::Encoder::new();
    for latents in groups {
        let mut y = latents.y.window(row, column, rows, columns);
        let mut z = latents.z.window(row / v, column / u, rows.div_ceil(v), columns.div_ceil(u));
        let coded = weights.prior.code(level, &mut z, &mut y, &mut coder);
        coded.map_err(Error::Entropy)?;
    }
    Ok(coder.finish())
}

/// The highest level whose file has at most `budget` bytes, by bisection; the lowest level if none has.
fn largest_that_fits<T>(
    top: Level,
    budget: usize,
    attempt: impl Fn(Level) -> Result<(Vec<u8>, T, AudioHeader), Error>,
) -> Result<(Vec<u8>, T, AudioHeader), Error> {
    let (mut low, mut high) = (0, top.0 + 1);
    let mut best = attempt(Level(low))?;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let tried = attempt(Level(middle))?;
        if tried.0.len() <= budget {
            low = middle;
            best = tried;
        } else {
            high = middle;
        }
    }
    Ok(best)
}

fn with_metadata<'a>(builder: ContainerBuilder<'a>, metadata: &'a Metadata) -> ContainerBuilder<'a> {
    let single =
        [(ChunkCode::ICC, &metadata.icc), (ChunkCode::EXIF, &metadata.exif), (ChunkCode::XMP, &metadata.xmp)];
    let single = single.into_iter().filter_map(|(code, block)| Some((code, block.as_ref()?)));
    let riff = metadata.riff.iter().map(|block| (ChunkCode::RIFF, block));
    single.chain(riff).fold(builder, |builder, (code, block)| builder.metadata(code, &block[..]))
}

fn file_format(format: SampleFormat) -> FileFormat {
    match format {
        SampleFormat::U8 => FileFormat::U8,
        SampleFormat::I16 => FileFormat::I16,
        SampleFormat::I24 => FileFormat::I24,
        SampleFormat::I32 => FileFormat::I32,
        SampleFormat::F32 => FileFormat::F32,
        SampleFormat::F64 => FileFormat::F64,
    }
}
