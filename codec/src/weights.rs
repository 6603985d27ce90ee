//! The weight file: safetensors, named by its hash.
//!
//! The model's [`ModelConfig`] is JSON under the key `wavern` of the metadata. Float networks are f16 or f32 tensors,
//! integer networks i8 weights, i32 biases and u8 shifts. Nothing in the file can run code, and every number that
//! touches a probability is an integer.

use crate::network::plain::Network;
use crate::network::{Kind, ModelConfig};
use crate::prior::Prior;
use crate::prior::gradient::RateSource;
use half::f16;
use half::slice::HalfFloatSliceExt as _;
use safetensors::{Dtype, SafeTensors};
use std::sync::{Arc, OnceLock};
use wavern_bitstream::WeightsId;

/// Why a weight file was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a safetensors file.
    #[error("weights: {0}")]
    Container(String),
    /// The configuration is missing, malformed or contradicts itself.
    #[error("weights: configuration: {0}")]
    Config(String),
    /// A tensor is not there.
    #[error("weights: tensor {0} is missing")]
    Missing(String),
    /// A tensor has another shape or type than the configuration asks for.
    #[error("weights: tensor {name} is {found}, expected {expected}")]
    Tensor {
        /// Its name.
        name: String,
        /// Type and shape in the file.
        found: String,
        /// Type and shape asked for.
        expected: String,
    },
    /// A partial sum of an integer network could leave the exact range.
    #[error("weights: {name} channel {channel}: partial sums up to {bound} (must stay below {limit})")]
    Inexact {
        /// The layer.
        name: String,
        /// Its output channel.
        channel: usize,
        /// Largest possible magnitude.
        bound: i64,
        /// The bound to keep.
        limit: i64,
    },
}

/// The tensors of a weight file by name.
#[derive(Debug)]
pub struct TensorMap<'a>(SafeTensors<'a>);

