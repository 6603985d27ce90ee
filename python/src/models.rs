//! The weights inside the library. They are read under the lock of the interpreter, on first use, and then handed to
//! encoders and decoders: these never wait for another thread that reads them, which a forked child would not have.

use crate::error::Failure;
use pyo3::prelude::*;
use std::sync::Arc;
use wavern::internals::weights::{self, Part};
use wavern::{Kind, Tune, Weights, WeightsId};

/// What encodes a kind of signal.
pub fn encoding(_py: Python<'_>, kind: Kind, tune: Tune) -> PyResult<Arc<Weights>> {
    let weights = match kind {
        Kind::Image => weights::image(tune),
        Kind::Audio => weights::audio(),
    };
    read(weights.map_err(|error| Failure::from(wavern::Error::from(error)))?, true)
}

/// What decodes files that name these weights; `None` if they are not inside the library. Without `signal`, only
/// latents are wanted.
pub fn decoding(_py: Python<'_>, kind: Kind, id: WeightsId, signal: bool) -> PyResult<Option<Arc<Weights>>> {
    let named = weights::named(kind, id).map_err(|error| Failure::from(wavern::Error::from(error)))?;
    named.map(|(weights, _)| read(weights, signal)).transpose()
}

/// Weights whose float networks, if they are wanted, have been read.
fn read(weights: Arc<Weights>, networks: bool) -> PyResult<Arc<Weights>> {
    if networks {
        for part in [Part::Analysis, Part::HyperAnalysis, Part::Synthesis] {
            weights.network(part).map_err(|error| Failure::from(wavern::Error::from(error)))?;
        }
    }
    Ok(weights)
}
