//! The weight file: safetensors, named by its hash.
//!
//! The model's [`ModelConfig`] is JSON under the key `wavern` of the metadata. Float networks are f16 or f32 tensors,
//! integer networks i8 weights, i32 biases and u8 shifts. Nothing in the file can run code, and every number that
//! touches a probability is an integer.

use crate::network::plain::Network;
use crate::network::{Kind, ModelConfig};
use crate::prior::Prior;
use half::f16;
use safetensors::{Dtype, SafeTensors};
use std::sync::Arc;
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

    /// An f16 or f32 tensor as f32.
    ///
    /// # Errors
    /// If it is missing or not of this shape.
    pub fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let (dtype, bytes) = self.raw(name, shape, &[Dtype::F16, Dtype::F32])?;
        Ok(match dtype {
            Dtype::F16 => bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
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
    /// log₂ of the quantization gains, `[anchors, latents]`.
    pub(crate) encode_gain: Vec<f32>,
    pub(crate) decode_gain: Vec<f32>,
    pub(crate) analysis: Network,
    pub(crate) hyper_analysis: Network,
    pub(crate) synthesis: Network,
}

impl Weights {
    /// Reads a weight file.
    ///
    /// # Errors
    /// [`Error`] if it is not one, contradicts itself, or could leave the exact range.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let config = read_config(bytes)?;
        let map = TensorMap::new(bytes)?;
        let anchors = config.lambdas.len();
        let network = |name: &str, layers, inputs| Network::load(&map, name, layers, inputs, anchors);
        let gain = |name: &str| map.floats(name, &[anchors, config.latents()]);
        Ok(Self {
            id: id_of(bytes),
            prior: Prior::load(&map, &config)?,
            encode_gain: gain("gain.encode")?,
            decode_gain: gain("gain.decode")?,
            analysis: network("analysis", &config.analysis, config.packet_channels())?,
            hyper_analysis: network("hyper_analysis", &config.hyper_analysis, config.latents())?,
            synthesis: network("synthesis", &config.synthesis, config.latents())?,
            config,
        })
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

/// The weight file of a kind inside the library.
pub fn built_in(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Image => include_bytes!("../../models/image.safetensors"),
        Kind::Audio => include_bytes!("../../models/audio.safetensors"),
    }
}

/// The image model inside the library.
///
/// # Errors
/// Never for the file that is shipped; the type is that of any weight file.
pub fn image() -> Result<Arc<Weights>, Error> {
    static CACHE: Cache = Cache::new();
    CACHE.get(built_in(Kind::Image))
}

/// The audio model inside the library.
///
/// # Errors
/// Never for the file that is shipped; the type is that of any weight file.
pub fn audio() -> Result<Arc<Weights>, Error> {
    static CACHE: Cache = Cache::new();
    CACHE.get(built_in(Kind::Audio))
}

struct Cache(std::sync::Mutex<Option<Arc<Weights>>>);

impl Cache {
    const fn new() -> Self {
        Self(std::sync::Mutex::new(None))
    }

    fn get(&self, bytes: &[u8]) -> Result<Arc<Weights>, Error> {
        let mut slot = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(weights) = &*slot {
            return Ok(weights.clone());
        }
        let weights = Arc::new(Weights::from_bytes(bytes)?);
        *slot = Some(weights.clone());
        Ok(weights)
    }
}
