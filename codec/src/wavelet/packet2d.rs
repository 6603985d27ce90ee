//! Two-dimensional CDF 9/7 packets of interleaved pictures: the definition, on whole pictures and one thread.
//!
//! Encoder and decoder run the same arithmetic row by row; the tests of `picture` hold them to these bits.

use super::frequency_order;
use crate::array::Tensor;
use wavern_kernel::cdf97;

/// Splits `levels` times along both axes.
///
/// `picture` is `[height, width, planes]` with both sides multiples of 2^levels; the result is
/// `[height / 2^levels, width / 2^levels, planes · 4^levels]`, channel `(plane · 2^levels + v) · 2^levels + u` for
/// the band of vertical frequency v and horizontal frequency u, both in order of frequency.
///
/// # Panics
/// If a side is not a positive multiple of 2^levels.
pub fn analysis(picture: &Tensor, levels: u32) -> Tensor {
    let bands = 1usize << levels;
    let [height, width, planes] = picture.shape();
    assert!(height % bands == 0 && width % bands == 0 && height * width > 0);
    let (rows, columns) = (height / bands, width / bands);
    // Down the columns, all at once: every sample of a row is a lane.
    let line = width * planes;
    let mut down = Scratch::new(height * line);
    down.load(picture.data().iter().copied());
    down.split(levels, line);
    let down = down.bands(height * line, levels);
    // Along the rows, one by one: row `v · rows + y` of `down` is row y of vertical band v.
    let channels = planes * bands * bands;
    let mut out = Tensor::zeros([rows, columns, channels]);
    let mut along = Scratch::new(width);
    for (index, row) in down.chunks_exact(line).enumerate() {
        let (v, y) = (index / rows, index % rows);
        for plane in 0..planes {
            along.load(row.iter().skip(plane).step_by(planes).copied());
            along.split(levels, 1);
            for (at, value) in along.bands(width, levels).iter().enumerate() {
                let (u, x) = (at / columns, at % columns);
                out.data_mut()[(y * columns + x) * channels + (plane * bands + v) * bands + u] = *value;
            }
        }
    }
    out
}

/// Undoes [`analysis`].
///
/// # Panics
/// If the channels are not a multiple of 4^levels.
pub fn synthesis(packets: &Tensor, levels: u32) -> Tensor {
    let bands = 1usize << levels;
    let [rows, columns, channels] = packets.shape();
    let planes = channels / (bands * bands);
    assert!(planes * bands * bands == channels && rows * columns > 0);
    let (height, width) = (rows * bands, columns * bands);
    let line = width * planes;
    let mut down = Scratch::new(height * line);
    let mut along = Scratch::new(width);
    for (index, row) in down.bands_mut(height * line).chunks_exact_mut(line).enumerate() {
        let (v, y) = (index / rows, index % rows);
        for plane in 0..planes {
            for (at, value) in along.bands_mut(width).iter_mut().enumerate() {
                let (u, x) = (at / columns, at % columns);
                *value = packets.data()[(y * columns + x) * channels + (plane * bands + v) * bands + u];
            }
            along.merge(width, levels, 1);
            for (out, value) in row.iter_mut().skip(plane).step_by(planes).zip(along.signal()) {
                *out = *value;
            }
        }
    }
    down.merge(height * line, levels, line);
    Tensor::from_vec([height, width, planes], down.front)
}

/// The synthesis along one axis as a matrix `[length, length]`, row-major: signal = matrix × coefficients, bands in
/// order of frequency, each a run of `length / 2^levels`. For engines that prefer matrix products to lifting.
///
/// # Panics
/// If the length is not a positive multiple of 2^levels.
pub fn synthesis_matrix(length: usize, levels: u32) -> Vec<f32> {
    assert!(length > 0 && length.is_multiple_of(1 << levels));
    let mut matrix = vec![0.0; length * length];
    let mut scratch = Scratch::new(length);
    for column in 0..length {
        scratch.bands_mut(length).fill(0.0);
        scratch.bands_mut(length)[column] = 1.0;
        scratch.merge(length, levels, 1);
        for (row, value) in scratch.signal().iter().enumerate() {
            matrix[row * length + column] = *value;
        }
    }
    matrix
}

/// Two buffers between which a packet tree ping-pongs; `front` holds the current level.
struct Scratch {
    front: Vec<f32>,
    back: Vec<f32>,
}

