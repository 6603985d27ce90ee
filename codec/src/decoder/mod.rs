//! File → signal: options, and what [`picture`] and [`sound`] share. Each step has its mirror in `encoder`.

mod damage;
mod picture;
mod sound;
mod sound_reader;

pub use damage::{Damage, DamagedTile};
pub use sound_reader::SoundReader;

pub(crate) use picture::restore_image;
pub(crate) use sound::{joined, restore_audio};

use crate::error::Error;
use crate::kernel;
use crate::latent::Latents;
use crate::network::{Kind, ModelConfig};
use crate::quality::Level;
use crate::rows::{ImageSink, View, WriteRows};
use crate::signal::{Image, Metadata, Signal};
use crate::threads;
use crate::transforms::{self, Transforms};
use crate::weights::{self, Weights};
use rayon::prelude::*;
use std::sync::Arc;
use wavern_bitstream::{Container, Header, Limits};

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
            match *container.header() {
                Header::Image(header) => {
                    let given = transforms::given(&weights, self.options.transforms.as_ref());
                    let given = given.map(|given| &**given);
                    let (header, view) = (&header, View::default());
                    let job = picture::Job { container: &container, header, weights: &weights, given, view };
                    job.decode(&self.options.limits).map(Signal::Image)
                }
                Header::Audio(_) => sound::decode(self, bytes).map(Signal::Audio),
            }
        })
    }

    /// Decodes a picture, or a view of it, row by row: memory grows with the width of the picture, not with its height
    /// (but for an alpha plane, which comes whole).
    ///
    /// # Errors
    /// [`Error`] as from [`Self::decode`]; [`Error::Rows`] from `sink`; [`Error::Option`] if the view is not inside the
    /// picture, or the file holds a sound.
    pub fn decode_rows(&self, bytes: &[u8], view: View, sink: &mut dyn WriteRows) -> Result<(), Error> {
        self.pool.run(|| {
            let container = Container::parse(bytes, &self.options.limits)?;
            let Header::Image(header) = *container.header() else { return Err(no_picture()) };
            let weights = self.weights(container.header())?;
            let given = transforms::given(&weights, self.options.transforms.as_ref()).map(|given| &**given);
            let job = picture::Job { container: &container, header: &header, weights: &weights, given, view };
            job.decode_rows(&self.options.limits, sink, None)
        })
    }

    /// Decodes a picture, or a view of it.
    ///
    /// # Errors
    /// As [`Self::decode_rows`].
    pub fn decode_view(&self, bytes: &[u8], view: View) -> Result<Image, Error> {
        self.pool.run(|| {
            let container = Container::parse(bytes, &self.options.limits)?;
            let Header::Image(header) = *container.header() else { return Err(no_picture()) };
            let weights = self.weights(container.header())?;
            let given = transforms::given(&weights, self.options.transforms.as_ref()).map(|given| &**given);
            let job = picture::Job { container: &container, header: &header, weights: &weights, given, view };
            job.decode(&self.options.limits)
        })
    }

    /// Decodes what is left of a damaged picture, or a view of it: tiles that are lost are gray, and damaged alpha or metadata
    /// are missing. Also tells what was lost.
    ///
    /// # Errors
    /// As [`Self::decode_view`], for what leaves nothing to decode: header and table damaged in front and in the copy,
    /// limits, other weights.
    pub fn decode_partial(&self, bytes: &[u8], view: View) -> Result<(Image, Damage), Error> {
        self.pool.run(|| {
            let container = Container::parse_damaged(bytes, &self.options.limits)?;
            let Header::Image(header) = *container.header() else { return Err(no_picture()) };
            let weights = self.weights(container.header())?;
            let given = transforms::given(&weights, self.options.transforms.as_ref()).map(|given| &**given);
            let mut damage = Damage::of(&container);
            let mut sink = ImageSink::new(&self.options.limits);
            let job = picture::Job { container: &container, header: &header, weights: &weights, given, view };
            job.decode_rows(&self.options.limits, &mut sink, Some(&mut damage))?;
            Ok((sink.image()?, damage))
        })
    }

    /// Decodes the symbols of every tile of a picture, and its alpha, and keeps nothing but what is wrong with them.
    ///
    /// # Errors
    /// As [`Self::decode_partial`].
    pub fn verify_picture(&self, bytes: &[u8]) -> Result<Damage, Error> {
        self.pool.run(|| {
            let container = Container::parse_damaged(bytes, &self.options.limits)?;
            let Header::Image(header) = *container.header() else { return Err(no_picture()) };
            let weights = self.weights(container.header())?;
            picture::verify(&container, &header, &weights, &self.options.limits)
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
            match container.header() {
                Header::Image(header) => Ok(vec![picture::latents(&container, header, &weights)?]),
                Header::Audio(header) => sound::latents(&container, header, &weights),
            }
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
        Ok(weights::named(kind, needed)?.0)
    }
}

fn no_picture() -> Error {
    Error::Option { option: "view", problem: "applies to pictures only; the file holds a sound".into() }
}

/// Where the latents of a signal lie: one entry of `windows` (row, column, rows, columns) for each tile or segment.
struct Layout {
    /// `tile` or `segment`, for errors.
    unit: &'static str,
    windows: Vec<[usize; 4]>,
    /// Rows and columns of ŷ.
    size: [usize; 2],
    /// Groups of channels, each with latents of its own.
    groups: usize,
}

/// Decodes every tile or segment and puts them together, one entry for each group.
fn read_latents(
    container: &Container<'_>,
    layout: &Layout,
    weights: &Weights,
) -> Result<Vec<Latents>, Error> {
    let config = &weights.config;
    let level = level(container.header().level(), config)?;
    let decoded: Vec<Vec<Latents>> = layout
        .windows
        .par_iter()
        .enumerate()
        .map(|(index, window)| {
            let place = Place { unit: layout.unit, index };
            let [_, _, rows, columns] = *window;
            let parts = (0..layout.groups).map(|_| Latents::zeros(config, rows, columns)).collect();
            decode_window(container.tile(index)?, place, parts, level, weights)
        })
        .collect::<Result<_, Error>>()?;
    let [rows, columns] = layout.size;
    let mut all: Vec<Latents> = (0..layout.groups).map(|_| Latents::zeros(config, rows, columns)).collect();
    for ([row, column, ..], parts) in layout.windows.iter().zip(&decoded) {
        for (whole, part) in all.iter_mut().zip(parts) {
            whole.set_window([*row, *column], config.hyper_stride(), part);
        }
    }
    Ok(all)
}

/// A quality level in a file, if the model has it.
fn level(level: u16, config: &ModelConfig) -> Result<Level, Error> {
    let (level, top) = (Level(level), Level::top(config.lambdas.len()));
    if level > top {
        let expected = format!("0..={}", top.0);
        return Err(Error::Field { field: "quality level", value: level.0.into(), expected });
    }
    Ok(level)
}

/// Which tile or segment a payload is, for errors.
#[derive(Clone, Copy)]
struct Place {
    unit: &'static str,
    index: usize,
}

/// Undoes the encoder's `code_window`: fills `parts`, and checks that the symbols are those that were written.
fn decode_window(
    payload: &[u8],
    Place { unit, index }: Place,
    mut parts: Vec<Latents>,
    level: Level,
    weights: &Weights,
) -> Result<Vec<Latents>, Error> {
    let Some((stored, stream)) = payload.split_first_chunk() else {
        return Err(Error::Payload { unit, index, source: wavern_entropy::Error::UnexpectedEnd });
    };
    let mut decode = || -> Result<(), wavern_entropy::Error> {
        let mut coder = wavern_entropy::Decoder::with_path(stream, kernel::Path::best().entropy())?;
        for latents in &mut parts {
            weights.prior.code(level, latents, &mut coder)?;
        }
        coder.finish()
    };
    decode().map_err(|source| Error::Payload { unit, index, source })?;
    let (stored, computed) = (u16::from_le_bytes(*stored), Latents::check(&parts));
    if stored == computed { Ok(parts) } else { Err(Error::Symbols { unit, index, stored, computed }) }
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
