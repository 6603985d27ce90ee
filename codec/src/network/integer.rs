//! Layers in integers, the twin of `float.rs`, whose products are exact: codes of 8 or 16 bits in, sums in integers,
//! one f32 operation at a time between them.
//!
//! The trunk of the network stays real. What a layer multiplies are codes: reals times a factor for each channel,
//! rounded and limited. Weights that go with them have that factor, and a factor for each output, taken out
//! (`crate::calibrate`). A sum times the scale of its output is real again, or the code of the next layer. Every step
//! is an integer or a single operation that IEEE 754 defines, so all machines, instruction sets and strips give the
//! same bits.

use super::coarse::Coarse;
use super::float as real_layers;
use super::residual::Block;
use super::rows::Rows;
use super::run::split;
pub use super::wide::Pointwise;
pub(super) use super::wide::PointwiseStage;
use super::wide::{bias, real};
use crate::quality::Level;
use crate::weight_file::{Error, TensorMap};
use rayon::prelude::*;
use std::cell::RefCell;
use wavern_kernel::codes;
use wavern_kernel::codes::SIGNED_ZERO;
use wavern_kernel::float;
use wavern_kernel::integer::{Dense, Results};

/// Whether the layer of this prefix is stored in integers.
pub fn is_integer(map: &TensorMap<'_>, prefix: &str) -> bool {
    map.is_integer(&format!("{prefix}weight"))
}

/// The two branches of [`crate::config::Layer::Residual`] on codes of 8 bits, added to a trunk of reals.
#[derive(Debug)]
pub struct Residual {
    /// Codes for each unit of the trunk.
    factors: Vec<f32>,
    expand: Part,
    depthwise: codes::Depthwise,
    depthwise_scale: Vec<f32>,
    project: Part,
    /// Of the first branch, `[anchors, channels]`; ones if missing.
    gain: Option<Vec<f32>>,
    ff_factors: Vec<f32>,
    ff_expand: Part,
    ff_project: Part,
    /// Of the second branch, `[anchors, channels]`; ones if missing.
    ff_gain: Option<Vec<f32>>,
}

/// A pointwise layer on codes of 8 bits.
#[derive(Debug)]
struct Part {
    layer: Dense,
    bias: Vec<i32>,
    scale: Vec<f32>,
}

impl Part {
    fn load(
        map: &TensorMap<'_>,
        prefix: &str,
        [inputs, outputs]: [usize; 2],
        signed: bool,
    ) -> Result<Self, Error> {
        let weight = map.i8s(&format!("{prefix}weight"), &[outputs, inputs])?;
        // Codes with a sign are carried with a zero of 128.
        let bias = bias(map, prefix, &weight, outputs, 2 * i64::from(SIGNED_ZERO))?;
        let layer = Dense::new(&weight, &bias, &vec![0; outputs], inputs, signed);
        Ok(Self { layer, bias, scale: map.floats(&format!("{prefix}scale"), &[outputs])? })
    }

    /// Near the transpose of `gain ⊙` the layer that the codes stand for.
    fn transpose(&self, factors: Option<&[f32]>, gain: Option<&[f32]>) -> Coarse {
        let gain = |o: usize| gain.map_or(1.0, |gain| gain[o]);
        let steps: Vec<f32> = self.scale.iter().enumerate().map(|(o, scale)| scale * gain(o)).collect();
        Coarse::transpose(&self.layer.weight(), &steps, factors)
    }

    fn real(&self, factors: Option<&[f32]>) -> float::Pointwise {
        let weight: Vec<f32> = self.layer.weight().iter().map(|&w| w.into()).collect();
        real(&weight, &self.bias, factors, &self.scale)
    }
}

impl Residual {
    /// Takes the tensors of this prefix: `[channels, hidden, feed_forward]` wide.
    ///
    /// # Errors
    /// If one does not fit.
    pub fn load(
        map: &TensorMap<'_>,
        prefix: &str,
        [channels, hidden, feed_forward]: [usize; 3],
        kernel: [usize; 2],
        anchors: usize,
    ) -> Result<Self, Error> {
        let name = |part: &str| format!("{prefix}{part}");
        let floats = |part: &str, length: usize| map.floats(&name(part), &[length]);
        let weight = map.i8s(&name("depthwise.weight"), &[hidden, kernel[0], kernel[1]])?;
        let depthwise_bias = bias(map, &name("depthwise."), &weight, hidden, 255)?;
        let gain = |part: &str| real_layers::gain(map, &name(part), [anchors, channels]);
        Ok(Self {
            factors: floats("expand.factor", channels)?,
            expand: Part::load(map, &name("expand."), [channels, hidden], true)?,
            depthwise: codes::Depthwise::new(&weight, &depthwise_bias, kernel),
            depthwise_scale: floats("depthwise.scale", hidden)?,
            project: Part::load(map, &name("project."), [hidden, channels], true)?,
            gain: gain("gain1")?,
            ff_factors: floats("ff_expand.factor", channels)?,
            ff_expand: Part::load(map, &name("ff_expand."), [channels, feed_forward], true)?,
            ff_project: Part::load(map, &name("ff_project."), [feed_forward, channels], false)?,
            ff_gain: gain("gain2")?,
        })
    }

