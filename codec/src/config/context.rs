//! The context networks, and the order in which ŷ is coded: slice by slice, and each slice part by part of its
//! positions.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The context networks: the latents are decoded in steps, slice by slice (as in ELIC, 2203.10886) and each slice in
/// two or four parts of its positions. [`Self::steps`] gives them in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextConfig {
    /// Channels of y in each slice, in order.
    pub slices: Vec<usize>,
    /// Parts that the positions of each slice are split into, 2 or 4; slices that are not listed have 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<usize>,
    /// Columns that a slice in four parts takes together, see [`CodingStep`]. Without it, rows alternate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<usize>,
    /// Width of the network that looks at decoded latents.
    pub width: usize,
    /// Rows and columns of its depthwise filters.
    pub kernel: [usize; 2],
    /// Width of the two layers that fuse it with the hyper features.
    pub hidden: usize,
    /// Components K of the Gaussian mixture, 1..=4.
    pub components: usize,
    /// Whether the heads also give a latent residual, a fraction of a step that the decoder adds to every symbol
    /// (Minnen and Singh, "Channel-wise autoregressive entropy models", 2007.08739, section 3.3).
    #[serde(default)]
    pub residual: bool,
}

impl ContextConfig {
    /// Outputs of a head for each symbol.
    pub fn planes(&self) -> usize {
        3 * self.components + usize::from(self.residual)
    }

    /// All steps in the order of coding.
    pub fn steps(&self) -> impl Iterator<Item = CodingStep> {
        let (mut first, group) = (0, self.group);
        let slices = self.slices.iter().enumerate().map(move |(slice, &width)| {
            first += width;
            (first - width..first, self.parts_of(slice))
        });
        let steps =
            slices.flat_map(|(channels, parts)| (0..parts).map(move |part| (channels.clone(), parts, part)));
        let numbered = steps.enumerate();
        numbered.map(move |(index, (channels, parts, part))| CodingStep {
            index,
            channels,
            parts,
            part,
            group,
        })
    }

    /// Parts that the positions of a slice are split into.
    pub fn parts_of(&self, slice: usize) -> usize {
        self.parts.get(slice).copied().unwrap_or(2)
    }
}

/// One step: the symbols of a slice of channels at one part of the positions, all coded together.
///
/// A slice in two parts is a checkerboard: even row + column first (He et al., "Checkerboard Context Model",
/// 2103.15306). In four parts, each half of the checkerboard is split by the parity of the row. So every block of 2 × 2
/// positions is coded in the order
///
/// ```text
/// two parts: 0 1    four parts: 0 2
///            1 0                3 1
/// ```
///
/// With a group, four parts are the checkerboard of every other group of columns, and then that of the groups between,
/// which know both their neighbours: for groups of four, `0 1 0 1 2 3 2 3`. The spans of sounds need that, since what
/// is alike in two of them is far apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodingStep {
    /// Place in the order of all steps; the number in the names of the step's tensors.
    pub index: usize,
    /// Channels of ŷ.
    pub channels: Range<usize>,
    /// Parts that the positions of this slice are split into, 2 or 4.
    pub parts: usize,
    /// Which of them this step codes, from 0.
    pub part: usize,
    /// Columns of a group.
    pub group: Option<usize>,
}

impl CodingStep {
    /// The name of a tensor of this step's networks, without `weight`, `bias` or `shift`: `context.3.look`, say.
    pub fn name(&self, layer: &str) -> String {
        format!("context.{}.{layer}", self.index)
    }

    /// Channels of ŷ, from the first one on, that the step sees at some position.
    pub fn seen(&self) -> usize {
        if self.part == 0 { self.channels.start } else { self.channels.end }
    }

    /// Channels of ŷ, from the first one on, that are decoded at a position when the step begins.
    pub fn known(&self, row: usize, column: usize) -> usize {
        if self.part_of(row, column) < self.part { self.channels.end } else { self.channels.start }
    }

    /// Indices of the step's positions in a row-major grid, rising.
    pub fn positions(&self, rows: usize, columns: usize) -> Vec<usize> {
        let all = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let own = all.filter(|&(row, column)| self.part_of(row, column) == self.part);
        own.map(|(row, column)| row * columns + column).collect()
    }

    fn part_of(&self, row: usize, column: usize) -> usize {
        let odd = (row + column) % 2;
        match (self.parts, self.group) {
            (4, Some(group)) => 2 * (column / group % 2) + odd,
            (4, None) => 2 * odd + row % 2,
            _ => odd,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ModelConfig;

    fn steps(group: Option<usize>) -> Vec<CodingStep> {
        let context =
            ContextConfig { slices: vec![3, 5], parts: vec![4], group, ..ModelConfig::image().context };
        context.steps().collect()
    }

    #[test]
    fn every_symbol_is_coded_once_and_known_afterwards() {
        let (rows, columns) = (3, 5);
        for group in [None, Some(2)] {
            every_symbol_once(&steps(group), rows, columns);
        }
    }

    fn every_symbol_once(steps: &[CodingStep], rows: usize, columns: usize) {
        let mut coded = vec![0; rows * columns];
        for step in steps {
            assert_eq!(step.name("look"), format!("context.{}.look", step.index));
            for (p, &coded) in coded.iter().enumerate() {
                assert_eq!(step.known(p / columns, p % columns), coded, "{step:?} at {p}");
                assert!(coded <= step.seen());
            }
            for p in step.positions(rows, columns) {
                assert_eq!(coded[p], step.channels.start);
                coded[p] = step.channels.end;
            }
        }
        assert_eq!(coded, vec![8; rows * columns]);
    }

    #[test]
    fn parts_are_in_the_order_of_the_format() {
        let positions: Vec<_> = steps(None).iter().map(|step| step.positions(2, 2)).collect();
        assert_eq!(positions, [vec![0], vec![3], vec![1], vec![2], vec![0, 3], vec![1, 2]]);
        let positions: Vec<_> = steps(Some(2)).iter().map(|step| step.positions(1, 6)).collect();
        assert_eq!(positions, [vec![0, 4], vec![1, 5], vec![2], vec![3], vec![0, 2, 4], vec![1, 3, 5]]);
    }
}
