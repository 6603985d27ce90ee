//! Random crops of pictures as packets, made on the device that trains.
//!
//! A picture is shrunk by up to two, mirrored, transposed and tinted, and then split into packets. All of that is
//! linear: along each axis it is one matrix, and a crop is two matrix products.

use crate::cuda::send;
use crate::data::{self, Picture, Random};
use crate::drawing;
use tch::{Device, Kind, Tensor};
use wavern::internals::color::{CENTRE, OPPONENT, UNIT};
use wavern::internals::network::ModelConfig;
use wavern::internals::wavelet::packet2d;

/// Sizes between 1 and 2 that pictures are shrunk by, in steps of 1/16.
const SIZES: usize = 16;
/// Share of crops that are shrunk.
const SHRUNK: f64 = 0.5;
/// Share of crops whose channels are darkened, each by up to [`DARKEST`].
const TINTED: f64 = 0.5;
const DARKEST: f64 = 0.8;
/// Crops of a batch that are shrunk and mirrored each in their own way; more are grouped.
const GROUPS: usize = 32;

/// Where crops come from.
pub struct Crops {
    pictures: Vec<Picture>,
    /// Share of crops that are drawings.
    drawings: f64,
    side: usize,
    levels: u32,
    /// For every size, and as it is or mirrored: pixels along an axis → bands, `[side, size]`.
    matrices: Vec<[Tensor; 2]>,
    device: Device,
}

impl Crops {
    /// Crops of `side` pixels of pictures that are at least so large.
    pub fn new(
        pictures: Vec<Picture>,
        config: &ModelConfig,
        side: usize,
        drawings: f64,
        device: Device,
    ) -> Self {
        let levels = config.packet_levels;
        let synthesis = Tensor::from_slice(&packet2d::synthesis_matrix(side, levels))
            .view([side as i64; 2])
            .to_kind(Kind::Double);
        let analysis = Tensor::linalg_inv(&synthesis);
        let matrices = (0..=SIZES)
            .map(|step| {
                let matrix = analysis.matmul(&shrink(side, side + side * step / SIZES)).to_kind(Kind::Float);
                [matrix.to_device(device), matrix.flip([1]).to_device(device)]
            })
            .collect();
        Self { pictures, drawings, side, levels, matrices, device }
    }

    /// A batch of packets `[batch, rows, columns, channels]`.
    pub fn batch(&self, batch: usize, random: &mut Random) -> Tensor {
        let groups = GROUPS.min(batch);
        let sizes = (0..groups).map(|group| (group + 1) * batch / groups - group * batch / groups);
        let parts: Vec<Tensor> = sizes.map(|count| self.group(count, random)).collect();
        Tensor::cat(&parts, 0)
    }

    /// Crops that are shrunk, mirrored and tinted alike.
    fn group(&self, count: usize, random: &mut Random) -> Tensor {
        let size = if random.unit() < SHRUNK { random.below(SIZES + 1) } else { 0 };
        let mut crops = Vec::new();
        let mut largest = size;
        let drawn: Vec<bool> = (0..count).map(|_| random.unit() < self.drawings).collect();
        let chosen: Vec<usize> = (0..count).map(|_| random.below(self.pictures.len())).collect();
        for (&index, drawn) in chosen.iter().zip(&drawn) {
            let fits = |size: usize| self.pixels(size) <= self.pictures[index].shorter_side();
            if *drawn {
                largest = 0;
            }
            while !fits(largest) {
                largest -= 1;
            }
        }
        let pixels = self.pixels(largest);
        for (&index, drawn) in chosen.iter().zip(&drawn) {
            crops.push(match drawn {
                true => send(
                    data::tensor(&drawing::drawing(self.side, random), self.side, self.side),
                    self.device,
                ),
                false => self.pictures[index].crop(pixels, random),
            });
        }
        let n = pixels as i64;
        let rgb = Tensor::stack(&crops, 0).to_kind(Kind::Float).view([count as i64, 3, n * n]);
        let planes = self.opponent(&rgb, random).view([count as i64, 3, n, n]);
        let planes = if random.below(2) == 0 { planes } else { planes.transpose(2, 3) };
        let [rows, columns] = [0; 2].map(|_| &self.matrices[largest][random.below(2)]);
        let bands = rows.matmul(&planes).matmul(&columns.tr());
        let (bands_per_side, side) = (1i64 << self.levels, self.side as i64);
        let positions = side / bands_per_side;
        bands
            .view([count as i64, 3, bands_per_side, positions, bands_per_side, positions])
            .permute([0, 3, 5, 1, 2, 4])
            .reshape([count as i64, positions, positions, 3 * bands_per_side * bands_per_side])
    }

    fn pixels(&self, size: usize) -> usize {
        self.side + self.side * size / SIZES
    }

