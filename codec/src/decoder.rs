//! File → signal. Each step has its mirror in `encoder.rs`.

use crate::error::Error;
use crate::latent::{self, Latents};
use crate::network::Kind;
use crate::prior::Symbols;
use crate::quality::Level;
use crate::signal::{Audio, Image, Metadata, SampleFormat, Signal};
use crate::transforms::{self, Transforms};
use crate::weights::{self, Weights};
use crate::{alpha, picture, sound, threads};
use rayon::prelude::*;
use std::sync::Arc;
use wavern_bitstream::{AudioHeader, Container, Header, ImageHeader, Limits, SampleFormat as FileFormat};

/// Options of a [`Decoder`]. The default is all cores, default limits, built-in weights.
#[derive(Clone, Debug, Default)]
pub struct DecodeOptions {
    /// Worker threads; `None` is one per core.
    pub threads: Option<usize>,
    /// Bounds on what is read.
    pub limits: Limits,
    /// Other weights than the built-in ones, for files that name them.
    pub weights: Option<Arc<Weights>>,
    /// Another engine for the float networks of the weights it was made for; others run on the plain one.
    pub transforms: Option<Arc<dyn Transforms>>,
}

/// Decodes pictures and sounds.
#[derive(Debug)]
pub struct Decoder {
    options: DecodeOptions,
    pool: threads::Pool,
}

impl Decoder {
    /// # Errors
    /// [`Error::Option`] if an option is out of range.
    pub fn new(options: DecodeOptions) -> Result<Self, Error> {
        Ok(Self { pool: threads::Pool::new(options.threads)?, options })
    }

    /// Decodes a file.
    ///
    /// # Errors
    /// [`Error`] if the file is damaged, beyond a limit, or needs other weights.
    pub fn decode(&self, bytes: &[u8]) -> Result<Signal, Error> {
        self.pool.run(|| {
            let container = Container::parse(bytes, &self.options.limits)?;
            let weights = self.weights(container.header())?;
            let transforms = transforms::engine(&weights, self.options.transforms.as_ref());
            let latents = read_latents(&container, &weights)?;
            let metadata = metadata_of(&container);
            match *container.header() {
                Header::Image(header) => {
                    let image = restore_image(&header, &latents[0].y, &weights, &*transforms)?;
                    let image = match container.alpha() {
                        Some(payload) => {
                            let depth = image.depth();
                            image.with_alpha(alpha::read(payload, header.width, header.height, depth)?)?
                        }
                        None => image,
                    };
                    Ok(Signal::Image(image.with_metadata(metadata)))
                }
                Header::Audio(header) => {
                    let y: Vec<_> = latents.iter().map(|l| &l.y).collect();
                    let audio = restore_audio(&header, &y, &weights, &*transforms)?;
                    Ok(Signal::Audio(audio.with_metadata(metadata)))
                }
            }
        })
    }

    /// The quantized latents of a file, without the synthesis: one entry for a picture, one per group of channels for
    /// sound. Learning in the compressed domain starts here.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn latents(&self, bytes: &[u8]) -> Result<Vec<Latents>, Error> {
        self.pool.run(|| {
            let container = Container::parse(bytes, &self.options.limits)?;
            let weights = self.weights(container.header())?;
            read_latents(&container, &weights)
        })
    }

    /// The weights that a file names.
    fn weights(&self, header: &Header) -> Result<Arc<Weights>, Error> {
        let needed = header.weights();
        let kind = match header {
            Header::Image(_) => Kind::Image,
            Header::Audio(_) => Kind::Audio,
        };
        let fits = |w: &&Arc<Weights>| w.id == needed && w.config.kind == kind;
        if let Some(weights) = self.options.weights.as_ref().filter(fits) {
            return Ok(weights.clone());
        }
        let weights = match kind {
            Kind::Image => weights::image()?,
            Kind::Audio => weights::audio()?,
        };
        if fits(&&weights) {
            Ok(weights)
        } else {
            Err(Error::WeightsMismatch { needed, have: weights.id, kind })
        }
    }
}

