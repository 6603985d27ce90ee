//! Layers in floats: their parameters, and the stages that run them on rows. The twin of `integer.rs`.

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
            filter(layer, rows, *r, *relu, *width, *next * *width + run * runs, out);
        });
        *next = end;
        rows.forget_before((end + 1).saturating_sub(*r / 2 + 1));
        out
    }
}

/// A depthwise layer at consecutive positions from `first` on, counted from the first row of the picture.
fn filter(
    layer: &Depthwise,
    rows: &Rows<f32>,
    r: usize,
    relu: bool,
    width: usize,
    first: usize,
    out: &mut [f32],
) {
    let channels = layer.channels();
    let (mut position, mut out) = (first, out);
    while !out.is_empty() {
        let (row, column) = (position / width, position % width);
        let count = (width - column).min(out.len() / channels);
        let (part, rest) = out.split_at_mut(count * channels);
        layer.run(&rows.around(row, r)[..r], width, column, relu, part);
        (position, out) = (position + count, rest);
    }
}

/// A [`Residual`] at work on rows.
#[derive(Debug)]
pub(super) struct ResidualStage<'a> {
    layers: &'a Residual,
    gain: Option<Vec<f32>>,
    ff_gain: Option<Vec<f32>>,
    kernel: [usize; 2],
    width: usize,
    /// The trunk: rows that wait for those below them, in front of them those that were given last.
    x: Rows<f32>,
    /// What the depthwise layer sees.
    expanded: Rows<f32>,
    /// Rows at the front of `x` that are complete and were given.
    given: usize,
}

impl<'a> ResidualStage<'a> {
    pub fn new(layers: &'a Residual, width: usize, level: Level, kernel: [usize; 2]) -> Self {
        let channels = layers.expand.inputs();
        let gain = |table: &Option<Vec<f32>>| table.as_ref().map(|table| level.interpolate(table, channels));
        Self {
            layers,
            gain: gain(&layers.gain),
            ff_gain: gain(&layers.ff_gain),
            kernel,
            width,
            x: Rows::new(width * channels),
            expanded: Rows::new(width * layers.expand.outputs()),
            given: 0,
        }
    }

    pub fn push(&mut self, x: &[f32], last: bool) -> &[f32] {
        let Self { layers, kernel: [r, _], width, .. } = *self;
        self.x.forget(self.given);
        self.x.append(x);
        run::pointwise(&layers.expand, x, self.expanded.grow(x.len() / self.x.row), After::Relu);
        let first = self.x.first;
        let end = if last { self.x.end() } else { self.x.end().saturating_sub(r / 2).max(first) };
        self.given = end - first;
        let (channels, hidden) = (layers.expand.inputs(), layers.expand.outputs());
        let runs = split(self.given * width);
        let (expanded, gain, ff_gain) = (&self.expanded, after(&self.gain), after(&self.ff_gain));
        let done = &mut self.x.data[..self.given * width * channels];
        done.par_chunks_mut(runs * channels).enumerate().for_each(|(run, x)| {
            let positions = x.len() / channels;
            BUFFER.with_borrow_mut(|buffer| {
                let wide = layers.ff_expand.outputs().max(hidden);
                buffer.resize(buffer.len().max(positions * wide), 0.0);
                let filtered = &mut buffer[..positions * hidden];
                filter(&layers.depthwise, expanded, r, false, width, first * width + run * runs, filtered);
                layers.project.run(filtered, x, gain);
                let wide = &mut buffer[..positions * layers.ff_expand.outputs()];
                layers.ff_expand.run(x, wide, After::Relu);
                layers.ff_project.run(wide, x, ff_gain);
            });
        });
        self.expanded.forget_before((end + 1).saturating_sub(r / 2 + 1));
        &self.x.data[..self.given * self.x.row]
    }
}

thread_local! {
    /// What a run of positions needs between the layers of a residual block.
    static BUFFER: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

fn after(gain: &Option<Vec<f32>>) -> After<'_> {
    gain.as_deref().map_or(After::Add, After::AddScaled)
}
