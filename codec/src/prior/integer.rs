//! Layers of the integer networks.
//!
//! Integers are carried in f32: weights and activations are whole numbers so small that every partial sum stays
//! below 2^24, where f32 is exact. Order of summation, fused multiply-add, vector width and library then cannot
//! change a result, and the float GEMM does the work at full speed. The bound is proven for every output channel
//! when a weight file is loaded.

use super::units;
use crate::network::Tensor;
use crate::network::plain::{Depthwise, Pointwise, RUN};
use crate::quality::Level;
use crate::weights::{Error, TensorMap};
use rayon::prelude::*;

/// `clamp((W x + b) >> shift, 0, 255)`, rounding to nearest, at every position.
#[derive(Debug)]
pub struct Dense {
    layer: Pointwise,
    /// 2^-shift per output channel.
    scale: Vec<f32>,
    /// Added to the bias: `[anchors, outputs]`, or empty.
    level_bias: Vec<i32>,
}

impl Dense {
    /// Reads `<prefix>.weight`, `.bias` and `.shift`. `level_bias` is added to the bias, interpolated between its
    /// anchors; inputs have magnitudes up to `input_limit`.
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
        let (bias, scale) = offsets(map, prefix, &weight, outputs, input_limit, &level_bias)?;
        let weight: Vec<f32> = weight.into_iter().map(f32::from).collect();
        Ok(Self { layer: Pointwise::new(&weight, bias, inputs), scale, level_bias })
    }

    /// Activations of every row of `x`, into `out`.
    pub fn run_into(&self, x: &[f32], out: &mut Vec<f32>) {
        self.layer.run_into(x, out);
        out.chunks_exact_mut(self.scale.len()).for_each(|row| activate(row, &self.scale));
    }

    /// Activations of every position.
    pub fn run(&self, x: &Tensor, level: Level) -> Tensor {
        let [rows, columns, channels] = x.shape();
        let outputs = self.layer.outputs();
        let offset = match self.level_bias.as_slice() {
            [] => vec![0; outputs],
            table => level.interpolate_exact(table, outputs),
        };
        let mut out = Tensor::zeros([rows, columns, outputs]);
        out.data_mut().par_chunks_mut(RUN * outputs).zip(x.data().par_chunks(RUN * channels)).for_each_init(
            Vec::new,
            |buffer, (out, x)| {
                self.layer.run_into(x, buffer);
                for (out, sums) in out.chunks_exact_mut(outputs).zip(buffer.chunks_exact(outputs)) {
                    for ((out, sum), offset) in out.iter_mut().zip(sums).zip(&offset) {
                        *out = sum + *offset as f32;
                    }
                    activate(out, &self.scale);
                }
            },
        );
        out
    }
}

/// The same for a depthwise layer.
#[derive(Debug)]
pub struct Filter {
    layer: Depthwise,
    scale: Vec<f32>,
}

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
        let weight = map.i8s(&format!("{prefix}.weight"), &[channels, kernel[0], kernel[1]])?;
        let (bias, scale) = offsets(map, prefix, &weight, channels, units::ACTIVATION_LIMIT, &[])?;
        let weight: Vec<f32> = weight.into_iter().map(f32::from).collect();
        Ok(Self { layer: Depthwise::new(&weight, bias, kernel), scale })
    }

    /// Activations at one position.
    pub fn at(&self, x: &Tensor, row: usize, column: usize, out: &mut [f32]) {
        self.layer.at(x, row, column, out);
        activate(out, &self.scale);
    }

    /// Activations at every position.
    pub fn run(&self, x: &Tensor) -> Tensor {
        let [rows, columns, channels] = x.shape();
        let mut out = Tensor::zeros([rows, columns, channels]);
        out.data_mut().par_chunks_mut(channels).enumerate().for_each(|(position, out)| {
            self.at(x, position / columns, position % columns, out);
        });
        out
    }
}

/// The last layer of a context network: whole numbers of either sign, `(W x + b) >> shift` rounded to nearest.
#[derive(Debug)]
pub struct Head {
    layer: Pointwise,
    shift: Vec<u8>,
}

impl Head {
    /// Reads `<prefix>.weight`, `.bias` and `.shift`; inputs are activations.
    ///
    /// # Errors
    /// As [`Dense::load`].
    pub fn load(map: &TensorMap<'_>, prefix: &str, inputs: usize, outputs: usize) -> Result<Self, Error> {
        let weight = map.i8s(&format!("{prefix}.weight"), &[outputs, inputs])?;
        let (bias, _) = offsets(map, prefix, &weight, outputs, units::ACTIVATION_LIMIT, &[])?;
        let shift = map.u8s(&format!("{prefix}.shift"), &[outputs])?;
        let weight: Vec<f32> = weight.into_iter().map(f32::from).collect();
        Ok(Self { layer: Pointwise::new(&weight, bias, inputs), shift })
    }

