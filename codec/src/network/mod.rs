//! The networks: what they are ([`config`], [`layer`]) and how they run without libtorch ([`plain`], [`quantized`]).
//!
//! A network is a list of [`Layer`]s over tensors in `[row, column, channel]` order. Sound has one row. The same
//! list is read by the plain engine here and by the libtorch one, so there is one description of each model, and
//! it travels inside the weight file.

pub mod backward;
mod coarse;
pub mod coding_step;
pub mod config;
pub mod layer;
pub mod plain;
pub mod quantize;
pub mod quantized;
mod rows;
pub mod stream;
mod tensor;

pub use coding_step::CodingStep;
pub use config::{Kind, ModelConfig};
pub use layer::Layer;
pub use tensor::Tensor;
