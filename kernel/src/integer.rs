//! Pointwise and depthwise layers on integers: activations of 8 bits without sign, weights of 8 bits, sums of 32.
//!
//! Nothing is rounded before the shift, so every path gives the same integers; no sum of a model that was proven exact
//! comes near 2^31. A synthesis scales its sums instead: one conversion to f32 and one
//! multiplication, each rounded as IEEE 754 has it, are the same everywhere too.

use super::codes::SIGNED_ZERO;
use super::dot::{DenseCall, Rows};
use super::filter::{self, Footprint};
pub use super::results::Results;
use super::{Path, dispatch, multiversion};
use std::cell::RefCell;

/// `(W x + b) >> shift`, halves rounded upwards if the bias has them.
#[derive(Debug)]
pub struct Dense {
    path: Path,
    /// `[panels, groups, panel]`: each element is the weights of an output for a group of inputs, four of 8 bits or two
    /// of 16 bits, the first in the low bits.
    weight: Vec<i32>,
    /// `[panels, panel]`, minus what the offset of inputs with a sign adds.
    bias: Vec<i32>,
    /// `[panels, panel]`.
    shift: Vec<i32>,
    inputs: usize,
    outputs: usize,
}

impl Dense {
    /// From a weight `[outputs, inputs]`, biases and shifts (0..=24). Inputs are activations, or, if `signed`, numbers
    /// from −127 to 127 plus [`SIGNED_ZERO`].
    pub fn new(weight: &[i8], bias: &[i32], shift: &[u8], inputs: usize, signed: bool) -> Self {
        Self::on(Path::best(), weight, bias, shift, inputs, signed)
    }

