//! Layers of the integer networks.
//!
//! Weights and activations are integers so small that every partial sum stays below 2^24: it is exact in i32 and would
//! be in f32, so that order of summation, fused multiply-add, vector width and library cannot change a result, here or
//! in another reader. The bound is proven for every output channel when a weight file is loaded.

use crate::config::units;
use crate::quality::Level;
use crate::weight_file::{Error, TensorMap};
use rayon::prelude::*;
use wavern_kernel::integer as kernel;
use wavern_kernel::integer::Results;

/// Positions that go through the layers of a network together.
pub const RUN: usize = 48;

/// Integers from 0 to 255 in `[row, column, channel]` order. Those with a sign, −127 to 127, are carried as
/// themselves plus [`SIGNED_ZERO`](wavern_kernel::codes::SIGNED_ZERO).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activations {
    /// `[rows, columns, channels]`.
    pub shape: [usize; 3],
    /// Row-major.
    pub data: Vec<u8>,
}

impl Activations {
    /// All equal.
    pub fn filled(shape: [usize; 3], value: u8) -> Self {
        Self { shape, data: vec![value; shape.iter().product()] }
    }

    /// The first rows and columns.
    pub fn corner(&self, rows: usize, columns: usize) -> Self {
        let [_, width, channels] = self.shape;
        let rows_of = self.data.chunks_exact(width * channels).take(rows);
        let data = rows_of.flat_map(|row| &row[..columns * channels]).copied().collect();
        Self { shape: [rows, columns, channels], data }
    }

    /// See [`crate::config::Layer::DepthToSpace`].
    pub fn depth_to_space(&self, [r, s]: [usize; 2]) -> Self {
        let [h, w, channels] = self.shape;
        let c = channels / (r * s);
        let mut out = Self::filled([h * r, w * s, c], 0);
        for (position, block) in self.data.chunks_exact(channels).enumerate() {
            let (y, x0) = (position / w * r, position % w * s);
            for (dy, run) in block.chunks_exact(s * c).enumerate() {
                out.data[((y + dy) * w * s + x0) * c..][..s * c].copy_from_slice(run);
            }
        }
        out
    }
}

/// `clamp((W x + b) >> shift, 0, 255)`, rounding to nearest, at every position.
#[derive(Debug)]
pub struct Dense {
    layer: kernel::Dense,
    /// Added to the bias: `[anchors, outputs]`, or empty.
    level_bias: Vec<i32>,
}

impl Dense {
    /// Reads `<prefix>.weight`, `.bias` and `.shift`. `level_bias` is added to the bias, interpolated between its
    /// anchors; inputs have magnitudes up to `input_limit`, and signs if that is [`units::INPUT_LIMIT`].
    ///
    /// # Errors
    /// If a tensor does not fit, or a partial sum could leave the exact range.
    pub fn load(
        map: &TensorMap<'_>,
        prefix: &str,
        inputs: usize,
        outputs: usize,
        input_limit: i32,
        level_bias: Vec<i32>,
    ) -> Result<Self, Error> {
        let weight = map.i8s(&format!("{prefix}.weight"), &[outputs, inputs])?;
        let (bias, shift) = offsets(map, prefix, &weight, outputs, input_limit, &level_bias)?;
        let signed = input_limit == units::INPUT_LIMIT;
        Ok(Self { layer: kernel::Dense::new(&weight, &bias, &shift, inputs, signed), level_bias })
    }

    /// Activations of every row of `x`, into `out`, which gets the right length.
    pub fn run_into(&self, x: &[u8], out: &mut Vec<u8>) {
        let inputs = self.layer.inputs();
        out.resize(x.len() / inputs * self.layer.outputs(), 0);
        self.layer.run(x, inputs, None, Results::Activations(out));
    }

    /// Activations of every position, from the first channels of `x`.
    ///
    /// # Panics
    /// If `x` has fewer channels than the layer takes.
    pub fn run(&self, x: &Activations, level: Level) -> Activations {
        let [rows, columns, stride] = x.shape;
        assert!(stride >= self.layer.inputs());
        let outputs = self.layer.outputs();
        let bias = (!self.level_bias.is_empty())
            .then(|| self.layer.bias(&level.interpolate_exact(&self.level_bias, outputs)));
        let mut out = Activations::filled([rows, columns, outputs], 0);
        out.data.par_chunks_mut(RUN * outputs).zip(x.data.par_chunks(RUN * stride)).for_each(|(out, x)| {
            self.layer.run(x, stride, bias.as_deref(), Results::Activations(out));
        });
        out
    }
}

/// The same for a depthwise layer.
#[derive(Debug)]
pub struct Filter(kernel::Depthwise);

