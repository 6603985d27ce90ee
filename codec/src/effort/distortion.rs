//! Squared error of the decoded picture, as the receiver will have it, and its gradient with respect to ŷ.

use super::random::Random;
use crate::array::Tensor;
use crate::error::Error;
use crate::network::backward::{Differentiable, Tape};
use crate::picture::{Output, PixelSynthesis};
use crate::quality::Level;
use crate::signal::{Image, Samples};
use crate::view::Scale;
use crate::wavelet::adjoint2d;
use crate::weights::Weights;
use rayon::prelude::*;
use wavern_kernel::color::{UNIT, to_opponent};

/// Rows of packets that become pixels together.
const STRIP_OF_PACKETS: usize = 8;

/// How far a part of a picture is from what its latents decode to.
pub struct Distortion<'a> {
    target: Image,
    weights: &'a Weights,
    synthesis: &'a Differentiable<'a>,
    /// Height of a step of each channel of ŷ in units of the networks.
    steps: Vec<f32>,
    /// Latent rows and columns that count: first and end of each axis. Those around them are there for what they do to
    /// the ones that count.
    counted: [std::ops::Range<usize>; 2],
    /// What errors count at each position, `[rows, columns, 1]`, if not the same.
    masking: Option<Tensor>,
}

/// A point of the search: what the latents decode to, seen from the original.
pub struct Point {
    /// Sum of squared errors of opponent colours in units of the networks, over what counts.
    pub error: f64,
    /// Gradient of `error` with respect to ŷ in steps, `[rows, columns, M]`.
    pub gradient: Tensor,
}

impl<'a> Distortion<'a> {
    /// Of `target`, the part of a picture that a window of latents stands for.
    pub fn new(
        target: Image,
        level: Level,
        weights: &'a Weights,
        synthesis: &'a Differentiable<'a>,
        counted: [std::ops::Range<usize>; 2],
        masking: Option<Tensor>,
    ) -> Self {
        let steps = weights.decode_gains(level).factors().to_vec();
        Self { target, weights, synthesis, steps, counted, masking }
    }

    /// Error and gradient at ŷ with its residuals, in steps, rounded or not: `[rows, columns, M]`.
    ///
    /// # Errors
    /// [`Error::Signal`] if the latents are not those of such a picture.
    pub fn at(&self, point: &Tensor) -> Result<Point, Error> {
        let (packets, tape) = self.synthesis.forward(self.scaled(point));
        let (error, planes) = self.compare(&self.decode(&packets)?, packets.shape());
        let gradient = self.pull_back(&tape, &planes);
        Ok(Point { error, gradient })
    }

    /// Steps → units of the networks.
    fn scaled(&self, point: &Tensor) -> Tensor {
        let mut scaled = Tensor::zeros(point.shape());
        let rows =
            scaled.data_mut().par_chunks_mut(self.steps.len()).zip(point.data().par_chunks(self.steps.len()));
        rows.with_min_len(64).for_each(|(scaled, row)| {
            let values = scaled.iter_mut().zip(row).zip(&self.steps);
            values.for_each(|((scaled, v), step)| *scaled = v * step);
        });
        scaled
    }