    /// As [`Self::new`] on a path of this machine.
    ///
    /// # Panics
    /// If the machine has not the instructions, or the lengths do not fit.
    pub fn on(path: Path, weight: &[i8], bias: &[i32], shift: &[u8], inputs: usize, signed: bool) -> Self {
        let outputs = bias.len();
        assert!(path.is_available() && inputs > 0 && outputs > 0);
        assert!(weight.len() == inputs * outputs && shift.len() == outputs);
        let (panel, group) = (panel(path), group(path));
        let packed = panels(weight, inputs, panel, group, |inputs| pack(inputs, group));
        let padded = outputs.next_multiple_of(panel);
        let excess = |row: &[i8]| i32::from(SIGNED_ZERO) * row.iter().map(|&w| i32::from(w)).sum::<i32>();
        let rows = weight.chunks_exact(inputs);
        let bias = bias.iter().zip(rows).map(|(b, row)| if signed { b - excess(row) } else { *b });
        let pad = |mut v: Vec<i32>| {
            v.resize(padded, 0);
            v
        };
        let (bias, shift) = (pad(bias.collect()), pad(shift.iter().map(|&s| s.into()).collect()));
        Self { path, weight: packed, bias, shift, inputs, outputs }
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
    pub fn weight(&self) -> Vec<i8> {
        let (panel, group) = (panel(self.path), group(self.path));
        let groups = self.inputs.div_ceil(group);
        let mut weight = Vec::with_capacity(self.inputs * self.outputs);
        for output in 0..self.outputs {
            let first = output / panel * panel * groups + output % panel;
            let row = self.weight[first..].iter().step_by(panel).take(groups);
            let row =
                row.flat_map(|packed| (0..group).map(move |lane| (packed >> (lane * 32 / group)) as i8));
            weight.extend(row.take(self.inputs));
        }
        weight
    }

    /// The biases with `more` added to those of the outputs, as [`Self::run`] takes them.
    pub fn bias(&self, more: &[i32]) -> Vec<i32> {
        let mut bias = self.bias.clone();
        bias.iter_mut().zip(more).for_each(|(b, more)| *b += more);
        bias
    }

    /// The layer at every row: `x` holds a row every `stride` elements, of which the first `inputs` count. `bias` are
    /// other biases than the layer's own, from [`Self::bias`].
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn run(&self, x: &[u8], stride: usize, bias: Option<&[i32]>, results: Results<'_>) {
        let rows = results.len(self.outputs) / self.outputs;
        assert!(stride >= self.inputs);
        assert!(rows == 0 || x.len() >= (rows - 1) * stride + self.inputs);
        let bias = bias.unwrap_or(&self.bias);
        assert!(bias.len() == self.bias.len());
        if rows == 0 {
            return;
        }
        let Self { path, ref weight, ref shift, inputs, outputs, .. } = *self;
        let groups = inputs.div_ceil(group(path));
        let call = |x| DenseCall { weight, bias, shift, groups, outputs, x, rows, results };
        if group(path) == 4 && inputs.is_multiple_of(4) {
            let x = Rows { first: x.as_ptr().cast(), stride };
            return dispatch!(path, dense(call(x)));
        }
        WIDE.with_borrow_mut(|wide| {
            // Whole groups, with zeros behind the inputs; 16 bits each where the instructions want them.
            let bytes = 4 * groups;
            wide.clear();
            wide.resize(rows * groups, 0);
            for (row, wide) in wide.chunks_exact_mut(groups).enumerate() {
                let group = group(path);
                let row = &x[row * stride..][..inputs];
                if group == 2 {
                    // All but an odd last one, in a loop that compilers turn into vectors.
                    for (out, pair) in wide.iter_mut().zip(row.chunks_exact(2)) {
                        *out = i32::from(pair[0]) | i32::from(pair[1]) << 16;
                    }
                    if let ([last], Some(out)) = (row.chunks_exact(2).remainder(), wide.last_mut()) {
                        *out = i32::from(*last);
                    }
                    continue;
                }
                for (out, inputs) in wide.iter_mut().zip(row.chunks(group)) {
                    let bits = |(i, v): (usize, &u8)| i32::from(*v) << (i * 32 / group);
                    *out = inputs.iter().enumerate().map(bits).fold(0, |a, b| a | b);
                }
            }
            let x = Rows { first: wide.as_ptr(), stride: bytes };
            dispatch!(path, dense(call(x)));
        });
    }
}

thread_local! {
    static WIDE: RefCell<Vec<i32>> = const { RefCell::new(Vec::new()) };
}

/// Inputs that one instruction multiplies and adds up for each output.
fn group(path: Path) -> usize {
    if path == Path::Avx512 { 4 } else { 2 }
}

/// Columns of a panel.
pub(crate) fn panel(path: Path) -> usize {
    match path {
        Path::Avx512 => 64,
        Path::Avx2 | Path::Neon => 16,
        Path::Wasm | Path::Portable => 8,
    }
}

/// A weight `[outputs, inputs]` as `[panels, groups, panel]`, its outputs padded to whole panels with zeros. `pack`
/// makes an element of the weights of an output for `group` inputs, or for the fewer that are left.
pub(crate) fn panels<W>(
    weight: &[W],
    inputs: usize,
    panel: usize,
    group: usize,
    pack: impl Fn(&[W]) -> i32,
) -> Vec<i32> {
    let (outputs, groups) = (weight.len() / inputs, inputs.div_ceil(group));
    let mut packed = vec![0; outputs.next_multiple_of(panel) * groups];
    for (output, row) in weight.chunks_exact(inputs).enumerate() {
        let first = output / panel * panel * groups + output % panel;
        for (at, inputs) in packed[first..].iter_mut().step_by(panel).zip(row.chunks(group)) {
            *at = pack(inputs);
        }
    }
    packed
}

/// Weights of a group of inputs, those beyond the last as zeros.
fn pack(weights: &[i8], group: usize) -> i32 {
    let bits = |(i, &w): (usize, &i8)| {
        if group == 4 { i32::from(w as u8) << (8 * i) } else { i32::from(w as i16 as u16) << (16 * i) }
    };
    weights.iter().enumerate().map(bits).fold(0, |a, b| a | b)
}

/// Rows of the largest filter that a network may have.
pub const MAX_ROWS: usize = 31;

/// One filter per channel on activations, zeros outside.
#[derive(Debug)]
pub struct Depthwise {
    /// `[rows · columns, channels]`: tap by tap.
    weight: Vec<i16>,
    bias: Vec<i32>,
    shift: Vec<i32>,
    kernel: [usize; 2],
}

impl Depthwise {
    /// From a weight `[channels, rows, columns]`, biases and shifts.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn new(weight: &[i8], bias: &[i32], shift: &[u8], kernel: [usize; 2]) -> Self {
        let taps = kernel[0] * kernel[1];
        assert!(weight.len() == taps * bias.len() && shift.len() == bias.len() && !bias.is_empty());
        let tap_by_tap = (0..taps).flat_map(|t| weight.iter().skip(t).step_by(taps).map(|&w| i16::from(w)));
        assert!(kernel[0] <= MAX_ROWS);
        let shift = shift.iter().map(|&s| s.into()).collect();
        Self { weight: tap_by_tap.collect(), bias: bias.to_vec(), shift, kernel }
    }

