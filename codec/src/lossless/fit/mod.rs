//! Networks that are fitted to one picture: a descent by the encoder, and whole-number changes of weights in the file.

mod batch;
mod deltas;
mod descent;
mod real;

#[cfg(test)]
mod tests;

pub use batch::{Batch, MARGIN};
pub use deltas::{read, write};
pub use descent::{Descent, Samples};