    /// Rows and columns of the depthwise filters.
    pub fn kernel(&self) -> [usize; 2] {
        self.depthwise.kernel()
    }

    /// The layers that the codes stand for. Channels between them are counted in codes.
    pub fn real(&self) -> real_layers::Residual {
        real_layers::Residual {
            expand: self.expand.real(Some(&self.factors)),
            depthwise: self.real_filter(),
            project: self.project.real(None),
            gain: self.gain.clone(),
            ff_expand: self.ff_expand.real(Some(&self.ff_factors)),
            ff_project: self.ff_project.real(None),
            ff_gain: self.ff_gain.clone(),
        }
    }

    fn real_filter(&self) -> float::Depthwise {
        let taps: usize = self.kernel().iter().product();
        let depthwise = self.depthwise.weight();
        let scaled =
            |(row, scale): (&[i8], &f32)| row.iter().map(|&w| f32::from(w) * scale).collect::<Vec<_>>();
        let weight: Vec<f32> =
            depthwise.chunks_exact(taps).zip(&self.depthwise_scale).flat_map(scaled).collect();
        let bias = self.depthwise.bias().iter().zip(&self.depthwise_scale);
        let bias: Vec<f32> = bias.map(|(b, scale)| *b as f32 * scale).collect();
        float::Depthwise::new(&weight, &bias, self.kernel())
    }

    /// The transpose of the layers that the codes stand for: expand, project, ff_expand, ff_project, the second and the
    /// last with their gains at a level, and the filters turned.
    pub(super) fn transpose(&self, level: Level) -> ([Coarse; 4], float::Depthwise) {
        let gain =
            |gain: &Option<Vec<f32>>| gain.as_ref().map(|gain| level.interpolate(gain, self.channels()));
        let layers = [
            self.expand.transpose(Some(&self.factors), None),
            self.project.transpose(None, gain(&self.gain).as_deref()),
            self.ff_expand.transpose(Some(&self.ff_factors), None),
            self.ff_project.transpose(None, gain(&self.ff_gain).as_deref()),
        ];
        (layers, self.real_filter().turned())
    }
}

