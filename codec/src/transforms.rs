//! The only door to the float networks: what a second backend has to implement.

use crate::error::Error;
use crate::network::Tensor;
use crate::quality::Level;
use crate::weights::Weights;
use std::fmt::Debug;
use std::sync::Arc;
use wavern_bitstream::WeightsId;

/// The three float networks of a model. They shape what an encoder sends and the last step to the signal; nothing
/// that comes out of them touches a probability, so backends may differ in the last bits.
pub trait Transforms: Debug + Send + Sync {
    /// The weights whose networks these are.
    fn weights(&self) -> WeightsId;
    /// g_a: packets → y.
    ///
    /// # Errors
    /// [`Error::Backend`] if the engine fails.
    fn analysis(&self, packets: Tensor) -> Result<Tensor, Error>;
    /// h_a: y in steps, companded → z.
    ///
    /// # Errors
    /// [`Error::Backend`] if the engine fails.
    fn hyper_analysis(&self, y: Tensor) -> Result<Tensor, Error>;
    /// g_s: ŷ → packets.
    ///
    /// # Errors
    /// [`Error::Backend`] if the engine fails.
    fn synthesis(&self, y_hat: Tensor, level: Level) -> Result<Tensor, Error>;
}

/// The engine to run `weights` on: the one given if it is theirs, else the plain one.
pub(crate) fn engine(weights: &Arc<Weights>, given: Option<&Arc<dyn Transforms>>) -> Arc<dyn Transforms> {
    match given.filter(|transforms| transforms.weights() == weights.id) {
        Some(transforms) => transforms.clone(),
        None => Arc::new(PlainTransforms(weights.clone())),
    }
}

/// The engine in this crate.
#[derive(Debug)]
pub struct PlainTransforms(pub Arc<Weights>);

impl Transforms for PlainTransforms {
    fn weights(&self) -> WeightsId {
        self.0.id
    }

    fn analysis(&self, packets: Tensor) -> Result<Tensor, Error> {
        Ok(self.0.analysis.run(packets, Level::default()))
    }

    fn hyper_analysis(&self, y: Tensor) -> Result<Tensor, Error> {
        Ok(self.0.hyper_analysis.run(y, Level::default()))
    }

    fn synthesis(&self, y_hat: Tensor, level: Level) -> Result<Tensor, Error> {
        Ok(self.0.synthesis.run(y_hat, level))
    }
}