impl Filter {
    /// Reads `<prefix>.weight`, `.bias` and `.shift`; inputs are activations.
    ///
    /// # Errors
    /// As [`Dense::load`].
    pub fn load(
        map: &TensorMap<'_>,
        prefix: &str,
        channels: usize,
        kernel: [usize; 2],
    ) -> Result<Self, Error> {
        if kernel[0] > kernel::MAX_ROWS {
            let problem = format!("{prefix} has a filter of {kernel:?} (at most {} rows)", kernel::MAX_ROWS);
            return Err(Error::Config(problem));
        }
        let weight = map.i8s(&format!("{prefix}.weight"), &[channels, kernel[0], kernel[1]])?;
        let (bias, shift) = offsets(map, prefix, &weight, channels, units::ACTIVATION_LIMIT, &[])?;
        Ok(Self(kernel::Depthwise::new(&weight, &bias, &shift, kernel)))
    }

    /// Activations at one position.
    pub fn at(&self, x: &Activations, row: usize, column: usize, out: &mut [u8]) {
        let [height, width, _] = x.shape;
        self.0.at(&x.data, [height, width], [row, column], out);
    }

    /// Activations at every position.
    pub fn run(&self, x: &Activations) -> Activations {
        let [rows, columns, channels] = x.shape;
        let mut out = Activations::filled([rows, columns, channels], 0);
        out.data.par_chunks_mut(RUN * channels).enumerate().for_each(|(run, out)| {
            for (index, out) in out.chunks_exact_mut(channels).enumerate() {
                let position = run * RUN + index;
                self.at(x, position / columns, position % columns, out);
            }
        });
        out
    }
}

/// The last layer of a context network: integers of either sign, `(W x + b) >> shift` rounded to nearest.
#[derive(Debug)]
pub struct Head(kernel::Dense);

impl Head {
    /// Reads `<prefix>.weight`, `.bias` and `.shift`; inputs are activations.
    ///
    /// # Errors
    /// As [`Dense::load`].
    pub fn load(map: &TensorMap<'_>, prefix: &str, inputs: usize, outputs: usize) -> Result<Self, Error> {
        let weight = map.i8s(&format!("{prefix}.weight"), &[outputs, inputs])?;
        let (bias, shift) = offsets(map, prefix, &weight, outputs, units::ACTIVATION_LIMIT, &[])?;
        Ok(Self(kernel::Dense::new(&weight, &bias, &shift, inputs, false)))
    }

    /// Outputs of every row of `x`, into `out`, which gets the right length.
    pub fn run_into(&self, x: &[u8], out: &mut Vec<i32>) {
        out.resize(x.len() / self.0.inputs() * self.0.outputs(), 0);
        self.0.run(x, self.0.inputs(), None, Results::Integers(out));
    }
}