thread_local! {
    /// What a run of positions needs between the layers.
    static BYTES: RefCell<[Vec<u8>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

impl Block for Residual {
    type Hidden = u8;
    type Gains = [Vec<f32>; 2];

    fn channels(&self) -> usize {
        self.factors.len()
    }

    fn hidden(&self) -> usize {
        self.depthwise.channels()
    }

    fn gains(&self, level: Level) -> Self::Gains {
        let scale = |part: &Part, gain: &Option<Vec<f32>>| match gain {
            Some(gain) => {
                let gain = level.interpolate(gain, self.channels());
                part.scale.iter().zip(gain).map(|(scale, gain)| scale * gain).collect()
            }
            None => part.scale.clone(),
        };
        [scale(&self.project, &self.gain), scale(&self.ff_project, &self.ff_gain)]
    }

    fn expand(&self, x: &[f32], out: &mut [u8]) {
        let (channels, hidden) = (self.channels(), self.hidden());
        let run = split(out.len() / hidden);
        out.par_chunks_mut(run * hidden).zip(x.par_chunks(run * channels)).for_each(|(out, x)| {
            BYTES.with_borrow_mut(|[bytes, _]| {
                bytes.resize(x.len(), 0);
                codes::bytes(x, &self.factors, bytes);
                self.expand.layer.run(bytes, channels, None, Results::Codes(&self.expand.scale, out));
            });
        });
    }

    fn add(&self, gains: &Self::Gains, rows: usize, expanded: &Rows<u8>, first: usize, x: &mut [f32]) {
        Branches { layers: self, gains, rows, expanded }.add(first, x, None);
    }
}

/// Both branches, once the expanded rows are there.
struct Branches<'a> {
    layers: &'a Residual,
    gains: &'a [Vec<f32>; 2],
    /// Of the filter.
    rows: usize,
    expanded: &'a Rows<u8>,
}

impl Branches<'_> {
    /// Adds them to the trunk `x` of consecutive positions from `first` on, counted from the first row of the picture.
    /// If asked, `open` learns which ReLUs of the second branch let their values pass: others are zero.
    fn add(&self, first: usize, x: &mut [f32], open: Option<&mut [u8]>) {
        let channels = self.layers.channels();
        let wide = self.layers.ff_expand.layer.outputs();
        let runs = split(x.len() / channels);
        let chunks = x.par_chunks_mut(runs * channels).enumerate();
        match open {
            None => chunks.for_each(|(run, x)| self.run(first + run * runs, x, None)),
            Some(open) => chunks
                .zip(open.par_chunks_mut(runs * wide))
                .for_each(|((run, x), open)| self.run(first + run * runs, x, Some(open))),
        }
    }

    fn run(&self, first: usize, x: &mut [f32], open: Option<&mut [u8]>) {
        let Self { layers, gains: [scale, ff_scale], .. } = self;
        let (channels, hidden) = (layers.channels(), layers.hidden());
        let wide = layers.ff_expand.layer.outputs();
        let positions = x.len() / channels;
        BYTES.with_borrow_mut(|[front, back]| {
            front.resize(positions * hidden, 0);
            self.filter(first, front);
            layers.project.layer.run(front, hidden, None, Results::Added(scale, x));
            front.resize(x.len(), 0);
            codes::bytes(x, &layers.ff_factors, front);
            back.resize(positions * wide, 0);
            layers.ff_expand.layer.run(front, channels, None, Results::Codes(&layers.ff_expand.scale, back));
            layers.ff_project.layer.run(back, wide, None, Results::Added(ff_scale, x));
            if let Some(open) = open {
                open.copy_from_slice(back);
            }
        });
    }

    /// The depthwise layer at consecutive positions.
    fn filter(&self, first: usize, out: &mut [u8]) {
        let (layer, scale) = (&self.layers.depthwise, &self.layers.depthwise_scale);
        let channels = self.layers.hidden();
        let width = self.expanded.row / channels;
        self.expanded.filtered(self.rows, channels, first, out, |rows, column, part| {
            layer.run(rows, width, column, scale, part);
        });
    }
}

impl Residual {
    /// The block over a whole array of rows of `width` positions, and what its two ReLUs let pass: what
    /// [`super::backward`] needs of a forward run.
    pub(super) fn forward(&self, x: &mut [f32], width: usize, level: Level) -> [Vec<u8>; 2] {
        let (channels, hidden) = (self.channels(), self.hidden());
        let positions = x.len() / channels;
        let mut expanded = Rows::new(width * hidden);
        self.expand(x, expanded.grow(positions / width.max(1)));
        let gains = self.gains(level);
        let [rows, _] = self.kernel();
        let mut open = vec![0; positions * self.ff_expand.layer.outputs()];
        let branches = Branches { layers: self, gains: &gains, rows, expanded: &expanded };
        branches.add(0, x, Some(&mut open));
        [expanded.data, open]
    }
}

#[cfg(test)]
mod tests {
    use super::super::backward::Differentiable;
    use super::*;
    use crate::array::Tensor;
    use crate::weights::{self, Tune};
    use wavern_kernel::arbitrary::reals;

    fn numbers(len: usize) -> Vec<f32> {
        reals(len, 11).iter().map(|uniform| 4.0 * uniform * uniform * uniform).collect()
    }

    #[test]
    fn strips_of_any_height_and_any_number_of_threads_give_the_same_bits() {
        let weights = weights::image(Tune::Psnr).unwrap();
        let network = weights.synthesis().unwrap();
        let (rows, columns, channels) = (9, 5, weights.config.latents());
        let x = numbers(rows * columns * channels);
        let level = Level(77);
        let whole = network.run(Tensor::from_vec([rows, columns, channels], x.clone()), level);
        for (strip, threads) in [(1, 1), (1, 3), (4, 3), (9, 2)] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut stream = network.stream(columns, level);
            let mut out = Vec::new();
            pool.install(|| {
                for rows in x.chunks(strip * columns * channels) {
                    out.extend_from_slice(stream.push(rows, false));
                }
                out.extend_from_slice(stream.push(&[], true));
            });
            assert!(out == whole.data(), "{strip} rows, {threads} threads");
        }
        let tensor = Tensor::from_vec([rows, columns, channels], x);
        let (forward, _) = Differentiable::new(network, level).forward(tensor);
        assert!(forward == whole, "the run that records");
    }
}
