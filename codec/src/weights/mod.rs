//! A trained model, ready to run: read from a weight file, inside the library or out of a folder.

mod built_in;
pub mod folder;

pub use built_in::{Tune, audio, built_in, image, listed, named};

use crate::config::{Kind, ModelConfig};
use crate::gains::Gains;
use crate::network::layers::Network;
use crate::prior::Prior;
use crate::quality::Level;
use crate::weight_file::{Error, TensorMap, id_of};
use std::sync::OnceLock;
use wavern_bitstream::WeightsId;

/// A trained model: what turns a signal into symbols and back, and tells how likely each symbol is. A file can only be
/// decoded with the weights it was made with.
#[derive(Debug)]
pub struct Weights {
    /// Hash of the file.
    pub(crate) id: WeightsId,
    /// What the model is.
    pub(crate) config: ModelConfig,
    /// The exact side: probabilities.
    pub(crate) prior: Prior,
    /// log₂ of the quantization gains, `[anchors, latents]`.
    encode_gain: Vec<f32>,
    decode_gain: Vec<f32>,
    /// The file. The float networks are read from it when they are first asked for: an encoder needs two of the three,
    /// a decoder the third.
    file: TensorMap<'static>,
    analysis: OnceLock<Network>,
    hyper_analysis: OnceLock<Network>,
    synthesis: OnceLock<Network>,
}

impl Weights {
    /// Reads and checks a whole weight file. It keeps a copy of the bytes.
    ///
    /// # Errors
    /// If it is not a weight file, contradicts itself, or could leave the exact range of integers.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let weights = Self::open(TensorMap::new(bytes.to_vec())?, id_of(bytes))?;
        weights.analysis()?;
        weights.hyper_analysis()?;
        weights.synthesis()?;
        Ok(weights)
    }

    /// The first six bytes of the file's BLAKE3 hash, by which files name their weights.
    pub fn id(&self) -> WeightsId {
        self.id
    }

    /// What these weights code.
    pub fn kind(&self) -> Kind {
        self.config.kind
    }

    /// The model in a file, whose float networks are read later.
    fn open(file: TensorMap<'static>, id: WeightsId) -> Result<Self, Error> {
        let config = file.config()?;
        let gain = |name: &str| file.floats(name, &[config.lambdas.len(), config.latents()]);
        Ok(Self {
            id,
            prior: Prior::load(&file, &config)?,
            encode_gain: gain("gain.encode")?,
            decode_gain: gain("gain.decode")?,
            config,
            file,
            analysis: OnceLock::new(),
            hyper_analysis: OnceLock::new(),
            synthesis: OnceLock::new(),
        })
    }

    /// The tensors of the file.
    pub(crate) fn tensors(&self) -> &TensorMap<'static> {
        &self.file
    }

    /// Between y and its quantization steps.
    pub(crate) fn encode_gains(&self, level: Level) -> Gains {
        Gains::new(&self.encode_gain, level, self.config.latents())
    }

    /// Between ŷ and the input of g_s.
    pub(crate) fn decode_gains(&self, level: Level) -> Gains {
        Gains::new(&self.decode_gain, level, self.config.latents())
    }

    /// g_a.
    ///
    /// # Errors
    /// If it does not fit its description; never after [`Self::from_bytes`], nor in the weights that are shipped.
    pub(crate) fn analysis(&self) -> Result<&Network, Error> {
        self.late(&self.analysis, Part::Analysis)
    }

    /// h_a.
    ///
    /// # Errors
    /// As [`Self::analysis`].
    pub(crate) fn hyper_analysis(&self) -> Result<&Network, Error> {
        self.late(&self.hyper_analysis, Part::HyperAnalysis)
    }

    /// g_s.
    ///
    /// # Errors
    /// As [`Self::analysis`].
    pub(crate) fn synthesis(&self) -> Result<&Network, Error> {
        self.late(&self.synthesis, Part::Synthesis)
    }

    fn late<'a>(&'a self, slot: &'a OnceLock<Network>, part: Part) -> Result<&'a Network, Error> {
        if let Some(network) = slot.get() {
            return Ok(network);
        }
        let network = part.load(&self.file, &self.config)?;
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
