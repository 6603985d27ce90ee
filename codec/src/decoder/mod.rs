//! File → signal. Each file here has its mirror in `encoder`.

mod damage;
mod job;
mod lossless;
mod options;
mod payload;
mod picture;
mod sound;
mod sound_reader;
mod sound_seek;

pub use damage::{Damage, DamagedTile, SoundDamage};
pub use options::DecodeOptions;
pub use sound_reader::SoundReader;

use crate::array::Window;
use crate::config::Kind;
use crate::engine::Engine;
use crate::error::Error;
use crate::latent::Latents;
use crate::lossless::weights as lossless_weights;
use crate::rows::{ImageSink, WriteRows};
use crate::signal::{Audio, Image, Signal};
use crate::threads::Pool;
use crate::view::View;
use crate::weights::{self, Weights, folder};
use job::Job;
use std::sync::{Arc, Mutex, PoisonError};
use wavern_bitstream::{Container, Header};

/// Decodes pictures and sounds.
#[derive(Debug)]
pub struct Decoder {
    options: DecodeOptions,
    pool: Pool,
    /// Weights that were found in folders.
    found: Mutex<Vec<Arc<Weights>>>,
}

impl Decoder {
    /// A decoder with these options. It may decode any number of files, one after the other or from several threads.
    ///
    /// # Errors
    /// [`Error::Option`] if an option is out of range.
    pub fn new(options: DecodeOptions) -> Result<Self, Error> {
        Ok(Self { pool: Pool::new(options.threads)?, options, found: Mutex::default() })
    }

    /// Decodes a file of either kind.
    ///
    /// # Errors
    /// [`Error::Container`], [`Error::Payload`] or [`Error::Field`] if the file is damaged or beyond a limit;
    /// [`Error::WeightsMissing`] if it needs other weights.
    pub fn decode(&self, bytes: &[u8]) -> Result<Signal, Error> {
        self.pool.run(|| {
            let container = Container::parse(bytes, &self.options.limits)?;
            match container.header() {
                Header::Image(_) => {
                    self.job(&container, View::default())?.decode(&self.options.limits).map(Signal::Image)
                }
                Header::Audio(_) => sound::decode(self, bytes).map(Signal::Audio),
            }
        })
    }

    /// Decodes a picture.
    ///
    /// # Errors
    /// As [`Self::decode`]; [`Error::Kind`] if the file holds a sound.
    pub fn decode_image(&self, bytes: &[u8]) -> Result<Image, Error> {
        self.decode_view(bytes, View::default())
    }

    /// Decodes a sound.
    ///
    /// # Errors
    /// As [`Self::decode`]; [`Error::Kind`] if the file holds a picture.
    pub fn decode_audio(&self, bytes: &[u8]) -> Result<Audio, Error> {
        self.pool.run(|| match Container::parse(bytes, &self.options.limits)?.header() {
            Header::Image(_) => Err(Error::Kind { found: Kind::Image }),
            Header::Audio(_) => sound::decode(self, bytes),
        })
    }

    /// Decodes a picture, or a view of it.
    ///
    /// # Errors
    /// As [`Self::decode_image`]; [`Error::Option`] if the view is not inside the picture.
    pub fn decode_view(&self, bytes: &[u8], view: View) -> Result<Image, Error> {
        self.pool.run(|| {
            let container = Container::parse(bytes, &self.options.limits)?;
            self.job(&container, view)?.decode(&self.options.limits)
        })
    }

    /// Decodes a picture, or a view of it, row by row: memory grows with the width of the picture, not with its height,
    /// except for an alpha plane, which comes whole.
    ///
    /// # Errors
    /// As [`Self::decode_view`]; [`Error::Rows`] from `sink`.
    pub fn decode_rows(&self, bytes: &[u8], view: View, sink: &mut dyn WriteRows) -> Result<(), Error> {
        self.pool.run(|| {
            let container = Container::parse(bytes, &self.options.limits)?;
            self.job(&container, view)?.decode_rows(&self.options.limits, sink, None)
        })
    }

    /// Decodes what is left of a damaged picture, or a view of it: tiles that are lost are gray, and damaged alpha or
    /// metadata are missing. Also reports what was lost.
    ///
    /// # Errors
    /// As [`Self::decode_view`], for what leaves nothing to decode: header and table damaged in front and in the copy,
    /// limits, other weights.
    pub fn decode_partial(&self, bytes: &[u8], view: View) -> Result<(Image, Damage), Error> {
        self.pool.run(|| {
            let container = Container::parse_damaged(bytes, &self.options.limits)?;
            let mut damage = Damage::of(&container);
            let mut sink = ImageSink::new(&self.options.limits);
            self.job(&container, view)?.decode_rows(&self.options.limits, &mut sink, Some(&mut damage))?;
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
            self.job(&container, View::default())?.verify(&self.options.limits)
        })
    }

