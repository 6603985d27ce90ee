//! Either direction of coding: what the prior hands symbols and mixtures to.

use std::ops::Range;
use wavern_entropy::{Decoder, Encoder, Error, MixtureParams};
use wavern_kernel as kernel;

/// Which symbols are coded: position after position, and at each the channels in order.
#[derive(Clone, Debug)]
pub enum SymbolSet<'a> {
    /// All of ẑ.
    Hyper,
    /// One step of ŷ.
    Latents {
        /// Of the tile, row-major.
        positions: &'a [usize],
        /// Of ŷ.
        channels: Range<usize>,
        /// Latent residual of every symbol, in 1/64 step; empty if the model has none.
        residual: &'a [i8],
    },
}

/// Either direction of the entropy coder.
pub trait SymbolCoder {
    /// Called before the symbols of a step are coded: an encoder may still replace them.
    ///
    /// # Errors
    /// Those of the entropy coder.
    fn decide(
        &mut self,
        _params: &MixtureParams<'_>,
        _symbols: &mut [i32],
        _set: &SymbolSet<'_>,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Writes `symbols` with their mixtures, or replaces them by what was written.
    ///
    /// # Errors
    /// Those of the entropy coder.
    fn code(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), Error>;
}

impl SymbolCoder for Encoder {
    fn code(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), Error> {
        self.encode(params, symbols)
    }
}

impl SymbolCoder for Decoder<'_> {
    fn code(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), Error> {
        self.decode(params, symbols)
    }
}

/// The instructions of the entropy coder beside those of the networks.
pub fn entropy_path() -> wavern_entropy::Path {
    use wavern_entropy::Path as Entropy;
    let path = match kernel::Path::best() {
        kernel::Path::Portable => Entropy::Scalar,
        kernel::Path::Avx2 => Entropy::Avx2,
        _ => Entropy::best(),
    };
    // The two ask for slightly different instructions.
    if path.is_available() { path } else { Entropy::Scalar }
}
