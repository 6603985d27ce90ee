//! The networks: what they are ([`config`], [`layer`]) and how they run without libtorch.
//!
//! A network is a list of [`Layer`]s over tensors in `[row, column, channel]` order. Sound has one row. The same
//! list is read by the plain engine here and by the libtorch one, so there is one description of each model, and
//! it travels inside the weight file.
//!
//! [`layers`] holds the parameters, in floats ([`float`]) or in integers ([`integer`]); [`stream`] runs them on rows as they
//! come, [`backward`] on whole tensors and back, for gradients.

pub mod backward;
mod coarse;
pub mod coding_step;
pub mod config;
pub mod float;
pub mod integer;
pub mod layer;
pub mod layers;
mod rows;
pub mod run;
pub mod stream;
pub mod whole;

pub use coding_step::CodingStep;
pub use config::{Kind, ModelConfig};
pub use layer::Layer;
