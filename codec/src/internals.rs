//! The inside of the codec, for the trainer, the benches and the command of this repository. Not part of the interface:
//! it changes without notice.
#![allow(missing_docs, reason = "each module documents itself")]

use crate::array::Tensor;
use crate::config::ModelConfig;
use crate::engine::{Engine, Transforms};
use crate::error::Error;
use crate::latent::Latents;
use crate::network::layers::Network;
use crate::picture::restore_dequantized;
use crate::prior::Prior;
use crate::quality::Level;
use crate::signal::Image;
use crate::weights::{Part, Weights};
use crate::{DecodeOptions, EncodeOptions};
use std::sync::Arc;
use wavern_bitstream::ImageHeader;

/// Shows modules of the crate under their own names.
macro_rules! show {
    ($($module:ident)*) => {$(
        pub mod $module {
            pub use crate::$module::*;
        }
    )*};
}

pub use wavern_kernel as kernel;
pub use wavern_kernel::color;

pub mod network {
    pub use crate::config::*;
    pub use crate::network::*;
}

pub mod prior {
    pub use crate::config::units;
    pub use crate::prior::*;
}

show! { array calibrate chunks engine envelope lapped lossless quality sound spans wavelet weight_file weights }

/// What g_s takes, `[rows, columns, M]` as from [`Latents::dequantized`], → picture, without alpha and metadata.
///
/// # Errors
/// [`Error::Option`] if it has another shape than the picture asks for, or the level is beyond the weights.
pub fn restore_picture(header: &ImageHeader, y: &Tensor, weights: Arc<Weights>) -> Result<Image, Error> {
    restore_dequantized(header, y, &Engine::new(weights, None))
}

impl EncodeOptions {
    /// Another engine for the float networks of the weights it was made for; others run on the plain one.
    pub fn backend(mut self, backend: Arc<dyn Transforms>) -> Self {
        self.backend = Some(backend);
        self
    }
}

impl DecodeOptions {
    /// As [`EncodeOptions::backend`].
    pub fn backend(mut self, backend: Arc<dyn Transforms>) -> Self {
        self.backend = Some(backend);
        self
    }
}

impl Weights {
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    pub fn prior(&self) -> &Prior {
        &self.prior
    }

    /// g_a, h_a or g_s.
    ///
    /// # Errors
    /// If it does not fit its description.
    pub fn network(&self, part: Part) -> Result<&Network, weight_file::Error> {
        match part {
            Part::Analysis => self.analysis(),
            Part::HyperAnalysis => self.hyper_analysis(),
            Part::Synthesis => self.synthesis(),
        }
    }
}

impl Latents {
    /// All zeros, for `rows` × `columns` positions of ŷ.
    pub fn of_model(config: &ModelConfig, rows: usize, columns: usize) -> Self {
        Self::zeros(config, rows, columns)
    }

    /// All of ŷ → the input of g_s.
    pub fn dequantized(&self, level: Level, weights: &Weights) -> Tensor {
        weights.decode_gains(level).dequantize_all(self)
    }
}