impl<'a> TensorMap<'a> {
    /// Reads the table of a weight file.
    ///
    /// # Errors
    /// If it is not a safetensors file.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        SafeTensors::deserialize(bytes).map(Self).map_err(|e| Error::Container(e.to_string()))
    }

    /// All names.
    pub fn names(&self) -> Vec<String> {
        self.0.names().into_iter().map(|name| name.to_string()).collect()
    }

    /// The shape of a tensor.
    ///
    /// # Errors
    /// If it is missing.
    pub fn shape(&self, name: &str) -> Result<Vec<usize>, Error> {
        let view = self.0.tensor(name).map_err(|_| Error::Missing(name.to_owned()))?;
        Ok(view.shape().to_vec())
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.tensor(name).is_ok()
    }

    /// Whether a tensor holds whole numbers: false if there is no such tensor.
    pub fn is_integer(&self, name: &str) -> bool {
        self.0.tensor(name).is_ok_and(|view| !matches!(view.dtype(), Dtype::F16 | Dtype::F32))
    }

    /// An f16 or f32 tensor as f32.
    ///
    /// # Errors
    /// If it is missing or not of this shape.
    pub fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let (dtype, bytes) = self.raw(name, shape, &[Dtype::F16, Dtype::F32])?;
        Ok(match dtype {
            Dtype::F16 => {
                let halves: Vec<f16> =
                    bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]])).collect();
                halves.to_f32_vec()
            }
            _ => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        })
    }

    /// An i8 tensor.
    ///
    /// # Errors
    /// If it is missing or not of this shape and type.
    pub fn i8s(&self, name: &str, shape: &[usize]) -> Result<Vec<i8>, Error> {
        Ok(self.raw(name, shape, &[Dtype::I8])?.1.iter().map(|&b| b as i8).collect())
    }

    /// A u8 tensor.
    ///
    /// # Errors
    /// If it is missing or not of this shape and type.
    pub fn u8s(&self, name: &str, shape: &[usize]) -> Result<Vec<u8>, Error> {
        Ok(self.raw(name, shape, &[Dtype::U8])?.1.to_vec())
    }

    /// An i16 tensor.
    ///
    /// # Errors
    /// If it is missing or not of this shape and type.
    pub fn i16s(&self, name: &str, shape: &[usize]) -> Result<Vec<i16>, Error> {
        let (_, bytes) = self.raw(name, shape, &[Dtype::I16])?;
        Ok(bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect())
    }

    /// An i32 tensor.
    ///
    /// # Errors
    /// If it is missing or not of this shape and type.
    pub fn i32s(&self, name: &str, shape: &[usize]) -> Result<Vec<i32>, Error> {
        let (_, bytes) = self.raw(name, shape, &[Dtype::I32])?;
        Ok(bytes.chunks_exact(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    /// Type, shape and bytes of a tensor.
    pub(crate) fn entry(&self, name: &str) -> Result<(Dtype, Vec<usize>, &[u8]), Error> {
        let view = self.0.tensor(name).map_err(|_| Error::Missing(name.to_owned()))?;
        Ok((view.dtype(), view.shape().to_vec(), view.data()))
    }

    fn raw(&self, name: &str, shape: &[usize], dtypes: &[Dtype]) -> Result<(Dtype, &[u8]), Error> {
        let view = self.0.tensor(name).map_err(|_| Error::Missing(name.to_owned()))?;
        if view.shape() != shape || !dtypes.contains(&view.dtype()) {
            return Err(Error::Tensor {
                name: name.to_owned(),
                found: format!("{:?} {:?}", view.dtype(), view.shape()),
                expected: format!("{:?} {shape:?}", dtypes[0]),
            });
        }
        let dtype = view.dtype();
        Ok((dtype, view.data()))
    }
}

/// A model with its parameters, checked and ready.
#[derive(Debug)]
pub struct Weights {
    /// Hash of the file.
    pub id: WeightsId,
    /// What the model is.
    pub config: ModelConfig,
    /// The exact side: probabilities.
    pub prior: Prior,
    /// What searches for symbols take from the exact side.
    rate: OnceLock<RateSource>,
    /// log₂ of the quantization gains, `[anchors, latents]`.
    pub(crate) encode_gain: Vec<f32>,
    pub(crate) decode_gain: Vec<f32>,
    /// The file, if it stays: the float networks are then read when they are first asked for. An encoder needs two of
    /// the three, a decoder the third.
    file: Option<TensorMap<'static>>,
    analysis: OnceLock<Network>,
    hyper_analysis: OnceLock<Network>,
    synthesis: OnceLock<Network>,
}

impl Weights {
    /// Reads a weight file.
    ///
    /// # Errors
    /// [`Error`] if it is not one, contradicts itself, or could leave the exact range.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let map = TensorMap::new(bytes)?;
        let weights = Self::open(bytes, &map, id_of(bytes))?;
        weights.network(&weights.analysis, Part::Analysis, &map)?;
        weights.network(&weights.hyper_analysis, Part::HyperAnalysis, &map)?;
        weights.network(&weights.synthesis, Part::Synthesis, &map)?;
        if weights.config.kind == Kind::Image {
            let rate = RateSource::load(&map, &weights.config)?;
            weights.rate.get_or_init(|| rate);
        }
        Ok(weights)
    }

    /// A file and its tensors, without the networks of the transforms.
    fn open(bytes: &[u8], map: &TensorMap<'_>, id: WeightsId) -> Result<Self, Error> {
        let config = read_config(bytes)?;
        let gain = |name: &str| map.floats(name, &[config.lambdas.len(), config.latents()]);
        Ok(Self {
            id,
            prior: Prior::load(map, &config)?,
            rate: OnceLock::new(),
            encode_gain: gain("gain.encode")?,
            decode_gain: gain("gain.decode")?,
            config,
            file: None,
            analysis: OnceLock::new(),
            hyper_analysis: OnceLock::new(),
            synthesis: OnceLock::new(),
        })
    }

    /// g_a.
    ///
    /// # Errors
    /// If it does not fit its description; never after [`Self::from_bytes`], nor in the weights that are shipped.
    pub fn analysis(&self) -> Result<&Network, Error> {
        self.late(&self.analysis, Part::Analysis)
    }

    /// h_a.
    ///
    /// # Errors
    /// As [`Self::analysis`].
    pub fn hyper_analysis(&self) -> Result<&Network, Error> {
        self.late(&self.hyper_analysis, Part::HyperAnalysis)
    }

    /// g_s.
    ///
    /// # Errors
    /// As [`Self::analysis`].
    pub fn synthesis(&self) -> Result<&Network, Error> {
        self.late(&self.synthesis, Part::Synthesis)
    }

    /// The integer networks of a picture's weights as searches for symbols use them.
    ///
    /// # Errors
    /// As [`Self::analysis`].
    pub(crate) fn rate(&self) -> Result<&RateSource, Error> {
        if let Some(rate) = self.rate.get() {
            return Ok(rate);
        }
        let rate = RateSource::load(self.file()?, &self.config)?;
        Ok(self.rate.get_or_init(|| rate))
    }

    fn late<'a>(&'a self, slot: &'a OnceLock<Network>, part: Part) -> Result<&'a Network, Error> {
        match slot.get() {
            Some(network) => Ok(network),
            None => self.network(slot, part, self.file()?),
        }
    }

    fn file(&self) -> Result<&TensorMap<'static>, Error> {
        self.file.as_ref().ok_or_else(|| Error::Container("the file did not stay".into()))
    }

    fn network<'a>(
        &self,
        slot: &'a OnceLock<Network>,
        part: Part,
        map: &TensorMap<'_>,
    ) -> Result<&'a Network, Error> {
        let network = part.load(map, &self.config)?;
        Ok(slot.get_or_init(|| network))
    }
}

