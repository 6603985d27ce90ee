//! Pointwise layers in integers of 8 bits for gradients, which steer a search and need no more than that.
//!
//! The weights of each output have a step of their own; the inputs are codes whose step is set by the largest value of
//! the positions that go through the layer together. So gradients of any size keep seven bits, and as they are exact
//! integers between single operations on floats, they are the same on every machine.

use std::cell::RefCell;
use wavern_kernel::codes::{self, SIGNED_LIMIT};
use wavern_kernel::integer::{Dense, Results};

/// A linear map of rows.
#[derive(Debug)]
pub struct Coarse {
    layer: Dense,
    /// Of a weight, output by output.
    steps: Vec<f32>,
    inputs: usize,
}

thread_local! {
    /// Codes of the inputs, and what belongs to inputs and outputs.
    static BUFFERS: RefCell<(Vec<u8>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

impl Coarse {
    /// Near the transpose of `W diag(factors)` for the weight `W[o, i] = codes[o, i] · steps[o]`: `[outputs, inputs]`;
    /// factors are ones if missing.
    pub fn transpose<T: Copy + Into<f32>>(codes: &[T], steps: &[f32], factors: Option<&[f32]>) -> Self {
        let (inputs, outputs) = (steps.len(), codes.len() / steps.len());
        let rows = || codes.chunks_exact(outputs).zip(steps);
        let mut largest = vec![f32::MIN_POSITIVE; outputs];
        for (row, step) in rows() {
            for (largest, code) in largest.iter_mut().zip(row) {
                *largest = largest.max((*code).into().abs() * step.abs());
            }
        }
        let to_codes: Vec<f32> = largest.iter().map(|largest| SIGNED_LIMIT / largest).collect();
        let mut transposed = vec![0; codes.len()];
        for (at, (row, step)) in rows().enumerate() {
            let columns = transposed[at..].iter_mut().step_by(inputs);
            for ((out, code), to_codes) in columns.zip(row).zip(&to_codes) {
                let value = (*code).into() * step * to_codes;
                *out = codes::nearest(codes::limit(value, -SIGNED_LIMIT, SIGNED_LIMIT)) as i8;
            }
        }
        let zeros = vec![0; outputs];
        let layer = Dense::new(&transposed, &zeros, &vec![0; outputs], inputs, true);
        let factor = |i: usize| factors.map_or(1.0, |factors| factors[i]);
        let steps =
            largest.iter().enumerate().map(|(i, largest)| largest / SIGNED_LIMIT * factor(i)).collect();
        Self { layer, steps, inputs }
    }

    /// Channels in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels out.
    pub fn outputs(&self) -> usize {
        self.steps.len()
    }

    /// The map at every row of `x`, stored in `out`, or added to it.
    pub fn run(&self, x: &[f32], out: &mut [f32], add: bool) {
        let mut largest = 0.0;
        codes::largest(x, &mut largest);
        if !(1e-30..1e30).contains(&largest) {
            out.iter_mut().filter(|_| !add).for_each(|out| *out = 0.0);
            return;
        }
        let factor = SIGNED_LIMIT / largest;
        BUFFERS.with_borrow_mut(|(bytes, factors)| {
            bytes.resize(x.len(), 0);
            factors.clear();
            factors.resize(self.inputs, factor);
            codes::bytes(x, factors, bytes);
            factors.clear();
            factors.extend(self.steps.iter().map(|step| step / factor));
            let results = if add { Results::Added(factors, out) } else { Results::Reals(factors, out) };
            self.layer.run(bytes, self.inputs, None, results);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern_kernel::arbitrary::reals;

    #[test]
    fn products_of_any_size_are_right_to_a_few_percent() {
        let (inputs, outputs, positions) = (48, 20, 7);
        let weight = reals(inputs * outputs, 1);
        let turned: Vec<f32> =
            (0..inputs).flat_map(|i| weight.iter().skip(i).step_by(inputs).copied()).collect();
        let coarse = Coarse::transpose(&turned, &vec![1.0; inputs], None);
        assert_eq!((coarse.inputs(), coarse.outputs()), (inputs, outputs));
        for size in [1e-20f32, 1.0, 1e12] {
            let x: Vec<f32> = reals(inputs * positions, 2).iter().map(|v| v * size).collect();
            let mut out = vec![size; outputs * positions];
            coarse.run(&x, &mut out, true);
            let (mut error, mut power) = (0.0, 0.0);
            for (out, x) in out.chunks_exact(outputs).zip(x.chunks_exact(inputs)) {
                for (out, row) in out.iter().zip(weight.chunks_exact(inputs)) {
                    let exact: f64 = row.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
                    error += (f64::from(*out - size) - exact).powi(2);
                    power += exact * exact;
                }
            }
            assert!(error < 1e-3 * power, "{error} of {power}");
        }
        let mut out = vec![1.0; outputs];
        coarse.run(&vec![0.0; inputs], &mut out, true);
        assert_eq!(out, vec![1.0; outputs]);
        coarse.run(&vec![0.0; inputs], &mut out, false);
        assert_eq!(out, vec![0.0; outputs]);
    }
}
