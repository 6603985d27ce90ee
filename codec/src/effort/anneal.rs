//! A search among numbers that are not whole yet: stochastic Gumbel annealing.
//!
//! Every y is rounded down or up at random, more likely to the nearer side, and smoothly enough to have a derivative;
//! as the temperature falls, the choice becomes sharp and certain. Gradients of `bits + λ · error` at such samples move
//! y (Yang, Bamler and Mandt, "Improving Inference for Neural Image Compression", 2020, there with thousands of
//! iterations on latents of a hyperprior; here with tens to hundreds, the steps of Adam in quantization steps).

use super::random::Random;
use crate::array::Tensor;
use rayon::prelude::*;

/// Numbers that are drawn and moved together, with random numbers of their own.
const RUN: usize = 4096;
/// Temperatures of the first and the last iteration; geometric between them.
const TEMPERATURE: [f32; 2] = [0.9, 0.25];
/// Step of Adam, in quantization steps, of the first iteration when there are 100; it goes with the inverse square root
/// of their number.
const RATE: f32 = 0.02;
/// The last step against the first; geometric between them.
const RATE_FALLS_TO: f32 = 0.5;
/// Memories of Adam (Kingma and Ba, 2015), for the mean and the mean square.
const MEMORY: [f32; 2] = [0.9, 0.99];

/// Real numbers on their way to whole ones.
pub struct Annealing {
    y: Tensor,
    /// Of the gradient.
    mean: Vec<f32>,
    mean_square: Vec<f32>,
    /// Derivative of the latest sample by y.
    slope: Vec<f32>,
    iterations: usize,
    done: usize,
}

impl Annealing {
    /// Begins at y, in steps.
    pub fn new(y: Tensor, iterations: usize) -> Self {
        let zeros = vec![0.0; y.data().len()];
        Self { mean: zeros.clone(), mean_square: zeros.clone(), slope: zeros, y, iterations, done: 0 }
    }

    /// Whether another iteration follows.
    pub fn goes_on(&self) -> bool {
        self.done < self.iterations
    }

    /// The numbers to take the next gradient at.
    pub fn sample(&mut self) -> Tensor {
        let [first, last] = TEMPERATURE;
        let temperature = first * (last / first).powf(self.done as f32 / self.iterations as f32);
        // Every second sample has the noise of the one before it, turned around: what noise does to gradients cancels.
        let seed = (self.done as u64 / 2) << 32;
        let mirrored = self.done % 2 == 1;
        let mut out = Tensor::zeros(self.y.shape());
        let runs = out.data_mut().par_chunks_mut(RUN).zip(self.slope.par_chunks_mut(RUN));
        runs.zip(self.y.data().par_chunks(RUN)).enumerate().for_each(|(run, ((out, slope), y))| {
            let mut random = Random::new(seed | run as u64);
            for ((out, slope), y) in out.iter_mut().zip(slope).zip(y) {
                let u = random.uniform();
                (*out, *slope) = round_at_random(*y, temperature, if mirrored { 1.0 - u } else { u });
            }
        });
        out
    }

    /// Moves y by the gradient at the latest sample.
    pub fn step(&mut self, gradient: &Tensor) {
        self.done += 1;
        let iterations = self.iterations as f32;
        let rate = RATE * (100.0 / iterations).sqrt() * RATE_FALLS_TO.powf(self.done as f32 / iterations);
        let [short, long] = MEMORY;
        // Both means began at 0.
        let [short_so_far, long_so_far] = MEMORY.map(|memory| 1.0 - memory.powf(self.done as f32));
        let runs = self.y.data_mut().par_chunks_mut(RUN).zip(gradient.data().par_chunks(RUN));
        let runs = runs.zip(self.slope.par_chunks(RUN));
        let runs = runs.zip(self.mean.par_chunks_mut(RUN)).zip(self.mean_square.par_chunks_mut(RUN));
        runs.for_each(|((((y, gradient), slope), mean), mean_square)| {
            for i in 0..y.len() {
                let g = gradient[i] * slope[i];
                mean[i] += (1.0 - short) * (g - mean[i]);
                mean_square[i] += (1.0 - long) * (g * g - mean_square[i]);
                y[i] -= rate * (mean[i] / short_so_far) / ((mean_square[i] / long_so_far).sqrt() + 1e-6);
            }
        });
    }

    /// y as it is now; to be rounded.
    pub fn finish(self) -> Tensor {
        self.y
    }
}

/// A smooth choice between the integers around y, by a uniform random number, and its derivative.
///
/// The logits of both are −atanh(distance) / temperature, the noise is logistic (the difference of two Gumbel
/// variables), and the choice is relaxed at the same temperature.
fn round_at_random(y: f32, temperature: f32, uniform: f32) -> (f32, f32) {
    let floor = y.floor();
    let up = (y - floor).clamp(1e-4, 1.0 - 1e-4);
    let down = 1.0 - up;
    // atanh(up) − atanh(down), since 1 + up = 2 − down.
    let distance = 0.5 * ((1.0 + up) * up / (down * (1.0 + down))).ln();
    let logit = distance / temperature + (uniform / (1.0 - uniform)).ln();
    let share = 1.0 / (1.0 + (-logit / temperature).exp());
    let by_y = 1.0 / (1.0 - up * up) + 1.0 / (1.0 - down * down);
    (floor + share, share * (1.0 - share) / (temperature * temperature) * by_y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_has_the_derivative_it_says() {
        for temperature in [0.6, 0.2] {
            for (y, uniform) in [(0.3, 0.5), (-1.2, 0.7), (5.55, 0.4), (0.5, 0.5)] {
                let (_, slope) = round_at_random(y, temperature, uniform);
                let at = |step: f32| round_at_random(y + step, temperature, uniform).0;
                let measured = (at(1e-3) - at(-1e-3)) / 2e-3;
                assert!(
                    (measured - slope).abs() < 0.02 * slope + 0.01,
                    "{y} {temperature}: {measured} {slope}"
                );
            }
        }
    }

    #[test]
    fn cold_rounding_goes_to_the_nearer_side() {
        for (y, nearest) in [(0.2, 0.0), (0.8, 1.0), (-0.3, 0.0), (-2.9, -3.0), (4.0, 4.0)] {
            let (value, _) = round_at_random(y, 0.02, 0.5);
            assert!((value - nearest).abs() < 1e-2, "{y} {value}");
        }
    }

    #[test]
    fn annealing_finds_the_integers_nearest_to_an_optimum() {
        let target = [0.7f32, -1.8, 2.2, 0.1, -1.0];
        let mut annealing = Annealing::new(Tensor::zeros([1, 1, 5]), 4000);
        while annealing.goes_on() {
            let sample = annealing.sample();
            let gradient = sample.data().iter().zip(target).map(|(x, t)| 2.0 * (x - t)).collect();
            annealing.step(&Tensor::from_vec([1, 1, 5], gradient));
        }
        let found: Vec<f32> = annealing.finish().data().iter().map(|v| v.round()).collect();
        assert_eq!(found, [1.0, -2.0, 2.0, 0.0, -1.0]);
    }
}
