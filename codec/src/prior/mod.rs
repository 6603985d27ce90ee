//! The prior: from ẑ and what is already decoded of ŷ to one Gaussian mixture per symbol, in exact integers.
//!
//! [`Prior::code`] walks the symbols of one tile or segment in coding order. It is the same code for both
//! directions: the encoder's [`SymbolCoder`] writes the symbols it is shown, the decoder's fills them in.
//!
//! ```text
//! ẑ                      static mixtures per channel and anchor level
//! for every slice of channels, for even then odd positions:
//!     features(ẑ), decoded ŷ  →  look → around → fuse → mix → head  →  mixtures  →  symbols
//! ```

mod coder;
pub mod context;
mod hyper;
pub mod integer;
pub mod mixture;

pub use coder::{SymbolCoder, SymbolSet, entropy_path};
pub use wavern_kernel::compand::{compand, compand_real};

use crate::config::ModelConfig;
use crate::latent::Latents;
use crate::quality::Level;
use crate::weight_file::{Error as WeightsError, TensorMap};
use context::Context;
use hyper::{HyperPrior, HyperSynthesis};
use wavern_entropy::Error as EntropyError;

/// The exact side of a model.
#[derive(Debug)]
pub struct Prior {
    hyper_prior: HyperPrior,
    hyper_synthesis: HyperSynthesis,
    context: Context,
}

impl Prior {
    /// Takes the integer tensors from a weight file and proves their bounds.
    ///
    /// # Errors
    /// If a tensor does not fit, or a partial sum could leave the exact range.
    pub fn load(map: &TensorMap<'_>, config: &ModelConfig) -> Result<Self, WeightsError> {
        Ok(Self {
            hyper_prior: HyperPrior::load(map, config)?,
            hyper_synthesis: HyperSynthesis::load(map, config)?,
            context: Context::load(map, &config.context, config.features())?,
        })
    }

    /// Codes all symbols of one tile: first ẑ, then ŷ, which must cover no more positions than ẑ stands for. Fills in
    /// the residuals.
    ///
    /// # Errors
    /// Those of the entropy coder.
    pub fn code(
        &self,
        level: Level,
        latents: &mut Latents,
        coder: &mut impl SymbolCoder,
    ) -> Result<(), EntropyError> {
        let [rows, columns, _] = latents.y.shape();
        self.hyper_prior.code(level, &mut latents.z, columns, coder)?;
        let features = self.hyper_synthesis.run(&latents.z, [rows, columns], level);
        self.context.code(&features, latents, coder)
    }
}