    /// Decodes every segment of a sound, and keeps nothing but what is wrong with them.
    ///
    /// # Errors
    /// As [`Self::sound_reader_partial`].
    pub fn verify_sound(&self, bytes: &[u8]) -> Result<SoundDamage, Error> {
        sound::verify(self, bytes)
    }

    /// The quantized latents of a file, without the synthesis: one entry for a picture, one per group of channels for
    /// sound. Learning in the compressed domain starts here. A segment of a sound begins with a position of ẑ; short
    /// segments leave ŷ at 0 where they do not fill the last one.
    ///
    /// # Errors
    /// As [`Self::decode`]; [`Error::Option`] if the file has none, because it was coded without loss.
    pub fn latents(&self, bytes: &[u8]) -> Result<Vec<Latents>, Error> {
        self.pool.run(|| {
            let container = Container::parse(bytes, &self.options.limits)?;
            let engine = self.engine_of_latents(container.header())?;
            match container.header() {
                Header::Image(header) => {
                    let view = View::default();
                    Ok(vec![picture::Job { container: &container, header, engine, view }.latents()?])
                }
                Header::Audio(header) => sound::latents(&container, header, &engine.weights),
            }
        })
    }

    /// The quantized latents of some positions, as from [`Self::latents`], of which only the tiles or segments are read
    /// that the positions lie in. A sound has one row, and its columns are frames of 256 samples. The ẑ that comes with
    /// them is all that stands for one of the positions, so it may reach beyond them on each side.
    ///
    /// # Errors
    /// As [`Self::latents`]; [`Error::Option`] if the window is empty or not inside the latents.
    pub fn latents_window(&self, bytes: &[u8], window: Window) -> Result<Vec<Latents>, Error> {
        self.pool.run(|| {
            let container = Container::parse(bytes, &self.options.limits)?;
            let engine = self.engine_of_latents(container.header())?;
            match container.header() {
                Header::Image(header) => {
                    let job = picture::Job { container: &container, header, engine, view: View::default() };
                    Ok(vec![job.latents_window(window)?])
                }
                Header::Audio(header) => sound::latents_window(&container, header, &engine.weights, window),
            }
        })
    }

    /// A view of the picture in a container.
    fn job<'a>(&self, container: &'a Container<'a>, view: View) -> Result<Job<'a>, Error> {
        let Header::Image(header) = container.header() else {
            return Err(Error::Kind { found: Kind::Audio });
        };
        if container.header().is_lossless() {
            let needed = header.weights;
            let missing =
                || Error::WeightsMissing { needed, kind: Kind::Image, looked: vec!["built-in".into()] };
            let weights = lossless_weights::named(needed)?.ok_or_else(missing)?;
            return lossless::Job::new(container, header, weights, view).map(Job::Lossless);
        }
        let engine = self.engine(container.header())?;
        Ok(Job::Transform(picture::Job { container, header, engine, view }))
    }

    /// As [`Self::engine`], for a file that has latents.
    fn engine_of_latents(&self, header: &Header) -> Result<Engine, Error> {
        if header.is_lossless() {
            let problem = "none in a file without loss (expected one that was coded at a quality)".into();
            return Err(Error::Option { option: "latents", problem });
        }
        self.engine(header)
    }

    /// The weights that a file names, and what runs them.
    fn engine(&self, header: &Header) -> Result<Engine, Error> {
        Ok(Engine::new(self.weights(header)?, self.options.backend.as_ref()))
    }

    fn weights(&self, header: &Header) -> Result<Arc<Weights>, Error> {
        let needed = header.weights();
        let kind = match header {
            Header::Image(_) => Kind::Image,
            Header::Audio(_) => Kind::Audio,
        };
        let fits = |weights: &&Arc<Weights>| weights.id == needed && weights.config.kind == kind;
        if let Some(weights) = self.options.weights.as_ref().filter(fits) {
            return Ok(weights.clone());
        }
        if let Some((weights, _)) = weights::named(kind, needed)? {
            return Ok(weights);
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(weights) = found.iter().find(fits) {
            return Ok(weights.clone());
        }
        if let Some(weights) = folder::find(&self.options.folders, needed)?.map(Arc::new).filter(|w| fits(&w))
        {
            found.push(weights.clone());
            return Ok(weights);
        }
        let given = self.options.weights.iter().map(|weights| format!("the weights given, {}", weights.id));
        let inside = weights::listed(kind).into_iter().map(|(id, _)| format!("built-in {id}"));
        let folders = self.options.folders.iter().map(|folder| folder.display().to_string());
        Err(Error::WeightsMissing { needed, kind, looked: given.chain(inside).chain(folders).collect() })
    }
}