impl Scratch {
    fn new(len: usize) -> Self {
        Self { front: vec![0.0; len], back: vec![0.0; len] }
    }

    fn load(&mut self, signal: impl Iterator<Item = f32>) {
        for (slot, value) in self.front.iter_mut().zip(signal) {
            *slot = value;
        }
    }

    fn signal(&self) -> &[f32] {
        &self.front
    }

    /// All levels of the tree; band b of natural order ends in place b.
    fn split(&mut self, levels: u32, lanes: usize) {
        for level in 0..levels {
            let size = self.front.len() >> level;
            for (signal, out) in self.front.chunks_exact(size).zip(self.back.chunks_exact_mut(size)) {
                let (low, high) = out.split_at_mut(size / 2);
                cdf97::split(signal, low, high, lanes);
            }
            std::mem::swap(&mut self.front, &mut self.back);
        }
    }

    /// The coefficients, bands in order of frequency.
    fn bands(&mut self, len: usize, levels: u32) -> &[f32] {
        let size = len >> levels;
        for (path, band) in self.front[..len].chunks_exact(size).enumerate() {
            self.back[frequency_order(path) * size..][..size].copy_from_slice(band);
        }
        &self.back[..len]
    }

    fn bands_mut(&mut self, len: usize) -> &mut [f32] {
        &mut self.back[..len]
    }

    /// From bands in order of frequency (in [`Self::bands_mut`]) back to the signal.
    fn merge(&mut self, len: usize, levels: u32, lanes: usize) {
        let size = len >> levels;
        for (path, band) in self.front[..len].chunks_exact_mut(size).enumerate() {
            band.copy_from_slice(&self.back[frequency_order(path) * size..][..size]);
        }
        for level in (0..levels).rev() {
            let size = len >> level;
            for (pair, out) in
                self.front[..len].chunks_exact_mut(size).zip(self.back[..len].chunks_exact_mut(size))
            {
                let (low, high) = pair.split_at_mut(size / 2);
                cdf97::merge(low, high, out, lanes);
            }
            std::mem::swap(&mut self.front, &mut self.back);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern_kernel::arbitrary::reals;

    fn picture(height: usize, width: usize, planes: usize) -> Tensor {
        let values = reals(height * width * planes, 1).iter().map(|v| 0.5 * v).collect();
        Tensor::from_vec([height, width, planes], values)
    }

    #[test]
    fn reconstruction_is_perfect_on_every_side_1_to_130_after_padding() {
        for side in 1..=130usize {
            let padded = side.div_ceil(8) * 8;
            for (h, w) in [(padded, 8), (8, padded), (padded, 40)] {
                let x = picture(h, w, 3);
                let packets = analysis(&x, 3);
                assert_eq!(packets.shape(), [h / 8, w / 8, 192]);
                let back = synthesis(&packets, 3);
                let worst = x.data().iter().zip(back.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 2e-5, "{h}×{w}: {worst}");
            }
        }
    }

    #[test]
    fn bands_are_in_order_of_frequency() {
        // A horizontal cosine of digital frequency (u + 1/2) / 8 · π puts more energy in band u than in any other.
        for u in 0..8 {
            let mut x = Tensor::zeros([8, 256, 1]);
            for (i, v) in x.data_mut().iter_mut().enumerate() {
                let phase = std::f32::consts::PI * (u as f32 + 0.5) / 8.0;
                *v = (phase * ((i % 256) as f32 + 0.5)).cos();
            }
            let packets = analysis(&x, 3);
            let mut energy = [0.0f32; 64];
            for pixel in packets.data().chunks_exact(64) {
                for (e, v) in energy.iter_mut().zip(pixel) {
                    *e += v * v;
                }
            }
            let largest = (0..64).max_by(|a, b| energy[*a].total_cmp(&energy[*b]));
            assert_eq!(largest, Some(u), "{energy:?}");
        }
    }

    #[test]
    fn energy_is_nearly_kept() {
        let x = picture(64, 64, 3);
        let energy = |t: &Tensor| t.data().iter().map(|v| v * v).sum::<f32>();
        let ratio = energy(&analysis(&x, 3)) / energy(&x);
        assert!((0.9..1.15).contains(&ratio), "{ratio}");
    }
}