    /// Channels in and out.
    pub fn channels(&self) -> usize {
        self.bias.len()
    }

    /// The filtered position (`row`, `column`) of `x`, `[height, width, channels]`, limited to 0..=255.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn at(&self, x: &[u8], [height, width]: [usize; 2], [row, column]: [usize; 2], out: &mut [u8]) {
        let line = width * self.channels();
        assert!(x.len() == height * line && out.len() == self.channels() && column < width);
        let mut rows: [&[u8]; MAX_ROWS] = [&[]; MAX_ROWS];
        let [r, side] = self.kernel;
        for (v, slot) in rows[..r].iter_mut().enumerate() {
            if let Some(y) = (row + v).checked_sub(r / 2).filter(|y| *y < height) {
                *slot = &x[y * line..][..line];
            }
        }
        filter_at(self, Footprint { rows: &rows[..r], side, width, column }, out);
    }
}

multiversion! {
    /// See [`Depthwise::at`].
    pub fn filter_at(layer: &Depthwise, place: Footprint<'_>, out: &mut [u8]) {
        filter::filter(place, &layer.weight, &layer.bias, &layer.shift, out, |sum, shift| {
            (sum >> (shift & 31)).clamp(0, 255) as u8
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::integers;

    #[test]
    fn every_path_computes_the_definition() {
        let shapes = [(1, 1, 1), (3, 5, 2), (96, 160, 13), (224, 161, 6), (257, 37, 70), (64, 384, 1)];
        for ((inputs, outputs, rows), signed) in shapes.into_iter().flat_map(|s| [(s, false), (s, true)]) {
            let weight: Vec<i8> = integers(inputs * outputs, -127, 127).iter().map(|&w| w as i8).collect();
            let bias: Vec<i32> = integers(outputs, -500_000, 500_000).iter().map(|&b| b as i32).collect();
            let shift: Vec<u8> = (0..outputs).map(|i| (i % 14) as u8).collect();
            let (low, high) = if signed { (-127, 127) } else { (0, 255) };
            // Rows are longer than the layer looks: what lies behind must not count.
            let stride = inputs + 5;
            let x = integers(rows * stride, low, high);
            let zero = if signed { i64::from(SIGNED_ZERO) } else { 0 };
            let bytes: Vec<u8> = x.iter().map(|v| (v + zero) as u8).collect();
            let expected: Vec<i64> = (0..rows * outputs)
                .map(|at| {
                    let (row, output) = (at / outputs, at % outputs);
                    let (x, w) = (&x[row * stride..][..inputs], &weight[output * inputs..][..inputs]);
                    let sum: i64 = x.iter().zip(w).map(|(x, w)| x * i64::from(*w)).sum();
                    (sum + i64::from(bias[output])) >> shift[output]
                })
                .collect();
            for path in Path::available() {
                let layer = Dense::on(path, &weight, &bias, &shift, inputs, signed);
                let (mut integers, mut activations) = (vec![0; expected.len()], vec![0; expected.len()]);
                layer.run(&bytes, stride, None, Results::Integers(&mut integers));
                layer.run(&bytes, stride, None, Results::Activations(&mut activations));
                for ((expected, integer), activation) in expected.iter().zip(&integers).zip(&activations) {
                    assert_eq!(i64::from(*integer), *expected, "{path:?} {inputs}→{outputs}");
                    assert_eq!(i64::from(*activation), (*expected).clamp(0, 255));
                }
                let more = vec![1000; outputs];
                let mut shifted = vec![0; expected.len()];
                layer.run(&bytes, stride, Some(&layer.bias(&more)), Results::Integers(&mut shifted));
                let unshifted = Dense::on(
                    path,
                    &weight,
                    &bias.iter().map(|b| b + 1000).collect::<Vec<_>>(),
                    &shift,
                    inputs,
                    signed,
                );
                unshifted.run(&bytes, stride, None, Results::Integers(&mut integers));
                assert_eq!(shifted, integers);
            }
        }
    }

    #[test]
    fn scaled_sums_are_the_same_on_every_path() {
        let (inputs, outputs, rows) = (128, 70, 9);
        let weight: Vec<i8> = integers(inputs * outputs, -127, 127).iter().map(|&w| w as i8).collect();
        let bias: Vec<i32> = integers(outputs, -50_000, 50_000).iter().map(|&b| b as i32).collect();
        let scale: Vec<f32> = integers(outputs, -900, 900).iter().map(|&v| v as f32 / 700_000.0).collect();
        let x: Vec<u8> = integers(rows * inputs, 1, 255).iter().map(|&v| v as u8).collect();
        for path in Path::available() {
            let layer = Dense::on(path, &weight, &bias, &vec![0; outputs], inputs, true);
            assert_eq!(layer.weight(), weight);
            let mut sums = vec![0; rows * outputs];
            layer.run(&x, inputs, None, Results::Integers(&mut sums));
            let (mut codes, mut reals) = (vec![0; sums.len()], vec![0.0; sums.len()]);
            let mut added = vec![-3.3; sums.len()];
            layer.run(&x, inputs, None, Results::Codes(&scale, &mut codes));
            layer.run(&x, inputs, None, Results::Reals(&scale, &mut reals));
            layer.run(&x, inputs, None, Results::Added(&scale, &mut added));
            for at in 0..sums.len() {
                let (row, o) = (at / outputs, at % outputs);
                let pairs = x[row * inputs..][..inputs].iter().zip(&weight[o * inputs..]);
                let sum = pairs.map(|(x, w)| (i32::from(*x) - 128) * i32::from(*w)).sum::<i32>() + bias[o];
                assert_eq!(sums[at], sum);
                let real = sum as f32 * scale[o];
                assert_eq!([reals[at], added[at]], [real, -3.3 + real], "{path:?}");
                assert_eq!(f32::from(codes[at]), real.round_ties_even().clamp(0.0, 255.0), "{path:?}");
            }
        }
    }

    #[test]
    fn filters_see_zeros_outside() {
        let (height, width, channels) = (3, 4, 21);
        let weight: Vec<i8> = integers(9 * channels, -127, 127).iter().map(|&w| w as i8).collect();
        let bias: Vec<i32> = integers(channels, -9000, 90_000).iter().map(|&b| b as i32).collect();
        let shift = vec![7; channels];
        let x: Vec<u8> = integers(height * width * channels, 0, 255).iter().map(|&v| v as u8).collect();
        let layer = Depthwise::new(&weight, &bias, &shift, [3, 3]);
        for (row, column) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let mut out = vec![0; channels];
            layer.at(&x, [height, width], [row, column], &mut out);
            for (c, out) in out.iter().enumerate() {
                let mut sum = bias[c];
                for (v, u) in (0..3).flat_map(|v| (0..3).map(move |u| (v, u))) {
                    let (y, x0) = ((row + v).wrapping_sub(1), (column + u).wrapping_sub(1));
                    if y < height && x0 < width {
                        sum += i32::from(weight[c * 9 + v * 3 + u])
                            * i32::from(x[(y * width + x0) * channels + c]);
                    }
                }
                assert_eq!(i32::from(*out), (sum >> 7).clamp(0, 255));
            }
        }
    }
}