    /// The error that a step of each channel causes by itself, summed over the positions of `point`: the diagonal of
    /// JᵀJ for the Jacobian J of the decoder.
    ///
    /// For v of independent signs, `(Jᵀ v)²` has that diagonal as its mean (Hutchinson, "A stochastic estimator of the
    /// trace of the influence matrix", 1989); positions are the repetitions.
    pub fn curvature(&self, point: &Tensor) -> Vec<f64> {
        let (packets, tape) = self.synthesis.forward(self.scaled(point));
        let [rows, columns, _] = packets.shape();
        let scale = 1 << self.weights.config.packet_levels;
        let mut random = Random::new(1);
        let mut planes = Tensor::zeros([rows * scale, columns * scale, 3]);
        for value in planes.data_mut() {
            *value = if random.next() >> 63 == 0 { 1.0 } else { -1.0 };
        }
        let responses = self.pull_back(&tape, &planes);
        let mut sums = vec![0.0f64; responses.channels()];
        for row in responses.data().chunks_exact(sums.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, r)| *sum += f64::from(r * r));
        }
        sums
    }

    /// Packets → pixels, rounded and limited as the decoder's.
    fn decode(&self, packets: &Tensor) -> Result<Image, Error> {
        let config = &self.weights.config;
        let [width, height] = [self.target.width(), self.target.height()];
        let output = Output {
            size: [width as usize, height as usize],
            skip: [0, 0],
            channels: self.target.color().channels(),
            depth: self.target.depth(),
            scale: Scale::Whole,
        };
        let [_, columns, channels] = packets.shape();
        let mut stream = PixelSynthesis::new(columns, output, config);
        let mut samples = output.samples();
        let mut strips = packets.data().chunks(STRIP_OF_PACKETS * columns * channels).peekable();
        while let Some(rows) = strips.next() {
            stream.push(rows, strips.peek().is_none()).append_to(&mut samples);
        }
        Ok(Image::new(width, height, self.target.color(), samples)?)
    }

    /// Jᵀ of planes `[height, width, 3]`, in steps of ŷ.
    fn pull_back(&self, tape: &Tape, planes: &Tensor) -> Tensor {
        let packets = adjoint2d::synthesis_adjoint(planes, self.weights.config.packet_levels);
        let mut gradient = self.synthesis.backward(tape, packets);
        gradient.data_mut().par_chunks_mut(self.steps.len()).with_min_len(64).for_each(|row| {
            row.iter_mut().zip(&self.steps).for_each(|(g, step)| *g *= step);
        });
        gradient
    }

    /// Sum of squared errors, and twice the error of each pixel that counts in opponent colours, padded to whole
    /// latents.
    fn compare(&self, decoded: &Image, packets: [usize; 3]) -> (f64, Tensor) {
        let scale = 1 << self.weights.config.packet_levels;
        let [rows, columns] = [packets[0] * scale, packets[1] * scale];
        let (width, height) = (decoded.width() as usize, decoded.height() as usize);
        let stride = self.weights.config.signal_stride();
        let counted = |axis: usize, end: usize| {
            let range = &self.counted[axis];
            (range.start * stride[axis]).min(end)..(range.end * stride[axis]).min(end)
        };
        let (lines, across) = (counted(0, height), counted(1, width));
        let mut planes = Tensor::zeros([rows, columns, 3]);
        let sums: Vec<f64> = planes
            .data_mut()
            .par_chunks_mut(columns * 3)
            .enumerate()
            .map(|(y, out)| {
                if !lines.contains(&y) {
                    return 0.0;
                }
                let mut sum = 0.0;
                let positions = self.masking.as_ref().map(|masking| {
                    let columns = masking.shape()[1];
                    &masking.data()[y / stride[0] * columns..][..columns]
                });
                for x in across.clone() {
                    let worth = positions.map_or(1.0, |positions| positions[x / stride[1]]);
                    let difference = difference(decoded, &self.target, y * width + x);
                    let error = to_opponent(difference.map(|v| v / UNIT));
                    sum += f64::from(worth * error.iter().map(|v| v * v).sum::<f32>());
                    out[3 * x..][..3].copy_from_slice(&error.map(|v| 2.0 * worth * v));
                }
                sum
            })
            .collect();
        (sums.iter().sum(), planes)
    }
}

/// Differences of red, green and blue of one pixel, in steps of 8 bits.
fn difference(a: &Image, b: &Image, pixel: usize) -> [f32; 3] {
    let at = |i: usize| match (a.samples(), b.samples()) {
        (Samples::U8(a), Samples::U8(b)) => f32::from(a[i]) - f32::from(b[i]),
        (Samples::U16(a), Samples::U16(b)) => (f32::from(a[i]) - f32::from(b[i])) / 257.0,
        _ => 0.0,
    };
    match a.color().channels() {
        1 => [at(pixel); 3],
        _ => [at(3 * pixel), at(3 * pixel + 1), at(3 * pixel + 2)],
    }
}
