//! The transpose of the two-dimensional packet synthesis: from the gradient of an error with respect to pixels to the
//! one with respect to packets.
//!
//! Every lifting step of [`super::cdf97::merge`] is a sparse matrix; its transpose adds in the other direction, and the
//! steps come in the opposite order. At the borders this differs from the analysis, whose steps mirror the signal. Rows
//! of the picture split in chunks of columns, then columns with the vertical bands as lanes; one pass each, any number
//! of threads, the same bits.

use super::frequency_order;
use crate::array::Tensor;
use rayon::prelude::*;
use wavern_kernel::cdf97::{ALPHA, BETA, DELTA, GAMMA, ZETA};

/// Pixels of a row that are split downwards together.
const CHUNK: usize = 32;

/// `Sᵀ g` for the synthesis S of [`super::packet2d::synthesis`]: `[height, width, planes]` →
/// `[height / 2^levels, width / 2^levels, planes · 4^levels]`.
///
/// # Panics
/// If a side is not a positive multiple of 2^levels.
pub fn synthesis_adjoint(gradient: &Tensor, levels: u32) -> Tensor {
    let bands = 1usize << levels;
    let [height, width, planes] = gradient.shape();
    assert!(height % bands == 0 && width % bands == 0 && height * width > 0);
    let (rows, columns) = (height / bands, width / bands);
    let down: Vec<Vec<f32>> = (0..width.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let first = chunk * CHUNK;
            let lanes = CHUNK.min(width - first) * planes;
            let lines = gradient.data().chunks_exact(width * planes);
            let signal = lines.flat_map(|line| &line[first * planes..][..lanes]).copied().collect();
            split_tree(signal, levels, lanes)
        })
        .collect();
    let channels = planes * bands * bands;
    let mut out = Tensor::zeros([rows, columns, channels]);
    out.data_mut().par_chunks_mut(columns * channels).enumerate().for_each(|(y, out)| {
        // `[width, vertical path, plane]`: the tree along the row has all of them as lanes.
        let lanes = bands * planes;
        let mut signal = vec![0.0; width * lanes];
        for (first, chunk) in (0..width).step_by(CHUNK).zip(&down) {
            let line = chunk.len() / height;
            for path in 0..bands {
                let row = chunk[(path * rows + y) * line..][..line].chunks_exact(planes);
                let places = signal[first * lanes..].chunks_exact_mut(lanes);
                for (place, values) in places.zip(row) {
                    // A few numbers: a copy would be a call.
                    let place = &mut place[path * planes..][..planes];
                    place.iter_mut().zip(values).for_each(|(place, value)| *place = *value);
                }
            }
        }
        let along = split_tree(signal, levels, lanes);
        for (path, band) in along.chunks_exact(columns * lanes).enumerate() {
            let u = frequency_order(path);
            for (out, lanes) in out.chunks_exact_mut(channels).zip(band.chunks_exact(lanes)) {
                for (vertical, values) in lanes.chunks_exact(planes).enumerate() {
                    let v = frequency_order(vertical);
                    for (plane, value) in values.iter().enumerate() {
                        out[(plane * bands + v) * bands + u] = *value;
                    }
                }
            }
        }
    });
    out
}

/// All levels of the tree over rows of `lanes` numbers, bands in natural order.
fn split_tree(mut front: Vec<f32>, levels: u32, lanes: usize) -> Vec<f32> {
    let mut back = vec![0.0; front.len()];
    for level in 0..levels {
        let size = front.len() >> level;
        for (signal, out) in front.chunks_exact(size).zip(back.chunks_exact_mut(size)) {
            let (low, high) = out.split_at_mut(size / 2);
            merge_adjoint(signal, low, high, lanes);
        }
        std::mem::swap(&mut front, &mut back);
    }
    front
}

/// The transpose of [`super::cdf97::merge`].
fn merge_adjoint(signal: &[f32], low: &mut [f32], high: &mut [f32], lanes: usize) {
    let pairs = signal.chunks_exact(2 * lanes);
    for ((pair, low), high) in pairs.zip(low.chunks_exact_mut(lanes)).zip(high.chunks_exact_mut(lanes)) {
        low.copy_from_slice(&pair[..lanes]);
        high.copy_from_slice(&pair[lanes..]);
    }
    spread_high(low, high, -ALPHA, lanes);
    spread_low(low, high, -BETA, lanes);
    spread_high(low, high, -GAMMA, lanes);
    spread_low(low, high, -DELTA, lanes);
    low.iter_mut().for_each(|v| *v *= 1.0 / ZETA);
    high.iter_mut().for_each(|v| *v *= ZETA);
}

/// The transpose of `high[i] += k (low[i] + low[i + 1])`, the last row mirrored: what a row of `high` took is given
/// back to both rows of `low`.
fn spread_high(low: &mut [f32], high: &[f32], k: f32, lanes: usize) {
    let body = high.len() - lanes;
    add(low, &high[..body], k);
    add(&mut low[lanes..], &high[..body], k);
    add(&mut low[body..], &high[body..], 2.0 * k);
}

/// The transpose of `low[i] += k (high[i - 1] + high[i])`, the first row mirrored.
fn spread_low(low: &[f32], high: &mut [f32], k: f32, lanes: usize) {
    add(high, &low[..lanes], 2.0 * k);
    add(high, &low[lanes..], k);
    add(&mut high[lanes..], &low[lanes..], k);
}

/// `out += k x`, as far as both go.
fn add(out: &mut [f32], x: &[f32], k: f32) {
    out.iter_mut().zip(x).for_each(|(out, x)| *out += k * x);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wavelet::packet2d;
    use wavern_kernel::arbitrary::reals;

    fn noise(shape: [usize; 3], seed: u32) -> Tensor {
        Tensor::from_vec(shape, reals(shape.iter().product(), seed))
    }

    #[test]
    fn inner_products_with_the_synthesis_are_equal() {
        for (rows, columns, levels) in [(1, 1, 3), (2, 3, 3), (5, 9, 3), (3, 40, 2), (4, 1, 1)] {
            let packets = noise([rows, columns, 3 << (2 * levels)], 1);
            let pixels = packet2d::synthesis(&packets, levels);
            let gradient = noise(pixels.shape(), 2);
            let adjoint = synthesis_adjoint(&gradient, levels);
            assert_eq!(adjoint.shape(), packets.shape());
            let dot = |a: &Tensor, b: &Tensor| -> f64 {
                a.data().iter().zip(b.data()).map(|(a, b)| f64::from(a * b)).sum()
            };
            let (left, right) = (dot(&pixels, &gradient), dot(&packets, &adjoint));
            assert!((left - right).abs() < 1e-4 * dot(&packets, &packets), "{left} {right}");
        }
    }
}
