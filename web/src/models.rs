//! The weights that the host has handed over, and decoders with them.

use crate::failure::Failure;
use crate::reply::Reply;
use crate::request::Limits;
use serde_json::json;
use std::sync::Arc;
use wavern::{DecodeOptions, Decoder, Kind, Weights, WeightsId};

/// The weights at hand.
pub struct Models {
    weights: Vec<Arc<Weights>>,
    /// Those for pictures without loss, which the library keeps.
    lossless: Option<WeightsId>,
    /// Hears how far a search is.
    pub progress: fn(f32),
}

impl Models {
    /// Without weights.
    pub fn new(progress: fn(f32)) -> Self {
        Self { weights: Vec::new(), lossless: None, progress }
    }

    /// Keeps weights, once.
    pub fn add(&mut self, file: &[u8]) -> Result<Reply, Failure> {
        if let Ok(id) = wavern::provide_lossless_weights(file) {
            self.lossless = Some(id);
            return Ok(json!({ "id": id.to_string(), "kind": "lossless" }).into());
        }
        let weights = Weights::from_bytes(file).map_err(wavern::Error::from)?;
        let (id, kind) = (weights.id(), weights.kind());
        if self.find(id).is_none() {
            self.weights.push(Arc::new(weights));
        }
        Ok(json!({ "id": id.to_string(), "kind": kind.to_string() }).into())
    }

    fn find(&self, id: WeightsId) -> Option<&Arc<Weights>> {
        self.weights.iter().find(|weights| weights.id() == id)
    }

    /// A decoder for a file, with the weights that it names if they are here.
    pub fn decoder(&self, limits: Limits, file: &[u8]) -> Result<Decoder, Failure> {
        let mut options = DecodeOptions::new().limits(limits.of_the_library());
        let named = wavern::probe(file).ok().and_then(|info| self.find(info.weights()));
        // Of a damaged header nobody knows the weights yet: the last ones are as good a guess as any.
        if let Some(weights) = named.or(self.weights.last()) {
            options = options.weights(weights.clone());
        }
        Ok(Decoder::new(options)?)
    }

    /// Whether the weights for pictures without loss are here, to code one with.
    pub fn check_lossless(&self, id: Option<&str>) -> Result<(), Failure> {
        match id {
            Some(id) if self.lossless.is_none_or(|here| here.to_string() != id) => {
                Err(Failure::weights(id, Kind::Image, "encoding"))
            }
            _ => Ok(()),
        }
    }

    /// The weights with this id, for a signal to be coded with.
    pub fn weights(&self, id: Option<&str>, kind: Kind) -> Result<Arc<Weights>, Failure> {
        let Some(id) = id else {
            return Err(Failure::option("weights", "no id (expected one, unless it is without loss)"));
        };
        let fits = |weights: &&Arc<Weights>| weights.kind() == kind && weights.id().to_string() == id;
        self.weights.iter().find(fits).cloned().ok_or_else(|| Failure::weights(id, kind, "encoding"))
    }
}

impl Limits {
    fn of_the_library(self) -> wavern::Limits {
        let mut limits = wavern::Limits::default();
        limits.pixels = self.pixels.unwrap_or(limits.pixels);
        limits.memory_bytes = self.memory.unwrap_or(limits.memory_bytes);
        limits
    }
}
