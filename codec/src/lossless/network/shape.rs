//! Shapes and units of the networks.

use super::inputs::Plane;

/// Gaussians of a mixture.
pub const COMPONENTS: usize = 3;
/// Outputs of a network: as many log₂ weights, means and log₂ scales.
pub const OUTPUTS: usize = 3 * COMPONENTS;
/// Inputs and activations are in 1/16.
pub const ACTIVATION: f32 = 16.0;
/// Weights are in 1/64; so sums are in 1/1024.
pub const WEIGHT: f32 = 64.0;
/// log₂ of [`WEIGHT`]: what makes activations of sums.
pub const SHIFT: u8 = 6;
/// Biases are in 1/1024, of 16 bits.
pub const BIAS: f32 = 1024.0;

/// Names of the layers: `look` sees the inputs, `mix` what `look` found, `head` the inputs and what `mix` found.
pub const LAYERS: [&str; 3] = ["look", "mix", "head"];

/// Widths of the network of a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Of a sample.
    pub inputs: usize,
    /// Outputs of `look` and of `mix`.
    pub width: usize,
}

impl Shape {
    /// The network of a plane.
    pub const fn of(plane: Plane) -> Self {
        let width = if matches!(plane, Plane::First) { 48 } else { 32 };
        Self { inputs: plane.inputs(), width }
    }

    /// Outputs and inputs of each of [`LAYERS`].
    pub const fn layers(self) -> [(usize, usize); 3] {
        let Self { inputs, width } = self;
        [(width, inputs), (width, width), (OUTPUTS, inputs + width)]
    }

    /// Weights and biases of all layers.
    pub fn parameters(self) -> usize {
        self.layers().iter().map(|(outputs, inputs)| outputs * (inputs + 1)).sum()
    }
}