    /// Outputs of every row of `x`, into `out`; `buffer` is scratch space.
    pub fn run_into(&self, x: &[f32], buffer: &mut Vec<f32>, out: &mut Vec<i32>) {
        self.layer.run_into(x, buffer);
        out.clear();
        out.reserve(buffer.len());
        for row in buffer.chunks_exact(self.shift.len()) {
            // The sums are whole numbers below 2^24: the conversion is exact.
            out.extend(row.iter().zip(&self.shift).map(|(&sum, &shift)| sum as i32 >> shift));
        }
    }
}

/// ReLU, rounding shift and saturation; the rounding half is in the bias already.
fn activate(row: &mut [f32], scale: &[f32]) {
    for (value, scale) in row.iter_mut().zip(scale) {
        // A power of two times a whole number below 2^24 is exact; truncation of a positive number is a floor.
        let scaled = (value.max(0.0) * scale).min(units::ACTIVATION_LIMIT as f32);
        *value = (scaled as i32) as f32;
    }
}

/// Bias with the rounding half, and 2^-shift, per output channel, once the bound on partial sums is proven.
fn offsets(
    map: &TensorMap<'_>,
    prefix: &str,
    weight: &[i8],
    outputs: usize,
    input_limit: i32,
    level_bias: &[i32],
) -> Result<(Vec<f32>, Vec<f32>), Error> {
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
        bias.push(offset as f32);
    }
    Ok((bias, shifts.iter().map(|&s| 1.0 / (1u32 << s) as f32).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::{Dtype, TensorView};

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

    fn numbers(len: usize, low: i64, high: i64) -> Vec<i64> {
        let mut state = len as u64;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                low + ((state >> 33) as i64).rem_euclid(high - low + 1)
            })
            .collect()
    }

    #[test]
    fn layers_compute_the_integer_definition() {
        let (inputs, outputs, rows) = (300, 37, 70);
        let weight: Vec<i8> = numbers(inputs * outputs, -127, 127).iter().map(|&w| w as i8).collect();
        let bias: Vec<i32> = numbers(outputs, -500_000, 500_000).iter().map(|&b| b as i32).collect();
        let shift: Vec<u8> = (0..outputs).map(|i| (i % 14) as u8).collect();
        let bytes = file(&weight, &bias, &shift, &[outputs, inputs]);
        let map = TensorMap::new(&bytes).unwrap();
        let x = numbers(rows * inputs, 0, 255);
        let floats: Vec<f32> = x.iter().map(|&v| v as f32).collect();
        let expected = |row: usize, output: usize| {
            let x = &x[row * inputs..][..inputs];
            let w = &weight[output * inputs..][..inputs];
            let sum: i64 = x.iter().zip(w).map(|(x, w)| x * i64::from(*w)).sum();
            let half = (1i64 << shift[output]) >> 1;
            (sum + i64::from(bias[output]) + half) >> shift[output]
        };
        let dense = Dense::load(&map, "l", inputs, outputs, 255, Vec::new()).unwrap();
        let tensor = Tensor::from_vec([7, 10, inputs], floats.clone());
        let out = dense.run(&tensor, Level::default());
        let head = Head::load(&map, "l", inputs, outputs).unwrap();
        let (mut sums, mut heads) = (Vec::new(), Vec::new());
        head.run_into(&floats, &mut sums, &mut heads);
        for row in 0..rows {
            for output in 0..outputs {
                let value = expected(row, output);
                assert_eq!(out.data()[row * outputs + output] as i64, value.clamp(0, 255));
                assert_eq!(i64::from(heads[row * outputs + output]), value);
            }
        }
    }

    #[test]
    fn level_biases_are_interpolated_and_counted_in_the_bound() {
        let bytes = file(&[1, 1], &[0, 0], &[0, 0], &[2, 1]);
        let map = TensorMap::new(&bytes).unwrap();
        let dense = Dense::load(&map, "l", 1, 2, 255, vec![0, 10, 64, 20]).unwrap();
        let x = Tensor::from_vec([1, 1, 1], vec![3.0]);
        assert_eq!(dense.run(&x, Level(0)).data(), [3.0, 13.0]);
        assert_eq!(dense.run(&x, Level(crate::quality::STEPS / 2)).data(), [35.0, 18.0]);
        let limit = units::EXACT as i32 - 256;
        assert!(Dense::load(&map, "l", 1, 2, 255, vec![0, 0, 0, -limit]).is_ok());
        let error = Dense::load(&map, "l", 1, 2, 255, vec![0, 0, 0, -limit - 1]).unwrap_err();
        assert!(matches!(error, Error::Inexact { channel: 1, .. }), "{error}");
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
