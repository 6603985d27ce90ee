//! Pointwise and depthwise layers on f32, with weights packed for the instructions of this machine.

pub use super::results::After;
use super::vector::{DepthwiseCall, PointwiseCall};
use super::{Path, dispatch};

/// `W x + b`.
#[derive(Debug)]
pub struct Pointwise {
    path: Path,
    /// `[panels, inputs, panel]`: the columns of a panel are outputs, the last ones zero where a panel is not full.
    weight: Vec<f32>,
    /// `[panels, panel]`.
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl Pointwise {
    /// From a weight `[outputs, inputs]` and a bias `[outputs]`, on the fastest path.
    pub fn new(weight: &[f32], bias: &[f32], inputs: usize) -> Self {
        Self::on(Path::best(), weight, bias, inputs)
    }

    /// As [`Self::new`] on a path of this machine.
    ///
    /// # Panics
    /// If the machine has not the instructions, or the lengths do not fit.
    pub fn on(path: Path, weight: &[f32], bias: &[f32], inputs: usize) -> Self {
        assert!(path.is_available() && inputs > 0 && !bias.is_empty() && weight.len() == inputs * bias.len());
        let (outputs, panel) = (bias.len(), panel(path));
        let panels = outputs.div_ceil(panel);
        let mut packed = vec![0.0; panels * panel * inputs];
        for (weight, packed) in weight.chunks(panel * inputs).zip(packed.chunks_exact_mut(panel * inputs)) {
            for (i, columns) in packed.chunks_exact_mut(panel).enumerate() {
                for (column, row) in columns.iter_mut().zip(weight.chunks_exact(inputs)) {
                    *column = row[i];
                }
            }
        }
        let mut padded = bias.to_vec();
        padded.resize(panels * panel, 0.0);
        Self { path, weight: packed, bias: padded, inputs, outputs }
    }

    /// `Wᵀ`, without a bias.
    pub fn transposed(&self) -> Self {
        let mut transposed = vec![0.0; self.inputs * self.outputs];
        for (o, row) in self.weight().chunks_exact(self.inputs).enumerate() {
            transposed[o..].iter_mut().step_by(self.outputs).zip(row).for_each(|(out, w)| *out = *w);
        }
        Self::new(&transposed, &vec![0.0; self.inputs], self.outputs)
    }

    /// Channels in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The weight as stored in a weight file, `[outputs, inputs]`.
    pub fn weight(&self) -> Vec<f32> {
        let panel = panel(self.path);
        let at = |o: usize, i: usize| self.weight[(o / panel * self.inputs + i) * panel + o % panel];
        (0..self.outputs).flat_map(|o| (0..self.inputs).map(move |i| at(o, i))).collect()
    }

    /// The bias, `[outputs]`.
    pub fn bias(&self) -> &[f32] {
        &self.bias[..self.outputs]
    }

    /// `W x + b` for every row of `x`, and what follows, into the rows of `out`.
    ///
    /// Each sum begins with the bias and takes the inputs in order.
    ///
    /// # Panics
    /// If `x` and `out` are not equally many rows, or a gain has not one value per output.
    pub fn run(&self, x: &[f32], out: &mut [f32], after: After<'_>) {
        let rows = out.len() / self.outputs;
        assert!(out.len() == rows * self.outputs && x.len() == rows * self.inputs);
        if let After::AddScaled(gain) = after {
            assert_eq!(gain.len(), self.outputs);
        }
        let Self { path, ref weight, ref bias, inputs, outputs } = *self;
        dispatch!(path, pointwise(PointwiseCall { weight, bias, inputs, outputs, x, out, after }));
    }
}

/// Columns of a panel: the register tile is as wide as the registers allow.
fn panel(path: Path) -> usize {
    match path {
        Path::Avx512 => 64,
        Path::Avx2 | Path::Neon => 16,
        Path::Wasm | Path::Portable => 8,
    }
}

/// One filter per channel, zeros outside.
#[derive(Debug)]
pub struct Depthwise {
    path: Path,
    /// `[rows · columns, channels]`: tap by tap.
    weight: Vec<f32>,
    bias: Vec<f32>,
    kernel: [usize; 2],
}

impl Depthwise {
    /// From a weight `[channels, rows, columns]` and a bias `[channels]`, on the fastest path.
    pub fn new(weight: &[f32], bias: &[f32], kernel: [usize; 2]) -> Self {
        Self::on(Path::best(), weight, bias, kernel)
    }

    /// As [`Self::new`] on a path of this machine.
    ///
    /// # Panics
    /// If the machine has not the instructions, or the lengths do not fit.
    pub fn on(path: Path, weight: &[f32], bias: &[f32], kernel: [usize; 2]) -> Self {
        let taps = kernel[0] * kernel[1];
        assert!(path.is_available() && kernel.iter().all(|side| side % 2 == 1));
        assert!(!bias.is_empty() && weight.len() == taps * bias.len());
        let tap_by_tap = (0..taps).flat_map(|t| weight.iter().skip(t).step_by(taps).copied()).collect();
        Self { path, weight: tap_by_tap, bias: bias.to_vec(), kernel }
    }

