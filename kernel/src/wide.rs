//! Pointwise layers on integers of 16 bits, sums of 32: where 8 bits would be seen.

use super::dot::{DenseCall, Rows};
use super::integer::{panel, panels};
use super::results::Results;
use super::{Path, dispatch};

/// `W x + b`.
#[derive(Debug)]
pub struct Wide {
    path: Path,
    /// `[panels, groups, panel]`: each element is the weights of an output for two inputs, the first in the low bits.
    weight: Vec<i32>,
    /// `[panels, panel]`.
    bias: Vec<i32>,
    /// As the bias: none are shifted.
    shift: Vec<i32>,
    inputs: usize,
    outputs: usize,
}

impl Wide {
    /// From a weight `[outputs, inputs]` and biases.
    pub fn new(weight: &[i16], bias: &[i32], inputs: usize) -> Self {
        Self::on(Path::best(), weight, bias, inputs)
    }

    /// As [`Self::new`] on a path of this machine.
    ///
    /// # Panics
    /// If the machine has not the instructions, or the lengths do not fit.
    pub fn on(path: Path, weight: &[i16], bias: &[i32], inputs: usize) -> Self {
        let outputs = bias.len();
        assert!(path.is_available() && inputs > 0 && outputs > 0 && weight.len() == inputs * outputs);
        let bits = |w: i16| i32::from(w as u16);
        let pair = |pair: &[i16]| bits(pair[0]) | pair.get(1).map_or(0, |w| bits(*w)) << 16;
        let packed = panels(weight, inputs, panel(path), 2, pair);
        let padded = outputs.next_multiple_of(panel(path));
        let mut bias = bias.to_vec();
        bias.resize(padded, 0);
        Self { path, weight: packed, shift: vec![0; padded], bias, inputs, outputs }
    }

    /// Channels in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Inputs of a row as [`Self::run`] takes them: an even number.
    pub fn stride(&self) -> usize {
        self.inputs.next_multiple_of(2)
    }

    /// The weight as stored in a weight file, `[outputs, inputs]`.
    pub fn weight(&self) -> Vec<i16> {
        let (panel, groups) = (panel(self.path), self.inputs.div_ceil(2));
        let mut weight = Vec::with_capacity(self.inputs * self.outputs);
        for output in 0..self.outputs {
            let first = output / panel * panel * groups + output % panel;
            let row = self.weight[first..].iter().step_by(panel).take(groups);
            weight.extend(row.flat_map(|packed| [*packed as i16, (packed >> 16) as i16]).take(self.inputs));
        }
        weight
    }

    /// The bias of each output.
    pub fn bias(&self) -> &[i32] {
        &self.bias[..self.outputs]
    }

    /// The layer at every row of [`Self::stride`] inputs.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn run(&self, x: &[i16], results: Results<'_>) {
        let rows = results.len(self.outputs) / self.outputs;
        assert_eq!(x.len(), rows * self.stride());
        let Self { path, ref weight, ref bias, ref shift, outputs, .. } = *self;
        let x = Rows { first: x.as_ptr().cast(), stride: 2 * self.stride() };
        let groups = self.inputs.div_ceil(2);
        dispatch!(path, wide(DenseCall { weight, bias, shift, groups, outputs, x, rows, results }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_computes_the_definition() {
        let mut state = 1u64;
        let mut number = |limit: i64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) as i64).rem_euclid(2 * limit + 1) - limit
        };
        for (inputs, outputs, rows) in [(1, 1, 1), (7, 5, 3), (128, 192, 13), (64, 70, 6)] {
            let weight: Vec<i16> = (0..inputs * outputs).map(|_| number(500) as i16).collect();
            let bias: Vec<i32> = (0..outputs).map(|_| number(1 << 20) as i32).collect();
            let stride = usize::next_multiple_of(inputs, 2);
            let x: Vec<i16> = (0..rows * stride).map(|_| number(32767) as i16).collect();
            let scale: Vec<f32> = (0..outputs).map(|_| number(1000) as f32 * 1e-9).collect();
            let sum = |row: usize, o: usize| {
                let pairs = x[row * stride..][..inputs].iter().zip(&weight[o * inputs..]);
                i64::from(bias[o]) + pairs.map(|(x, w)| i64::from(*x) * i64::from(*w)).sum::<i64>()
            };
            for path in Path::available() {
                let layer = Wide::on(path, &weight, &bias, inputs);
                assert_eq!(
                    (layer.weight(), layer.bias(), layer.stride()),
                    (weight.clone(), &bias[..], stride)
                );
                let mut sums = vec![0; rows * outputs];
                layer.run(&x, Results::Integers(&mut sums));
                let (mut reals, mut added) = (vec![0.0; sums.len()], vec![0.25; sums.len()]);
                layer.run(&x, Results::Reals(&scale, &mut reals));
                layer.run(&x, Results::Added(&scale, &mut added));
                for at in 0..sums.len() {
                    let (row, o) = (at / outputs, at % outputs);
                    assert_eq!(i64::from(sums[at]), sum(row, o), "{path:?} {inputs}→{outputs}");
                    let real = sums[at] as f32 * scale[o];
                    assert_eq!([reals[at], added[at]], [real, 0.25 + real], "{path:?}");
                }
            }
        }
    }
}
