//! A residual block at work on rows, in floats or integers.

use super::rows::Rows;
use crate::quality::Level;

/// The layers of a residual block.
pub(super) trait Block {
    /// What the depthwise layer sees and gives.
    type Hidden: Copy + Default;
    /// What the sums of both branches are multiplied by at a level.
    type Gains;

    /// Channels of the trunk.
    fn channels(&self) -> usize;

    /// Channels of the depthwise layer.
    fn hidden(&self) -> usize;

    fn gains(&self, level: Level) -> Self::Gains;

    /// Trunk → what the depthwise layer sees, at any number of positions.
    fn expand(&self, x: &[f32], out: &mut [Self::Hidden]);

    /// Adds both branches to the trunk `x` of consecutive positions from `first` on, counted from the first row of the
    /// picture. Filters cover `rows` of the expanded rows.
    fn add(
        &self,
        gains: &Self::Gains,
        rows: usize,
        expanded: &Rows<Self::Hidden>,
        first: usize,
        x: &mut [f32],
    );
}

/// A [`Block`] at work.
#[derive(Debug)]
pub(super) struct ResidualStage<'a, B: Block> {
    layers: &'a B,
    gains: B::Gains,
    /// Rows of the filters.
    rows: usize,
    width: usize,
    /// The trunk: rows that wait for those below them, in front of them those that were given last.
    x: Rows<f32>,
    /// What the depthwise layer sees.
    expanded: Rows<B::Hidden>,
    /// Rows at the front of `x` that are complete and were given.
    given: usize,
}

impl<'a, B: Block> ResidualStage<'a, B> {
    /// For rows of `width` positions and filters of `rows` rows.
    pub fn new(layers: &'a B, width: usize, level: Level, rows: usize) -> Self {
        Self {
            layers,
            gains: layers.gains(level),
            rows,
            width,
            x: Rows::new(width * layers.channels()),
            expanded: Rows::new(width * layers.hidden()),
            given: 0,
        }
    }

    pub fn push(&mut self, x: &[f32], last: bool) -> &[f32] {
        let Self { layers, rows, width, .. } = *self;
        self.x.forget(self.given);
        self.x.append(x);
        layers.expand(x, self.expanded.grow(x.len() / self.x.row));
        let first = self.x.first;
        let end = if last { self.x.end() } else { self.x.end().saturating_sub(rows / 2).max(first) };
        self.given = end - first;
        let done = &mut self.x.data[..self.given * self.x.row];
        layers.add(&self.gains, rows, &self.expanded, first * width, done);
        self.expanded.forget_before((end + 1).saturating_sub(rows / 2 + 1));
        &self.x.data[..self.given * self.x.row]
    }
}