    /// The filters turned by half a turn, without a bias: with zeros outside, that is the transpose.
    pub fn turned(&self) -> Self {
        let mut weight = self.weight();
        let taps: usize = self.kernel.iter().product();
        weight.chunks_exact_mut(taps).for_each(<[f32]>::reverse);
        Self::new(&weight, &vec![0.0; self.channels()], self.kernel)
    }

    /// Channels in and out.
    pub fn channels(&self) -> usize {
        self.bias.len()
    }

    /// Rows and columns.
    pub fn kernel(&self) -> [usize; 2] {
        self.kernel
    }

    /// The weight as stored in a weight file, `[channels, rows, columns]`.
    pub fn weight(&self) -> Vec<f32> {
        let channels = self.channels();
        (0..channels).flat_map(|c| self.weight.iter().skip(c).step_by(channels).copied()).collect()
    }

    /// The bias, `[channels]`.
    pub fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// The filtered positions of one row from `column` on, as many as `out` holds, with ReLU or without.
    ///
    /// `rows` are the rows of the input that the filter covers, each `[width, channels]`, or empty outside the
    /// picture. A filter along one axis also runs along the other: then there are as many rows as it has columns.
    /// Each sum begins with the bias and takes the taps row by row.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn run(&self, rows: &[&[f32]], width: usize, column: usize, relu: bool, out: &mut [f32]) {
        let channels = self.channels();
        assert!(out.len().is_multiple_of(channels) && column + out.len() / channels <= width);
        let kernel = [rows.len(), self.kernel[0] * self.kernel[1] / rows.len().max(1)];
        assert!(kernel == self.kernel || kernel == [self.kernel[1], self.kernel[0]]);
        assert!(rows.iter().all(|row| row.is_empty() || row.len() == width * channels));
        let Self { path, ref weight, ref bias, .. } = *self;
        dispatch!(path, depthwise(DepthwiseCall { weight, bias, kernel, rows, width, column, relu, out }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::reals;

    /// One multiply-add as the path rounds it.
    fn multiply_add(path: Path) -> impl Fn(f32, f32, f32) -> f32 {
        move |x, w, sum| if path.fuses() { x.mul_add(w, sum) } else { x * w + sum }
    }

    #[test]
    fn every_path_sums_in_the_stated_order() {
        for path in Path::available() {
            let fma = multiply_add(path);
            for (rows, inputs, outputs) in [(1, 1, 1), (5, 3, 70), (13, 128, 64), (6, 200, 192), (8, 17, 129)]
            {
                let (w, b) = (reals(inputs * outputs, 1), reals(outputs, 2));
                let (x, before) = (reals(rows * inputs, 3), reals(rows * outputs, 4));
                let gain = reals(outputs, 5);
                let layer = Pointwise::on(path, &w, &b, inputs);
                assert_eq!((layer.weight(), layer.bias()), (w.clone(), &b[..]));
                for after in [After::Store, After::Relu, After::Add, After::AddScaled(&gain)] {
                    let mut out = before.clone();
                    layer.run(&x, &mut out, after);
                    for (index, value) in out.iter().enumerate() {
                        let (row, o) = (index / outputs, index % outputs);
                        let sum =
                            (0..inputs).fold(b[o], |sum, i| fma(x[row * inputs + i], w[o * inputs + i], sum));
                        let expected = match after {
                            After::Store => sum,
                            After::Relu => sum.max(0.0),
                            After::Add => before[index] + sum,
                            After::AddScaled(gain) => fma(sum, gain[o], before[index]),
                        };
                        assert_eq!(*value, expected, "{path:?} {rows} {inputs} {outputs} {after:?} {index}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_path_filters_with_zeros_outside() {
        for path in Path::available() {
            let fma = multiply_add(path);
            for (kernel, width, channels) in
                [([3, 3], 7, 64), ([1, 7], 5, 13), ([3, 3], 1, 77), ([5, 3], 9, 8)]
            {
                let [r, s]: [usize; 2] = kernel;
                let (w, b) = (reals(r * s * channels, 6), reals(channels, 7));
                let layer = Depthwise::on(path, &w, &b, kernel);
                assert_eq!((layer.weight(), layer.bias()), (w.clone(), &b[..]));
                let x = reals(r * width * channels, 8);
                let mut rows: Vec<&[f32]> = x.chunks_exact(width * channels).collect();
                if r > 1 {
                    rows[0] = &[];
                }
                let mut whole = vec![0.0; width * channels];
                layer.run(&rows, width, 0, false, &mut whole);
                for (index, value) in whole.iter().enumerate() {
                    let (column, c) = (index / channels, index % channels);
                    let mut sum = b[c];
                    for (v, row) in rows.iter().enumerate().filter(|(_, row)| !row.is_empty()) {
                        for u in 0..s {
                            let Some(at) = (column + u).checked_sub(s / 2).filter(|at| *at < width) else {
                                continue;
                            };
                            sum = fma(row[at * channels + c], w[c * r * s + v * s + u], sum);
                        }
                    }
                    assert_eq!(*value, sum, "{path:?} {kernel:?} {index}");
                }
                let mut part = vec![0.0; (width - width / 2) * channels];
                layer.run(&rows, width, width / 2, true, &mut part);
                let expected: Vec<f32> = whole[width / 2 * channels..].iter().map(|v| v.max(0.0)).collect();
                assert_eq!(part, expected);
            }
        }
    }
}