/// A network of a model's transforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// g_a.
    Analysis,
    /// h_a.
    HyperAnalysis,
    /// g_s.
    Synthesis,
}

impl Part {
    /// What the names of its tensors begin with, up to a dot.
    pub fn name(self) -> &'static str {
        match self {
            Self::Analysis => "analysis",
            Self::HyperAnalysis => "hyper_analysis",
            Self::Synthesis => "synthesis",
        }
    }

    /// Takes the network from the weight file of a model.
    ///
    /// # Errors
    /// As [`Network::load`].
    pub fn load(self, map: &TensorMap<'_>, config: &ModelConfig) -> Result<Network, Error> {
        let (layers, inputs) = match self {
            Self::Analysis => (&config.analysis, config.packet_channels()),
            Self::HyperAnalysis => (&config.hyper_analysis, config.latents()),
            Self::Synthesis => (&config.synthesis, config.latents()),
        };
        Network::load(map, self.name(), layers, inputs, config.lambdas.len())
    }
}

/// The configuration in a weight file, validated.
///
/// # Errors
/// If the file is not one, or contradicts itself.
pub fn read_config(bytes: &[u8]) -> Result<ModelConfig, Error> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| Error::Container(e.to_string()))?;
    let json = metadata.metadata().as_ref().and_then(|m| m.get("wavern"));
    let json = json.ok_or_else(|| Error::Config("no `wavern` entry in the metadata".into()))?;
    let config: ModelConfig = serde_json::from_str(json).map_err(|e| Error::Config(e.to_string()))?;
    config.validate().map_err(Error::Config)?;
    Ok(config)
}

/// The first six bytes of a weight file's BLAKE3 hash.
pub fn id_of(bytes: &[u8]) -> WeightsId {
    let hash = blake3::hash(bytes);
    let mut id = [0; 6];
    id.copy_from_slice(&hash.as_bytes()[..6]);
    WeightsId(id)
}

