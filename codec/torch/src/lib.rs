//! Training and CUDA for Wavern through libtorch. The only crate that names `tch`.
//!
//! * [`params`], [`optimizer`], [`checkpoint`]: named tensors and one flat tensor of all, Adam and SOAP, the moving
//!   average, what is saved.
//! * [`layers`]: the float networks of a [`wavern::internals::network::ModelConfig`], one interpreter for all of them.
//! * [`prior`]: the integer networks as they are trained (rounded in the forward pass, straight-through in the
//!   backward one) and [`likelihood`], the differentiable twin of the entropy model; [`fused`] is the same
//!   in one pass, for CPUs.
//! * [`envelope`]: the hyper-latent of sounds, which is measured.
//! * [`model`]: the whole codec as a function from packets to rate and distortion.
//! * [`perceptual`]: what weights for the eye are trained with beside the squared error.
//! * [`data`], [`crops`], [`drawing`], [`packets`], [`source`]: from files to batches.
//! * [`initial`], [`grow`], [`linear`]: the PCA start, or another model as one; `closed` opens units that have died.
//! * [`loss`], [`options`], [`schedule`], [`train`], [`validation`]: what is minimised, the loop and its curve.
//! * [`lossless`]: the same for the networks of pictures without loss, which are small and have a loop of their own.
//! * [`export`]: trained floats → the weight file, with the proof that no partial sum leaves the exact range.
//! * [`backend`]: the same networks behind the codec's `Transforms` trait, for `--backend torch`.

#![deny(unsafe_code)]

pub use tch::{Device, Kind, set_num_threads};

pub mod backend;
pub mod checkpoint;
mod closed;
pub mod crops;
mod cuda;
pub mod data;
pub mod drawing;
pub mod envelope;
pub mod export;
pub mod fused;
pub mod grow;
pub mod initial;
pub mod layers;
pub mod likelihood;
pub mod linear;
pub mod loss;
pub mod lossless;
pub mod model;
pub mod optimizer;
pub mod options;
pub mod packets;
pub mod params;
pub mod perceptual;
pub mod prior;
pub mod schedule;
pub mod source;
pub mod train;
pub mod validation;
