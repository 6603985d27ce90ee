//! The networks of a model at work, without libtorch.
//!
//! A network is a list of [`Layer`](crate::config::Layer)s over tensors in `[row, column, channel]` order. Sound has
//! one row. The same list is read by the plain engine here and by the libtorch one, so there is one description of each
//! model, and it travels inside the weight file.
//!
//! [`layers`] holds the parameters, in floats ([`float`]) or in integers ([`integer`]); [`stream`] runs them row by
//! row, [`backward`] on whole tensors and back, for gradients.

pub mod backward;
mod coarse;
pub mod float;
pub mod integer;
pub mod layers;
mod residual;
mod rows;
pub mod run;
pub mod stream;
pub mod whole;
mod wide;
