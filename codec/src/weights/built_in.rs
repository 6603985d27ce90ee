//! The weights inside the library, from the data crate of their generation.

use super::Weights;
use crate::config::Kind;
use crate::weight_file::{Error, TensorMap};
use std::sync::{Arc, Mutex, PoisonError};
use wavern_bitstream::WeightsId;
use wavern_weights_1::WeightFile;

/// What the weights of a picture were trained for. There is one set for sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tune {
    /// The smallest squared error of RGB.
    #[default]
    Psnr,
    /// What pleases the eye: structure and luma before colour.
    Visual,
    /// A fast decoder: the smallest squared error by networks with half the work for it.
    Fast,
}

impl Tune {
    pub(crate) const ALL: [Self; 3] = [Self::Psnr, Self::Visual, Self::Fast];
}

/// A weight file inside the library.
///
/// # Errors
/// [`Error::NotBuiltIn`] if this build does not have it.
pub fn built_in(kind: Kind, tune: Tune) -> Result<&'static [u8], Error> {
    slot(kind, tune).file().map(|file| file.bytes)
}

/// The weights for pictures inside the library.
///
/// # Errors
/// [`Error::NotBuiltIn`] if this build does not have them.
pub fn image(tune: Tune) -> Result<Arc<Weights>, Error> {
    slot(Kind::Image, tune).get()
}

/// The weights for sounds inside the library.
///
/// # Errors
/// As [`image`].
pub fn audio() -> Result<Arc<Weights>, Error> {
    slot(Kind::Audio, Tune::default()).get()
}

/// The weights inside the library with this id. No others are read for it.
///
/// # Errors
/// None for the files that are shipped; the type is that of any weight file.
pub fn named(kind: Kind, id: WeightsId) -> Result<Option<(Arc<Weights>, Tune)>, Error> {
    match listed(kind).into_iter().find(|(listed, _)| *listed == id) {
        Some((_, tune)) => Ok(Some((slot(kind, tune).get()?, tune))),
        None => Ok(None),
    }
}

/// The ids of all weights of a kind inside the library.
pub fn listed(kind: Kind) -> Vec<(WeightsId, Tune)> {
    let tunes: &[Tune] = if kind == Kind::Image { &Tune::ALL } else { &[Tune::Psnr] };
    let file = |tune: &Tune| Some((WeightsId(slot(kind, *tune).file().ok()?.id), *tune));
    tunes.iter().filter_map(file).collect()
}

/// A weight file inside the library, read when it is first asked for.
struct Slot {
    /// Its name as a feature of this crate.
    name: &'static str,
    file: fn() -> Option<WeightFile>,
    weights: Mutex<Option<Arc<Weights>>>,
}

fn fast() -> Option<WeightFile> {
    #[cfg(feature = "fast")]
    return wavern_weights_1_fast::image();
    #[cfg(not(feature = "fast"))]
    None
}

fn slot(kind: Kind, tune: Tune) -> &'static Slot {
    static IMAGE: Slot = Slot::new("image", wavern_weights_1::image);
    static VISUAL: Slot = Slot::new("visual", wavern_weights_1::visual);
    static FAST: Slot = Slot::new("fast", fast);
    static AUDIO: Slot = Slot::new("audio", wavern_weights_1::audio);
    match (kind, tune) {
        (Kind::Image, Tune::Psnr) => &IMAGE,
        (Kind::Image, Tune::Visual) => &VISUAL,
        (Kind::Image, Tune::Fast) => &FAST,
        (Kind::Audio, _) => &AUDIO,
    }
}

impl Slot {
    const fn new(name: &'static str, file: fn() -> Option<WeightFile>) -> Self {
        Self { name, file, weights: Mutex::new(None) }
    }

    fn file(&self) -> Result<WeightFile, Error> {
        (self.file)().ok_or(Error::NotBuiltIn { feature: self.name })
    }

    fn get(&self) -> Result<Arc<Weights>, Error> {
        let mut slot = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(weights) = &*slot {
            return Ok(weights.clone());
        }
        let WeightFile { id, bytes } = self.file()?;
        let weights = Arc::new(Weights::open(TensorMap::new(bytes)?, WeightsId(id))?);
        *slot = Some(weights.clone());
        Ok(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weight_file::id_of;

    #[test]
    fn ids_are_those_of_the_files() {
        for kind in [Kind::Image, Kind::Audio] {
            for (id, tune) in listed(kind) {
                assert_eq!(id, id_of(built_in(kind, tune).unwrap()));
            }
        }
    }
}
