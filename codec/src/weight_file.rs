//! The weight file: safetensors, named by its hash.
//!
//! The model's [`ModelConfig`] is JSON under the key `wavern` of the metadata. Float networks are f16 or f32 tensors,
//! integer networks i8 weights, i32 biases and u8 shifts. Nothing in the file can run code, and every number that
//! touches a probability is an integer.

use crate::config::ModelConfig;
use half::f16;
use half::slice::HalfFloatSliceExt as _;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensors};
use std::borrow::Cow;
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
    /// The library was built without these weights.
    #[error("weights: the `{feature}` weights are not in this build of the library")]
    NotBuiltIn {
        /// The feature that brings them.
        feature: &'static str,
    },
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

/// A weight file: its tensors by name, and its configuration.
#[derive(Debug)]
pub struct TensorMap<'a> {
    bytes: Cow<'a, [u8]>,
    table: Metadata,
    /// Where the tensors begin in `bytes`.
    start: usize,
}

impl<'a> TensorMap<'a> {
    /// Reads the table of a weight file.
    ///
    /// # Errors
    /// If it is not a safetensors file.
    pub fn new(bytes: impl Into<Cow<'a, [u8]>>) -> Result<Self, Error> {
        /// Bytes of the length in front of the table.
        const LENGTH: usize = 8;
        let bytes = bytes.into();
        let (length, table) =
            SafeTensors::read_metadata(&bytes).map_err(|e| Error::Container(e.to_string()))?;
        Ok(Self { bytes, table, start: LENGTH + length })
    }

    /// The configuration of the model, validated.
    ///
    /// # Errors
    /// If there is none, or it contradicts itself.
    pub fn config(&self) -> Result<ModelConfig, Error> {
        let config: ModelConfig =
            serde_json::from_str(self.metadata()?).map_err(|e| Error::Config(e.to_string()))?;
        config.validate().map_err(Error::Config)?;
        Ok(config)
    }

    /// What the metadata say under `wavern`.
    pub(crate) fn metadata(&self) -> Result<&str, Error> {
        let json = self.table.metadata().as_ref().and_then(|metadata| metadata.get("wavern"));
        json.map(String::as_str).ok_or_else(|| Error::Config("no `wavern` entry in the metadata".into()))
    }

    /// All names.
    pub fn names(&self) -> Vec<String> {
        self.table.tensors().into_keys().collect()
    }

    /// The shape of a tensor.
    ///
    /// # Errors
    /// If it is missing.
    pub fn shape(&self, name: &str) -> Result<Vec<usize>, Error> {
        Ok(self.info(name)?.shape.clone())
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.table.info(name).is_some()
    }

    /// Whether a tensor holds integers: false if there is no such tensor.
    pub fn is_integer(&self, name: &str) -> bool {
        self.table.info(name).is_some_and(|info| !matches!(info.dtype, Dtype::F16 | Dtype::F32))
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
        let info = self.info(name)?;
        Ok((info.dtype, info.shape.clone(), self.bytes_of(info)))
    }

    fn raw(&self, name: &str, shape: &[usize], dtypes: &[Dtype]) -> Result<(Dtype, &[u8]), Error> {
        let info = self.info(name)?;
        if info.shape != shape || !dtypes.contains(&info.dtype) {
            return Err(Error::Tensor {
                name: name.to_owned(),
                found: format!("{:?} {:?}", info.dtype, info.shape),
                expected: format!("{:?} {shape:?}", dtypes[0]),
            });
        }
        Ok((info.dtype, self.bytes_of(info)))
    }

    fn info(&self, name: &str) -> Result<&TensorInfo, Error> {
        self.table.info(name).ok_or_else(|| Error::Missing(name.to_owned()))
    }

    /// The table was checked against the length of the file when it was read.
    fn bytes_of(&self, info: &TensorInfo) -> &[u8] {
        let (from, to) = info.data_offsets;
        &self.bytes[self.start + from..self.start + to]
    }
}

/// The configuration in a weight file, validated.
///
/// # Errors
/// If the file is not one, or contradicts itself.
pub fn read_config(bytes: &[u8]) -> Result<ModelConfig, Error> {
    TensorMap::new(bytes)?.config()
}

/// The first six bytes of a weight file's BLAKE3 hash.
pub fn id_of(bytes: &[u8]) -> WeightsId {
    let hash = blake3::hash(bytes);
    let mut id = [0; 6];
    id.copy_from_slice(&hash.as_bytes()[..6]);
    WeightsId(id)
}
