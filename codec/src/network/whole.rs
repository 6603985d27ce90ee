//! Layers on whole tensors that the runs forwards and backwards share.

use super::run::RUN;
use crate::array::Tensor;
use crate::config::layer::MAX_KERNEL;
use rayon::prelude::*;
use wavern_kernel::float::Depthwise;

/// A depthwise layer at every position.
pub fn filter(layer: &Depthwise, x: &Tensor, relu: bool) -> Tensor {
    let mut out = Tensor::zeros(x.shape());
    let channels = layer.channels();
    out.data_mut().par_chunks_mut(RUN * channels).enumerate().for_each(|(run, out)| {
        filter_at(layer, x, run * RUN, relu, out);
    });
    out
}

/// A depthwise layer at consecutive positions from `first` on.
pub(super) fn filter_at(layer: &Depthwise, x: &Tensor, first: usize, relu: bool, out: &mut [f32]) {
    let [height, width, channels] = x.shape();
    let [r, _] = layer.kernel();
    let (mut position, mut out) = (first, out);
    while !out.is_empty() {
        let (row, column) = (position / width, position % width);
        let count = (width - column).min(out.len() / channels);
        let (part, rest) = out.split_at_mut(count * channels);
        let mut rows: [&[f32]; MAX_KERNEL] = [&[]; MAX_KERNEL];
        for (v, slot) in rows[..r].iter_mut().enumerate() {
            if let Some(y) = (row + v).checked_sub(r / 2).filter(|y| *y < height) {
                *slot = &x.data()[y * width * channels..][..width * channels];
            }
        }
        layer.run(&rows[..r], width, column, relu, part);
        (position, out) = (position + count, rest);
    }
}

/// `[h, w, c] → [h/r, w/s, r·s·c]`.
pub fn space_to_depth(x: &Tensor, [r, s]: [usize; 2]) -> Tensor {
    let [h, w, c] = x.shape();
    assert!(h % r == 0 && w % s == 0);
    let mut out = Tensor::zeros([h / r, w / s, r * s * c]);
    out.data_mut().par_chunks_exact_mut(r * s * c).with_min_len(RUN).enumerate().for_each(
        |(position, block)| {
            let (y, x0) = (position / (w / s) * r, position % (w / s) * s);
            for (dy, run) in block.chunks_exact_mut(s * c).enumerate() {
                run.copy_from_slice(&x.data()[((y + dy) * w + x0) * c..][..s * c]);
            }
        },
    );
    out
}

/// Undoes [`space_to_depth`].
pub fn depth_to_space(x: &Tensor, [r, s]: [usize; 2]) -> Tensor {
    let [h, w, channels] = x.shape();
    let c = channels / (r * s);
    let mut out = Tensor::zeros([h * r, w * s, c]);
    let rows = out
        .data_mut()
        .par_chunks_exact_mut((r * w * s * c).max(1))
        .zip(x.data().par_chunks_exact((w * channels).max(1)));
    rows.for_each(|(out, x)| {
        for (column, block) in x.chunks_exact(channels).enumerate() {
            for (dy, run) in block.chunks_exact(s * c).enumerate() {
                out[(dy * w + column) * s * c..][..s * c].copy_from_slice(run);
            }
        }
    });
    out
}