/// Bias with the rounding half, and shift, of each output channel, once the bound on partial sums is proven.
fn offsets(
    map: &TensorMap<'_>,
    prefix: &str,
    weight: &[i8],
    outputs: usize,
    input_limit: i32,
    level_bias: &[i32],
) -> Result<(Vec<i32>, Vec<u8>), Error> {
    let stored = map.i32s(&format!("{prefix}.bias"), &[outputs])?;
    let shifts = map.u8s(&format!("{prefix}.shift"), &[outputs])?;
    let per_output = weight.len() / outputs.max(1);
    let mut bias = Vec::with_capacity(outputs);
    for (channel, row) in weight.chunks_exact(per_output.max(1)).enumerate() {
        let shift = shifts[channel];
        let half = if (1..=24).contains(&shift) { 1i64 << (shift - 1) } else { 0 };
        let offset = i64::from(stored[channel]) + half;
        let level = level_bias.iter().skip(channel).step_by(outputs).map(|&b| i64::from(b).abs()).max();
        let reach: i64 = row.iter().map(|&w| i64::from(w).abs()).sum::<i64>() * i64::from(input_limit);
        let bound = reach + offset.abs() + level.unwrap_or(0);
        if bound >= units::EXACT || shift > 24 {
            return Err(Error::Inexact { name: prefix.to_owned(), channel, bound, limit: units::EXACT });
        }
        // Below the bound, so it fits.
        bias.push(offset as i32);
    }
    Ok((bias, shifts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::{Dtype, TensorView};
    use wavern_kernel::arbitrary::integers;
    use wavern_kernel::codes::SIGNED_ZERO;

    /// A layer `l` of `outputs` × `inputs` with the given weights, biases and shifts, as a weight file has it.
    fn file(weight: &[i8], bias: &[i32], shift: &[u8], shape: &[usize]) -> Vec<u8> {
        let weight: Vec<u8> = weight.iter().map(|&w| w as u8).collect();
        let bytes: Vec<u8> = bias.iter().flat_map(|b| b.to_le_bytes()).collect();
        let rows = vec![bias.len()];
        let views = [
            ("l.weight", TensorView::new(Dtype::I8, shape.to_vec(), &weight).unwrap()),
            ("l.bias", TensorView::new(Dtype::I32, rows.clone(), &bytes).unwrap()),
            ("l.shift", TensorView::new(Dtype::U8, rows, shift).unwrap()),
        ];
        safetensors::serialize(views, None).unwrap()
    }

    #[test]
    fn layers_compute_the_integer_definition() {
        let (inputs, outputs, rows) = (300, 37, 70);
        let weight: Vec<i8> = integers(inputs * outputs, -127, 127).iter().map(|&w| w as i8).collect();
        let bias: Vec<i32> = integers(outputs, -500_000, 500_000).iter().map(|&b| b as i32).collect();
        let shift: Vec<u8> = (0..outputs).map(|i| (i % 14) as u8).collect();
        let bytes = file(&weight, &bias, &shift, &[outputs, inputs]);
        let map = TensorMap::new(&bytes).unwrap();
        let x = integers(rows * inputs, 0, 255);
        let bytes_in: Vec<u8> = x.iter().map(|&v| v as u8).collect();
        let expected = |row: usize, output: usize| {
            let x = &x[row * inputs..][..inputs];
            let w = &weight[output * inputs..][..inputs];
            let sum: i64 = x.iter().zip(w).map(|(x, w)| x * i64::from(*w)).sum();
            let half = (1i64 << shift[output]) >> 1;
            (sum + i64::from(bias[output]) + half) >> shift[output]
        };
        let dense = Dense::load(&map, "l", inputs, outputs, 255, Vec::new()).unwrap();
        let input = Activations { shape: [7, 10, inputs], data: bytes_in.clone() };
        let out = dense.run(&input, Level::default());
        let head = Head::load(&map, "l", inputs, outputs).unwrap();
        let mut heads = Vec::new();
        head.run_into(&bytes_in, &mut heads);
        for row in 0..rows {
            for output in 0..outputs {
                let value = expected(row, output);
                assert_eq!(i64::from(out.data[row * outputs + output]), value.clamp(0, 255));
                assert_eq!(i64::from(heads[row * outputs + output]), value);
            }
        }
    }

    #[test]
    fn level_biases_are_interpolated_and_counted_in_the_bound() {
        let bytes = file(&[1, 1], &[0, 0], &[0, 0], &[2, 1]);
        let map = TensorMap::new(&bytes).unwrap();
        let dense = Dense::load(&map, "l", 1, 2, 255, vec![0, 10, 64, 20]).unwrap();
        let x = Activations::filled([1, 1, 1], 3);
        assert_eq!(dense.run(&x, Level(0)).data, [3, 13]);
        assert_eq!(dense.run(&x, Level(crate::quality::STEPS / 2)).data, [35, 18]);
        let limit = units::EXACT as i32 - 256;
        assert!(Dense::load(&map, "l", 1, 2, 255, vec![0, 0, 0, -limit]).is_ok());
        let error = Dense::load(&map, "l", 1, 2, 255, vec![0, 0, 0, -limit - 1]).unwrap_err();
        assert!(matches!(error, Error::Inexact { channel: 1, .. }), "{error}");
    }

    /// The definition in floats, as a reader with a matrix library may have it, on a real layer with inputs of both
    /// signs.
    #[test]
    fn floats_give_the_same_integers() {
        let (inputs, outputs, rows) = (256, 96, 20);
        let weight: Vec<i8> = integers(inputs * outputs, -127, 127).iter().map(|&w| w as i8).collect();
        let bias: Vec<i32> = integers(outputs, -90_000, 90_000).iter().map(|&b| b as i32).collect();
        let bytes = file(&weight, &bias, &vec![9; outputs], &[outputs, inputs]);
        let map = TensorMap::new(&bytes).unwrap();
        let dense = Dense::load(&map, "l", inputs, outputs, units::INPUT_LIMIT, Vec::new()).unwrap();
        let x = integers(rows * inputs, -127, 127);
        let shape = [rows, 1, inputs];
        let data = x.iter().map(|v| (v + i64::from(SIGNED_ZERO)) as u8).collect();
        let out = dense.run(&Activations { shape, data }, Level::default());
        for (at, value) in out.data.iter().enumerate() {
            let (row, output) = (at / outputs, at % outputs);
            let (x, w) = (&x[row * inputs..][..inputs], &weight[output * inputs..][..inputs]);
            let first = (bias[output] + (1 << 8)) as f32;
            let sum = x.iter().zip(w).fold(first, |sum, (x, w)| (*x as f32).mul_add(f32::from(*w), sum));
            assert_eq!(f32::from(*value), (sum.max(0.0) / 512.0).floor().min(255.0));
        }
    }

    #[test]
    fn blocks_become_positions() {
        let x = Activations { shape: [1, 2, 8], data: (0..16).collect() };
        let y = x.depth_to_space([2, 2]);
        assert_eq!(
            (y.shape, &y.data[..]),
            ([2, 4, 2], &[0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15][..])
        );
        assert_eq!(y.corner(2, 1).data, [0, 1, 4, 5]);
    }

    #[test]
    fn sums_that_could_be_rounded_are_refused() {
        // 127 · 255 · 518 is below 2^24, 127 · 255 · 519 is not.
        for (inputs, fits) in [(518, true), (519, false)] {
            let bytes = file(&vec![127; inputs], &[0], &[0], &[1, inputs]);
            let map = TensorMap::new(&bytes).unwrap();
            assert_eq!(Head::load(&map, "l", inputs, 1).is_ok(), fits, "{inputs}");
        }
        let bytes = file(&[1], &[0], &[25], &[1, 1]);
        assert!(Head::load(&TensorMap::new(&bytes).unwrap(), "l", 1, 1).is_err());
    }
}
