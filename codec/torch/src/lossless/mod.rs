//! Training of the networks for pictures without loss, from crops to the weight file.
//!
//! * [`pictures`], [`crops`]: files → crops, altered as pictures of a kind are.
//! * [`network`]: the networks of a set as functions of parameters, whose inputs the codec itself makes in integers.
//! * [`train`]: the loop.
//! * [`export`]: sets → the weight file, and back.

pub mod crops;
pub mod export;
pub mod network;
pub mod pictures;
pub mod train;
