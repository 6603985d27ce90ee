//! Spans: frames of a sound that one long transform replaces.
//!
//! Short transforms tell when something sounds, long ones tell tones apart: a tone that lasts falls into fewer
//! coefficients. So the encoder joins frames where that is cheaper. A span of s frames has one transform of s hops
//! ([`lapped`](crate::lapped)), whose coefficient k is stored at band k div s of frame k mod s of the span; everything
//! else sees frames and bands as before.
//!
//! ẑ says where spans are: its last channel holds a *code* for every block of frames, 0 for frames by themselves and i
//! for the i-th of the lengths that the model has. A span begins at a multiple of its length.

use crate::array::Symbols;
use crate::config::EnvelopeConfig;

/// The spans that a model has.
#[derive(Clone, Debug)]
pub struct Spans {
    /// Frames that a position of ẑ stands for.
    block: usize,
    /// Frames of each kind of span: multiples of the block. Empty if there are none.
    lengths: Vec<usize>,
}

impl Spans {
    /// The spans of a configuration that [`validate`](crate::config::ModelConfig::validate) has accepted.
    pub fn new(config: &EnvelopeConfig) -> Self {
        Self { block: config.block, lengths: config.spans.clone() }
    }

    /// Whether the model has none.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Frames of each kind of span, that of code 1 first.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Frames of a block.
    pub fn block(&self) -> usize {
        self.block
    }

    /// The code that holds at each position of ẑ, for a segment of `frames` frames. A span that does not lie in
    /// the segment, or whose positions have different codes, is none: its frames are by themselves.
    pub fn codes(&self, z: &Symbols, frames: usize) -> Vec<usize> {
        let [_, positions, channels] = z.shape();
        if self.is_empty() {
            return vec![0; positions];
        }
        let written: Vec<i32> = z.data().chunks_exact(channels).map(|z| z[channels - 1]).collect();
        self.hold(&written, frames)
    }

    /// The same of the codes alone.
    pub fn hold(&self, written: &[i32], frames: usize) -> Vec<usize> {
        let holds = |position: usize| {
            let code = usize::try_from(written[position]).unwrap_or(0);
            let length = *code.checked_sub(1).and_then(|index| self.lengths.get(index))?;
            let count = length / self.block;
            let first = position / count * count;
            let fits = first * self.block + length <= frames;
            let same = || written[first..first + count].iter().all(|other| *other == written[position]);
            (fits && same()).then_some(code)
        };
        (0..written.len()).map(|position| holds(position).unwrap_or(0)).collect()
    }

    /// The positions of ẑ whose levels are coded: those of a span after its first repeat them.
    pub fn starts(&self, codes: &[usize]) -> Vec<usize> {
        let begins = |&position: &usize| match codes[position] {
            0 => true,
            code => (position * self.block).is_multiple_of(self.lengths[code - 1]),
        };
        (0..codes.len()).filter(begins).collect()
    }

    /// The frames of each transform of a segment, from codes as [`Self::codes`] gives them.
    pub fn layout(&self, codes: &[usize], frames: usize) -> Vec<usize> {
        let mut layout = Vec::new();
        let mut frame = 0;
        while frame < frames {
            let length = match codes[frame / self.block] {
                0 => 1,
                code => self.lengths[code - 1],
            };
            layout.push(length);
            frame += length;
        }
        layout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans() -> Spans {
        Spans { block: 4, lengths: vec![4, 8] }
    }

    fn z(codes: &[i32]) -> Symbols {
        let data = codes.iter().flat_map(|&code| [9, 9, code]).collect();
        Symbols::from_vec([1, codes.len(), 3], data)
    }

    #[test]
    fn codes_make_a_layout() {
        let z = z(&[2, 2, 1, 0, 1, 1, 2, 2]);
        let codes = spans().codes(&z, 32);
        assert_eq!(codes, [2, 2, 1, 0, 1, 1, 2, 2]);
        assert_eq!(spans().layout(&codes, 32), [8, 4, 1, 1, 1, 1, 4, 4, 8]);
        assert_eq!(spans().starts(&codes), [0, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn what_is_no_span_is_frames() {
        for (codes, frames) in
            [([0, 2, 2, 0], 16), ([2, 1, 3, -1], 16), ([0, 0, 2, 2], 15), ([63, 63, 0, 2], 16)]
        {
            let held = spans().codes(&z(&codes), frames);
            let ones = held.iter().zip(&codes).all(|(&held, &code)| held == usize::from(code == 1));
            assert!(ones, "{codes:?}: {held:?}");
            assert_eq!(spans().layout(&held, frames).iter().sum::<usize>(), frames);
        }
        assert_eq!(spans().layout(&spans().codes(&z(&[1, 1]), 7), 7), [4, 1, 1, 1]);
    }
}