    /// Pixels `[batch, 3, positions]` → opponent colours in units of the networks, channels darkened now and then.
    fn opponent(&self, rgb: &Tensor, random: &mut Random) -> Tensor {
        let tinted = random.unit() < TINTED;
        let gains: [f32; 3] = std::array::from_fn(|_| {
            let gain = DARKEST + (1.0 - DARKEST) * random.unit();
            if tinted { gain as f32 } else { 1.0 }
        });
        let matrix: Vec<f32> =
            OPPONENT.iter().flat_map(|row| row.iter().zip(gains).map(|(v, gain)| v * gain / UNIT)).collect();
        let centre: Vec<f32> = OPPONENT.iter().map(|row| row.iter().sum::<f32>() * CENTRE / UNIT).collect();
        let matrix = send(Tensor::from_slice(&matrix).view([1, 3, 3]), self.device);
        matrix.matmul(rgb) - send(Tensor::from_slice(&centre).view([1, 3, 1]), self.device)
    }
}

/// Shrinks `size` pixels to `side`: a triangle as wide as two pixels of the result, `[side, size]`, in f64.
fn shrink(side: usize, size: usize) -> Tensor {
    let ratio = size as f64 / side as f64;
    let mut matrix = vec![0.0; side * size];
    for (row, weights) in matrix.chunks_exact_mut(size).enumerate() {
        let centre = (row as f64 + 0.5) * ratio;
        let distance = |column: usize| (column as f64 + 0.5 - centre).abs() / ratio;
        weights.iter_mut().enumerate().for_each(|(column, w)| *w = (1.0 - distance(column)).max(0.0));
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= sum);
    }
    Tensor::from_slice(&matrix).view([side as i64, size as i64])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets;

    /// A picture of noise, whose packets are those of the codec in one of its eight positions.
    #[test]
    fn packets_are_those_of_the_codec() {
        let side = 64;
        let mut random = Random::new(5);
        let pixels: Vec<u8> = (0..side * side * 3).map(|_| random.below(256) as u8).collect();
        let config = ModelConfig::image();
        let picture = Picture::new(&pixels, side, side, Device::Cpu);
        let crops = Crops::new(vec![picture], &config, side, 0.0, Device::Cpu);
        let turned = |symmetry: usize| -> Vec<u8> {
            let place = |y: usize, x: usize| {
                let (y, x) = if symmetry & 4 != 0 { (x, y) } else { (y, x) };
                let y = if symmetry & 1 != 0 { side - 1 - y } else { y };
                (y * side + if symmetry & 2 != 0 { side - 1 - x } else { x }) * 3
            };
            (0..side * side).flat_map(|i| pixels[place(i / side, i % side)..][..3].to_vec()).collect()
        };
        let expected: Vec<Tensor> =
            (0..8).map(|s| packets::of_picture(&turned(s), side, side, &config)).collect();
        let mut found = [0; 8];
        for _ in 0..100 {
            let made = crops.batch(1, &mut random);
            let near = |e: &Tensor| (&made - e).abs().max().double_value(&[]) < 1e-3;
            if let Some(symmetry) = expected.iter().position(near) {
                found[symmetry] += 1;
            }
        }
        // Half of the crops are tinted.
        assert!(found.iter().all(|&n| n > 0) && (30..70).contains(&found.iter().sum::<i32>()), "{found:?}");
    }

    #[test]
    fn pictures_that_are_large_enough_are_shrunk_and_flat_ones_stay_flat() {
        let config = ModelConfig::image();
        let flat = Picture::new(&vec![200u8; 128 * 100 * 3], 100, 128, Device::Cpu);
        assert_eq!(flat.shorter_side(), 100);
        let crops = Crops::new(vec![flat], &config, 64, 0.0, Device::Cpu);
        let batch = crops.batch(20, &mut Random::new(9));
        assert_eq!(batch.size(), [20, 8, 8, 192]);
        // The lowest bands of three planes have it all.
        let energy = batch.square().sum_dim_intlist([0i64, 1, 2].as_slice(), false, Kind::Double);
        let low: f64 = [0, 64, 128].iter().map(|&band| energy.double_value(&[band])).sum();
        assert!(low > 0.9999 * energy.sum(Kind::Double).double_value(&[]));
    }

    #[test]
    fn a_shrunk_ramp_is_a_ramp() {
        let ramp = (Tensor::arange(128, (Kind::Double, Device::Cpu)) + 0.5) / 128.0;
        let shrunk = shrink(64, 128).matmul(&ramp);
        let expected = (Tensor::arange(64, (Kind::Double, Device::Cpu)) + 0.5) / 64.0;
        assert!((shrunk - expected).narrow(0, 1, 62).abs().max().double_value(&[]) < 1e-12);
    }
}
