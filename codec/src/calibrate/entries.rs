//! The tensors of layers in integers, on their way to a weight file.

use crate::config::ModelConfig;
use crate::weight_file::{Error, TensorMap};
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;
use wavern_kernel::codes::{SIGNED_LIMIT, WIDE_LIMIT};
use wavern_kernel::float;

/// Largest sum of the magnitudes of the 16-bit weights of an output: with the largest codes, sums stay below 2^31.
const WIDE_WEIGHTS: f32 = 60_000.0;

/// Largest magnitude of a bias in steps.
const LARGEST_BIAS: f32 = (1 << 24) as f32;

/// A weight `[outputs, inputs …]` and its bias.
pub(super) struct Matrix {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
    pub shape: Vec<usize>,
}

impl From<&float::Pointwise> for Matrix {
    fn from(layer: &float::Pointwise) -> Self {
        let shape = vec![layer.outputs(), layer.inputs()];
        Self { weight: layer.weight(), bias: layer.bias().to_vec(), shape }
    }
}

/// Tensors of a weight file before they are written.
#[derive(Default)]
pub(super) struct Entries(BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>);

impl Entries {
    /// A tensor of another file as it is.
    pub fn copy(&mut self, map: &TensorMap<'_>, name: &str) -> Result<(), Error> {
        let (dtype, shape, data) = map.entry(name)?;
        self.0.insert(name.to_owned(), (dtype, shape, data.to_vec()));
        Ok(())
    }

    pub fn floats(&mut self, prefix: &str, name: &str, values: &[f32]) {
        self.array(format!("{prefix}{name}"), vec![values.len()], values);
    }

    fn array(&mut self, name: String, shape: Vec<usize>, values: &[f32]) {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.0.insert(name, (Dtype::F32, shape, bytes));
    }

    /// Weights of 8 bits for inputs in codes, outputs in codes too if these have `outputs` factors.
    pub fn narrow(&mut self, prefix: &str, matrix: Matrix, inputs: &[f32], outputs: Option<&[f32]>) {
        let (weight, steps) =
            rounded(&matrix.weight, &matrix.bias, inputs, |row| largest(row) / SIGNED_LIMIT);
        let bytes = weight.iter().map(|&w| w as i8 as u8).collect();
        self.0.insert(format!("{prefix}weight"), (Dtype::I8, matrix.shape, bytes));
        self.offsets(prefix, &matrix.bias, &steps, outputs);
    }

    /// Weights of 16 bits.
    pub fn wide(&mut self, prefix: &str, layer: &float::Pointwise, inputs: &[f32]) {
        let sum = |row: &[f32]| row.iter().map(|w| w.abs()).sum::<f32>();
        let step = |row: &[f32]| (sum(row) / WIDE_WEIGHTS).max(largest(row) / WIDE_LIMIT);
        let (weight, steps) = rounded(&layer.weight(), layer.bias(), inputs, step);
        let bytes = weight.iter().flat_map(|&w| (w as i16).to_le_bytes()).collect();
        self.0.insert(format!("{prefix}weight"), (Dtype::I16, vec![layer.outputs(), layer.inputs()], bytes));
        self.floats(prefix, "factor", inputs);
        self.offsets(prefix, layer.bias(), &steps, None);
    }

    /// A layer in floats.
    #[cfg(test)]
    pub fn real(&mut self, prefix: &str, layer: &float::Pointwise) {
        let shape = vec![layer.outputs(), layer.inputs()];
        self.array(format!("{prefix}weight"), shape, &layer.weight());
        self.floats(prefix, "bias", layer.bias());
    }

    /// A depthwise layer in floats.
    #[cfg(test)]
    pub fn real_filter(&mut self, prefix: &str, layer: &float::Depthwise) {
        let [rows, columns] = layer.kernel();
        self.array(format!("{prefix}weight"), vec![layer.channels(), rows, columns], &layer.weight());
        self.floats(prefix, "bias", layer.bias());
    }

    /// Biases in steps of the sums, and what makes outputs of the sums.
    fn offsets(&mut self, prefix: &str, bias: &[f32], steps: &[f32], outputs: Option<&[f32]>) {
        let bias = bias.iter().zip(steps);
        let bias = bias.map(|(b, step)| (f64::from(*b) / f64::from(*step)).round() as i32);
        let bytes = bias.flat_map(i32::to_le_bytes).collect();
        self.0.insert(format!("{prefix}bias"), (Dtype::I32, vec![steps.len()], bytes));
        let scale: Vec<f32> = match outputs {
            Some(factors) => steps.iter().zip(factors).map(|(step, factor)| step * factor).collect(),
            None => steps.to_vec(),
        };
        self.floats(prefix, "scale", &scale);
    }

    pub fn file(&self, config: &ModelConfig) -> Result<Vec<u8>, Error> {
        let json = serde_json::to_string(config).map_err(|e| Error::Config(e.to_string()))?;
        let container = |e: safetensors::SafeTensorError| Error::Container(e.to_string());
        let views = self.0.iter().map(|(name, (dtype, shape, bytes))| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name, view)).map_err(container)
        });
        let views: Vec<_> = views.collect::<Result<_, _>>()?;
        let metadata = [("wavern".to_owned(), json)].into_iter().collect();
        safetensors::serialize(views, Some(metadata)).map_err(container)
    }
}

/// Rows of weights, over the factors of their inputs, in steps: the step of each row as `step` says, but large enough
/// for its bias. Where all inputs of a row are closed, the bias is all that there is.
fn rounded(
    weight: &[f32],
    bias: &[f32],
    inputs: &[f32],
    step: impl Fn(&[f32]) -> f32,
) -> (Vec<f32>, Vec<f32>) {
    let (mut out, mut steps) = (Vec::with_capacity(weight.len()), Vec::new());
    for (row, bias) in weight.chunks_exact(inputs.len()).zip(bias) {
        let row: Vec<f32> = row.iter().zip(inputs).map(|(w, factor)| w / factor).collect();
        let step = step(&row).max(bias.abs() / LARGEST_BIAS).max(1e-12);
        out.extend(row.iter().map(|w| (w / step).round_ties_even()));
        steps.push(step);
    }
    (out, steps)
}

fn largest(row: &[f32]) -> f32 {
    row.iter().fold(0.0, |m, w| m.max(w.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_rounded_to_steps_of_their_row() {
        let step = |row: &[f32]| largest(row) / 10.0;
        let (codes, steps) = rounded(&[1.0, -8.0, 0.0, 0.5], &[1.0, 0.0], &[1.0, 4.0], step);
        assert_eq!((codes, steps), (vec![5.0, -10.0, 0.0, 10.0], vec![0.2, 0.0125]));
    }

    #[test]
    fn a_bias_survives_inputs_that_are_always_closed() {
        let step = |row: &[f32]| largest(row) / SIGNED_LIMIT;
        let (codes, steps) = rounded(&[0.1], &[-2.5], &[255.0 / 1e-6], step);
        assert_eq!(codes, [0.0]);
        assert_eq!((-2.5 / steps[0]).round(), -LARGEST_BIAS);
    }
}
