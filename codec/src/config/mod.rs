//! What a model is: its networks layer by layer, the order of coding, the units of its integers. All of it is stored in
//! the weight file or part of the format.

mod context;
mod defaults;
pub mod layer;
mod model;
pub mod units;

pub use context::{CodingStep, ContextConfig};
pub use layer::Layer;
pub use model::{EnvelopeConfig, Kind, ModelConfig};