/// What the weights of a picture were trained for. There is one set for sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tune {
    /// The smallest squared error of RGB.
    #[default]
    Psnr,
    /// What pleases the eye: structure and luma before colour.
    Visual,
}

/// A weight file inside the library.
// Not inlined: every crate that calls it would hold megabytes of its own.
#[inline(never)]
pub fn built_in(kind: Kind, tune: Tune) -> &'static [u8] {
    match (kind, tune) {
        (Kind::Image, Tune::Psnr) => include_bytes!("../../models/image.safetensors"),
        (Kind::Image, Tune::Visual) => include_bytes!("../../models/image-visual.safetensors"),
        (Kind::Audio, _) => include_bytes!("../../models/audio.safetensors"),
    }
}

/// The image model inside the library.
///
/// # Errors
/// Never for the files that are shipped; the type is that of any weight file.
pub fn image(tune: Tune) -> Result<Arc<Weights>, Error> {
    shelf(Kind::Image, tune).get()
}

/// The audio model inside the library.
///
/// # Errors
/// Never for the file that is shipped; the type is that of any weight file.
pub fn audio() -> Result<Arc<Weights>, Error> {
    shelf(Kind::Audio, Tune::default()).get()
}

/// The model inside the library that a file of this kind names. No other one is read for it.
///
/// # Errors
/// The id of the default model of that kind, if there is none.
pub fn named(kind: Kind, id: WeightsId) -> Result<(Arc<Weights>, Tune), crate::Error> {
    for tune in [Tune::Psnr, Tune::Visual] {
        let place = shelf(kind, tune);
        if place.id == id {
            return Ok((place.get()?, tune));
        }
    }
    Err(crate::Error::WeightsMismatch { needed: id, have: shelf(kind, Tune::default()).id, kind })
}

/// The ids of the weight files of [`built_in`], computed by the build: a hash of megabytes would be a tenth of the time that
/// a small picture takes.
mod ids {
    use super::WeightsId;

    include!(concat!(env!("OUT_DIR"), "/weights_ids.rs"));
}

/// A place for each weight file of [`built_in`].
fn shelf(kind: Kind, tune: Tune) -> &'static Place {
    static IMAGE: Place = Place::new(Kind::Image, Tune::Psnr, ids::IMAGE);
    static VISUAL: Place = Place::new(Kind::Image, Tune::Visual, ids::VISUAL);
    static AUDIO: Place = Place::new(Kind::Audio, Tune::Psnr, ids::AUDIO);
    match (kind, tune) {
        (Kind::Image, Tune::Psnr) => &IMAGE,
        (Kind::Image, Tune::Visual) => &VISUAL,
        (Kind::Audio, _) => &AUDIO,
    }
}

/// A weight file inside the library, read when it is first asked for.
struct Place {
    kind: Kind,
    tune: Tune,
    id: WeightsId,
    weights: std::sync::Mutex<Option<Arc<Weights>>>,
}

impl Place {
    const fn new(kind: Kind, tune: Tune, id: WeightsId) -> Self {
        Self { kind, tune, id, weights: std::sync::Mutex::new(None) }
    }

    fn get(&self) -> Result<Arc<Weights>, Error> {
        let mut slot = self.weights.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(weights) = &*slot {
            return Ok(weights.clone());
        }
        let file = built_in(self.kind, self.tune);
        let map = TensorMap::new(file)?;
        let weights = Weights::open(file, &map, self.id)?;
        let weights = Arc::new(Weights { file: Some(map), ..weights });
        *slot = Some(weights.clone());
        Ok(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_knows_the_ids() {
        for (kind, tune) in
            [(Kind::Image, Tune::Psnr), (Kind::Image, Tune::Visual), (Kind::Audio, Tune::Psnr)]
        {
            assert_eq!(shelf(kind, tune).id, id_of(built_in(kind, tune)));
        }
    }
}
