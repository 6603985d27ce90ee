//! What a decoder can be asked for.

use crate::engine::Transforms;
use crate::weights::Weights;
use std::path::PathBuf;
use std::sync::Arc;
use wavern_bitstream::Limits;

/// Options of a [`Decoder`](crate::Decoder). The default is all cores, default limits and the built-in weights.
#[derive(Clone, Debug, Default)]
pub struct DecodeOptions {
    pub(crate) threads: Option<usize>,
    pub(crate) limits: Limits,
    pub(crate) weights: Option<Arc<Weights>>,
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) backend: Option<Arc<dyn Transforms>>,
}

impl DecodeOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Worker threads, 1..=4096. Without this, work runs on rayon's pool of the calling thread, which by default has
    /// one thread per core. What is decoded does not depend on it.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Bounds on what is read.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Other weights than the built-in ones, for files that name them.
    pub fn weights(mut self, weights: Arc<Weights>) -> Self {
        self.weights = Some(weights);
        self
    }

    /// One more folder in which weights are looked for, by their id, if the built-in ones are not those that a file
    /// names. They are read once.
    pub fn weights_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folders.push(folder.into());
        self
    }
}
