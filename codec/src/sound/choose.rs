//! Which frames of a segment become spans.
//!
//! What is compared is the sum of the magnitudes of coefficients over the quantization steps that follow the envelope.
//! A sum that grows with the bits and needs no level: on 16 training clips an ideal coder that chooses by it saves 17.4
//! and 22.5 % of the bits at two levels, by its own bits 17.8 and 23.2 %.

use super::frames::frames;
use crate::envelope::{Cells, SIGNALS};
use crate::lapped::Lapped;

/// The [code](crate::spans::Spans::codes) of each position of ẑ for two signals of `count` frames, which have the
/// blocks that [`frames`](super::frames()) takes.
pub fn choose_spans(
    signals: &[Vec<f32>; SIGNALS],
    count: usize,
    lapped: &Lapped,
    cells: &Cells,
) -> Vec<usize> {
    let spans = cells.spans();
    let (block, positions) = (spans.block(), count.div_ceil(spans.block()));
    let mut codes = vec![0; positions];
    if spans.is_empty() {
        return codes;
    }
    let width = SIGNALS * lapped.hop();
    let alone = frames(signals, lapped, &vec![1; count]);
    let mut shape = cells.shape(&cells.measure(&alone, &codes), count);
    let by_frame = alone.data().chunks(block * width).zip(shape.data().chunks(block * width));
    // What each position costs; of a span, all of it at the first one.
    let mut best: Vec<f32> =
        by_frame.map(|(values, steps)| values.iter().zip(steps).map(|(v, s)| v.abs() / s).sum()).collect();
    // A span spreads its noise over all its frames, so the quiet ones count: the mean is of weights, not of steps.
    shape.data_mut().iter_mut().for_each(|step| *step = (*step * *step).recip());
    for (index, &length) in spans.lengths().iter().enumerate() {
        let blocks = length / block;
        let mut layout = vec![length; count / length];
        layout.resize(layout.len() + count % length, 1);
        let joined = frames(signals, lapped, &layout);
        let of_spans =
            joined.data().chunks_exact(length * width).zip(shape.data().chunks_exact(length * width));
        for (span, (values, weights)) in of_spans.enumerate() {
            let (magnitudes, weights) =
                (sums(values, width, f32::abs), sums(weights, width, |weight| weight));
            let by_channel = magnitudes.iter().zip(&weights);
            let cost: f32 = by_channel.map(|(sum, weights)| sum * (weights / length as f32).sqrt()).sum();
            let own = span * blocks..(span + 1) * blocks;
            if cost < best[own.clone()].iter().sum() {
                best[own.clone()].fill(0.0);
                best[own.start] = cost;
                codes[own].fill(index + 1);
            }
        }
    }
    codes
}

/// Of each column of rows of `width` values, the sum of what `of` makes of them.
fn sums(rows: &[f32], width: usize, of: fn(f32) -> f32) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += of(value));
    }
    sums
}