/// Decodes every tile or segment and puts them together.
fn read_latents(container: &Container<'_>, weights: &Weights) -> Result<Vec<Latents>, Error> {
    let config = &weights.config;
    let level = Level(container.header().level());
    let top = Level::top(config.lambdas.len());
    if level > top {
        let expected = format!("0..={}", top.0);
        return Err(Error::Field { field: "quality level", value: level.0.into(), expected });
    }
    let (groups, windows, unit, [rows, columns]) = match container.header() {
        Header::Image(header) => {
            picture::check_tiles(header, config)?;
            let windows: Vec<[usize; 4]> = (0..header.tile_count())
                .filter_map(|index| header.tile_rect(index))
                .map(|tile| picture::latent_window(tile, config))
                .collect();
            let [v, u] = config.signal_stride();
            let size = [(header.height as usize).div_ceil(v), (header.width as usize).div_ceil(u)];
            (1, windows, "tile", size)
        }
        Header::Audio(header) => {
            sound::check_segments(header, config)?;
            let windows: Vec<[usize; 4]> = (0..header.segment_count() as usize)
                .map(|index| sound::latent_window(header, index, config))
                .map(|[first, count]| [0, first, 1, count])
                .collect();
            let size = [1, (header.frames as usize).div_ceil(config.signal_stride()[1])];
            (sound::groups(header.channels as usize).len(), windows, "segment", size)
        }
    };
    let [v, u] = config.hyper_stride();
    let decoded: Vec<Vec<Latents>> = windows
        .par_iter()
        .enumerate()
        .map(|(index, window)| {
            let payload = container.tile(index)?;
            decode_window(payload, *window, level, weights, groups).map_err(|source| Error::Payload {
                unit,
                index,
                source,
            })
        })
        .collect::<Result<_, Error>>()?;
    let whole = |rows: usize, columns: usize, channels: usize| Symbols::zeros([rows, columns, channels]);
    let mut all: Vec<Latents> = (0..groups)
        .map(|_| Latents {
            y: whole(rows, columns, config.latents()),
            z: whole(rows.div_ceil(v), columns.div_ceil(u), config.hyper_latents()),
        })
        .collect();
    for ([row, column, ..], parts) in windows.iter().zip(&decoded) {
        for (whole, part) in all.iter_mut().zip(parts) {
            whole.y.set_window(*row, *column, &part.y);
            whole.z.set_window(row / v, column / u, &part.z);
        }
    }
    Ok(all)
}

/// Undoes the encoder's `code_window`.
fn decode_window(
    payload: &[u8],
    [_, _, rows, columns]: [usize; 4],
    level: Level,
    weights: &Weights,
    groups: usize,
) -> Result<Vec<Latents>, wavern_entropy::Error> {
    let config = &weights.config;
    let [v, u] = config.hyper_stride();
    let mut coder = wavern_entropy::Decoder::new(payload)?;
    let mut parts = Vec::with_capacity(groups);
    for _ in 0..groups {
        let mut y = Symbols::zeros([rows, columns, config.latents()]);
        let mut z = Symbols::zeros([rows.div_ceil(v), columns.div_ceil(u), config.hyper_latents()]);
        weights.prior.code(level, &mut z, &mut y, &mut coder)?;
        parts.push(Latents { y, z });
    }
    coder.finish()?;
    Ok(parts)
}

/// ŷ → picture, without alpha and metadata.
///
/// # Errors
/// Those of the backend.
pub fn restore_image(
    header: &ImageHeader,
    y: &Symbols,
    weights: &Weights,
    transforms: &dyn Transforms,
) -> Result<Image, Error> {
    let level = Level(header.level);
    let packets = transforms.synthesis(latent::dequantize(y, level, weights), level)?;
    picture::from_packets(&packets, header, &weights.config)
}

/// ŷ of every group of channels → sound, without metadata.
///
/// # Errors
/// Those of the backend.
pub fn restore_audio(
    header: &AudioHeader,
    groups: &[&Symbols],
    weights: &Weights,
    transforms: &dyn Transforms,
) -> Result<Audio, Error> {
    let level = Level(header.level);
    let mut channels = Vec::new();
    for (range, y) in sound::groups(header.channels as usize).iter().zip(groups) {
        let packets = transforms.synthesis(latent::dequantize(y, level, weights), level)?;
        channels.extend(sound::from_packets(&packets, range.len(), header.frames as usize, &weights.config));
    }
    let format = match header.format {
        FileFormat::U8 => SampleFormat::U8,
        FileFormat::I16 => SampleFormat::I16,
        FileFormat::I24 => SampleFormat::I24,
        FileFormat::I32 => SampleFormat::I32,
        FileFormat::F32 => SampleFormat::F32,
        FileFormat::F64 => SampleFormat::F64,
    };
    Ok(Audio::new(header.sample_rate, format, channels)?)
}

fn metadata_of(container: &Container<'_>) -> Metadata {
    let metadata = container.metadata();
    Metadata {
        icc: metadata.icc().map(<[u8]>::to_vec),
        exif: metadata.exif().map(<[u8]>::to_vec),
        xmp: metadata.xmp().map(<[u8]>::to_vec),
        riff: metadata.riff().map(<[u8]>::to_vec).collect(),
    }
}
