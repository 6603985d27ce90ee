//! Networks that predict each sample from those around it that are known, along wave fronts.

pub mod fronts;
pub mod inputs;
pub mod model;
pub mod shape;
pub mod tile;
