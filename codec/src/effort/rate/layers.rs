//! The layers of the integer networks in floats, each with its transpose.

use crate::config::units;
use wavern_kernel::float::{After, Depthwise, Pointwise};

/// Parameters of an integer layer, as in the weight file.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) weight: Vec<i8>,
    pub(super) bias: Vec<i32>,
    pub(super) shift: Vec<u8>,
}

/// A pointwise layer in units of its outputs, and its transpose.
#[derive(Debug)]
pub(super) struct Dense {
    pub(super) forward: Pointwise,
    pub(super) backward: Pointwise,
}

impl Dense {
    pub(super) fn new(source: &Source, more: &[i32]) -> Self {
        let inputs = source.weight.len() / source.bias.len();
        let (weight, bias) = scaled(source, more);
        let forward = Pointwise::new(&weight, &bias, inputs);
        let backward = forward.transposed();
        Self { forward, backward }
    }

    pub(super) fn outputs(&self) -> usize {
        self.forward.outputs()
    }

    /// Activations of the rows of `x`.
    pub(super) fn run(&self, x: &[f32], out: &mut Vec<f32>) {
        out.resize(x.len() / self.forward.inputs() * self.outputs(), 0.0);
        self.forward.run(x, out, After::Relu);
        saturate(out);
    }
}

/// A depthwise layer likewise.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) forward: Depthwise,
    pub(super) backward: Depthwise,
}

impl Filter {
    pub(super) fn new(source: &Source, kernel: [usize; 2]) -> Self {
        let (weight, bias) = scaled(source, &[]);
        let forward = Depthwise::new(&weight, &bias, kernel);
        let backward = forward.turned();
        Self { forward, backward }
    }
}

/// Weights and biases times `2^-shift`.
fn scaled(source: &Source, more: &[i32]) -> (Vec<f32>, Vec<f32>) {
    let per_output = source.weight.len() / source.bias.len();
    let scale: Vec<f32> = source.shift.iter().map(|&s| (-f32::from(s)).exp2()).collect();
    let rows = source.weight.chunks_exact(per_output).zip(&scale);
    let weight = rows.flat_map(|(row, s)| row.iter().map(move |w| f32::from(*w) * s)).collect();
    let more = more.iter().copied().chain(std::iter::repeat(0));
    let bias = source.bias.iter().zip(more).zip(&scale).map(|((b, m), s)| (b + m) as f32 * s).collect();
    (weight, bias)
}

/// Limits activations as the integer networks do.
pub(super) fn saturate(activations: &mut [f32]) {
    activations.iter_mut().for_each(|v| *v = v.min(units::ACTIVATION_LIMIT as f32));
}
