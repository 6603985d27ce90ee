//! Layers in floats: their parameters, and the stages that run them on rows. The twin of `integer.rs`.

use super::residual::Block;
use super::rows::Rows;
use super::run::{self, split};
use crate::config::layer::MAX_KERNEL;
use crate::quality::Level;
use crate::weight_file::{Error, TensorMap};
use rayon::prelude::*;
use std::cell::RefCell;
use wavern_kernel::float::{After, Depthwise, Pointwise};

/// The parameters of [`Layer::Residual`](crate::config::Layer::Residual).
#[derive(Debug)]
pub struct Residual {
    /// Trunk → hidden, before the ReLU.
    pub expand: Pointwise,
    /// Hidden → hidden.
    pub depthwise: Depthwise,
    /// Hidden → trunk.
    pub project: Pointwise,
    /// Of the first branch, `[anchors, channels]`; ones if missing.
    pub gain: Option<Vec<f32>>,
    /// Trunk → feed-forward, before the ReLU.
    pub ff_expand: Pointwise,
    /// Feed-forward → trunk.
    pub ff_project: Pointwise,
    /// Of the second branch, `[anchors, channels]`; ones if missing.
    pub ff_gain: Option<Vec<f32>>,
}

impl Residual {
    /// Takes the tensors of this prefix: `[channels, hidden, feed_forward]` wide.
    ///
    /// # Errors
    /// If one does not fit.
    pub(super) fn load(
        map: &TensorMap<'_>,
        prefix: &str,
        [channels, hidden, feed_forward]: [usize; 3],
        kernel: [usize; 2],
        anchors: usize,
    ) -> Result<Self, Error> {
        let part = |p: &str| format!("{prefix}{p}.");
        let gain = |g: &str| gain(map, &format!("{prefix}{g}"), [anchors, channels]);
        Ok(Self {
            expand: pointwise(map, &part("expand"), channels, hidden)?,
            depthwise: depthwise(map, &part("depthwise"), hidden, kernel)?,
            project: pointwise(map, &part("project"), hidden, channels)?,
            gain: gain("gain1")?,
            ff_expand: pointwise(map, &part("ff_expand"), channels, feed_forward)?,
            ff_project: pointwise(map, &part("ff_project"), feed_forward, channels)?,
            ff_gain: gain("gain2")?,
        })
    }
}

/// The parameters of a pointwise layer.
pub(super) fn pointwise(
    map: &TensorMap<'_>,
    prefix: &str,
    inputs: usize,
    outputs: usize,
) -> Result<Pointwise, Error> {
    let weight = map.floats(&format!("{prefix}weight"), &[outputs, inputs])?;
    let bias = map.floats(&format!("{prefix}bias"), &[outputs])?;
    Ok(Pointwise::new(&weight, &bias, inputs))
}

/// The parameters of a depthwise layer.
pub(super) fn depthwise(
    map: &TensorMap<'_>,
    prefix: &str,
    channels: usize,
    kernel: [usize; 2],
) -> Result<Depthwise, Error> {
    let weight = map.floats(&format!("{prefix}weight"), &[channels, kernel[0], kernel[1]])?;
    let bias = map.floats(&format!("{prefix}bias"), &[channels])?;
    check_kernel(prefix, kernel)?;
    Ok(Depthwise::new(&weight, &bias, kernel))
}

/// Refuses filters that the kernels have no room for.
pub(super) fn check_kernel(prefix: &str, kernel: [usize; 2]) -> Result<(), Error> {
    if kernel.iter().any(|side| *side > MAX_KERNEL) {
        let problem = format!("{prefix}* has a filter of {kernel:?} (at most {MAX_KERNEL} a side)");
        return Err(Error::Config(problem));
    }
    Ok(())
}

/// The gains of a residual branch, if it has any.
pub(super) fn gain(map: &TensorMap<'_>, name: &str, shape: [usize; 2]) -> Result<Option<Vec<f32>>, Error> {
    map.contains(name).then(|| map.floats(name, &shape)).transpose()
}

/// A depthwise layer at work on rows.
#[derive(Debug)]
pub(super) struct DepthwiseStage<'a> {
    layer: &'a Depthwise,
    kernel: [usize; 2],
    relu: bool,
    width: usize,
    rows: Rows<f32>,
    out: Vec<f32>,
    /// The next row to give.
    next: usize,
}

impl<'a> DepthwiseStage<'a> {
    pub fn new(layer: &'a Depthwise, relu: bool, width: usize, kernel: [usize; 2]) -> Self {
        let rows = Rows::new(width * layer.channels());
        Self { layer, kernel, relu, width, rows, out: Vec::new(), next: 0 }
    }

    pub fn push(&mut self, x: &[f32], last: bool) -> &[f32] {
        let Self { layer, kernel: [r, _], relu, width, rows, out, next } = self;
        rows.append(x);
        let end = if last { rows.end() } else { rows.end().saturating_sub(*r / 2).max(*next) };
        out.resize((end - *next) * rows.row, 0.0);
        let channels = layer.channels();
        let runs = split(out.len() / channels);
        out.par_chunks_mut(runs * channels).enumerate().for_each(|(run, out)| {
            filter(layer, rows, *r, *relu, *next * *width + run * runs, out);
        });
        *next = end;
        rows.forget_before((end + 1).saturating_sub(*r / 2 + 1));
        out
    }
}

impl Block for Residual {
    type Hidden = f32;
    type Gains = [Option<Vec<f32>>; 2];

    fn channels(&self) -> usize {
        self.expand.inputs()
    }

    fn hidden(&self) -> usize {
        self.expand.outputs()
    }

    fn gains(&self, level: Level) -> Self::Gains {
        [&self.gain, &self.ff_gain]
            .map(|table| table.as_ref().map(|table| level.interpolate(table, self.channels())))
    }

    fn expand(&self, x: &[f32], out: &mut [f32]) {
        run::pointwise(&self.expand, x, out, After::Relu);
    }

    fn add(&self, gains: &Self::Gains, rows: usize, expanded: &Rows<f32>, first: usize, x: &mut [f32]) {
        let [gain, ff_gain] = gains.each_ref().map(after);
        let (channels, hidden) = (self.channels(), self.hidden());
        let runs = split(x.len() / channels);
        x.par_chunks_mut(runs * channels).enumerate().for_each(|(run, x)| {
            let positions = x.len() / channels;
            BUFFER.with_borrow_mut(|buffer| {
                let wide = self.ff_expand.outputs().max(hidden);
                buffer.resize(buffer.len().max(positions * wide), 0.0);
                let filtered = &mut buffer[..positions * hidden];
                filter(&self.depthwise, expanded, rows, false, first + run * runs, filtered);
                self.project.run(filtered, x, gain);
                let wide = &mut buffer[..positions * self.ff_expand.outputs()];
                self.ff_expand.run(x, wide, After::Relu);
                self.ff_project.run(wide, x, ff_gain);
            });
        });
    }
}

/// A depthwise layer at consecutive positions from `first` on, counted from the first row of the picture.
fn filter(layer: &Depthwise, rows: &Rows<f32>, r: usize, relu: bool, first: usize, out: &mut [f32]) {
    let channels = layer.channels();
    let width = rows.row / channels;
    rows.filtered(r, channels, first, out, |rows, column, part| layer.run(rows, width, column, relu, part));
}

thread_local! {
    /// What a run of positions needs between the layers of a residual block.
    static BUFFER: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

fn after(gain: &Option<Vec<f32>>) -> After<'_> {
    gain.as_deref().map_or(After::Add, After::AddScaled)
}
