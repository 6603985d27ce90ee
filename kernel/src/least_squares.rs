//! Least squares over the past of one or two channels, for the prediction of sound without loss.
//!
//! Sums of products are whole numbers. What follows is in binary64, operation by operation in an order that no vector
//! width changes: nothing is fused, and no sum is split. So every machine finds the same coefficients.

use super::multiversion;
use std::ops::Range;

/// What blocks of samples have in common with their past, older blocks fading away.
#[derive(Clone, Debug)]
pub struct Covariance {
    /// Lags 0 to `lags` of the first channel, then those of the second.
    lags: usize,
    size: usize,
    /// `[size, size]`; what lies below the diagonal means nothing.
    sums: Vec<f64>,
    block: Vec<i64>,
    /// What is left of a sum after a block.
    keep: f64,
    /// Scratch of [`Self::solve`]: the system, `[unknowns, unknowns + 1]`.
    system: Vec<f64>,
    /// What elimination leaves of it, transposed.
    columns: Vec<f64>,
}

impl Covariance {
    /// Without any block, for lags up to `lags` of `channels` channels.
    pub fn new(channels: usize, lags: usize, keep: f64) -> Self {
        let size = channels * (lags + 1);
        let (sums, block) = (vec![0.0; size * size], vec![0; size * size]);
        Self { lags, size, sums, block, keep, system: Vec::new(), columns: Vec::new() }
    }

    /// Takes the samples `start..start + length` of every channel. There are at least as many samples before them as
    /// there are lags, and all are smaller than 2^24 in size.
    pub fn add(&mut self, channels: &[&[i32]], start: usize, length: usize) {
        add(self, channels, start, length);
    }

    /// The coefficients, in 1/65,536, that predict lag 0 of channel `target` from these lags of each channel, in order.
    /// Those that would be beyond ±16 are limited to that.
    pub fn solve(&mut self, target: usize, unknowns: &[Range<usize>], coefficients: &mut [i32]) {
        let mut system = std::mem::take(&mut self.system);
        let n = unknowns.iter().map(Range::len).sum();
        let (width, lags, size) = (n + 1, self.lags + 1, self.size);
        system.resize(n * width, 0.0);
        let target = target * lags;
        let runs = unknowns.iter().zip(0..).map(|(run, channel)| run.start + channel * lags..run.end + channel * lags);
        let mut row = 0;
        for run in runs.clone() {
            for i in run {
                // On and above the diagonal.
                let (mut at, cells) = (0, &mut system[row * width..][..width]);
                for other in runs.clone() {
                    cells[at..at + other.len()].copy_from_slice(&self.sums[i * size..][other.clone()]);
                    at += other.len();
                }
                cells[n] = self.sums[i.min(target) * size + i.max(target)];
                row += 1;
            }
        }
        let extra = self.sums[target * size + target] * (1.0 / 1_048_576.0) + 64.0;
        for i in 0..n {
            system[i * width + i] += extra;
        }
        eliminate(&mut system, &mut self.columns, n);
        for (coefficient, row) in coefficients.iter_mut().zip(system.chunks_exact(width)) {
            // Ties go away from 0; what is no number becomes 0.
            *coefficient = (row[n] * 65536.0).round().clamp(-1_048_576.0, 1_048_576.0) as i32;
        }
        self.system = system;
    }
}

multiversion! {
    /// See [`Covariance::add`].
    pub fn add(covariance: &mut Covariance, channels: &[&[i32]], start: usize, length: usize) {
        let Covariance { lags, size, sums, block, keep, .. } = covariance;
        let (lags, size, keep) = (*lags + 1, *size, *keep);
        for (c, x) in channels.iter().enumerate() {
            for (d, y) in channels.iter().enumerate().skip(c) {
                let dot = |i: usize, j: usize| -> i64 {
                    let (x, y) = (&x[start - i..][..length], &y[start - j..][..length]);
                    x.iter().zip(y).map(|(&x, &y)| i64::from(x) * i64::from(y)).sum()
                };
                for j in 0..lags {
                    block[c * lags * size + d * lags + j] = dot(0, j);
                }
                for i in 1..lags {
                    if c != d {
                        block[(c * lags + i) * size + d * lags] = dot(i, 0);
                    }
                    // One lag more in both is the sum before, with a product more in front and one less at the end.
                    let first = if c == d { i } else { 1 };
                    let (front, end) = (i64::from(x[start - i]), i64::from(x[start + length - i]));
                    let (before, row) = block.split_at_mut((c * lags + i) * size);
                    let before = &before[(c * lags + i - 1) * size + d * lags..][..lags];
                    let row = &mut row[d * lags..][..lags];
                    // From lag lags − 1 back to lag 1.
                    let fronts = &y[start + 1 - lags..start];
                    let ends = &y[start + length + 1 - lags..start + length];
                    for j in first..lags {
                        row[j] = before[j - 1] + front * i64::from(fronts[lags - 1 - j])
                            - end * i64::from(ends[lags - 1 - j]);
                    }
                }
            }
        }
        for i in 0..size {
            let (sums, block) = (&mut sums[i * size..][i..size], &block[i * size..][i..size]);
            for (sum, &block) in sums.iter_mut().zip(block) {
                *sum = *sum * keep + block as f64;
            }
        }
    }

    /// Solves a symmetric system of `n` rows of n + 1 numbers, of which those below the diagonal are not read. The
    /// solution takes the place of the last column.
    pub fn eliminate(system: &mut [f64], columns: &mut Vec<f64>, n: usize) {
        let width = n + 1;
        columns.resize((n + 1) * n, 0.0);
        for k in 0..n {
            let (above, below) = system.split_at_mut((k + 1) * width);
            let pivot = &above[k * width..][..width];
            let inverse = 1.0 / pivot[k];
            for (i, row) in (k + 1..n).zip(below.chunks_exact_mut(width)) {
                let factor = pivot[i] * inverse;
                for (cell, &pivot) in row[i..].iter_mut().zip(&pivot[i..]) {
                    *cell -= factor * pivot;
                }
            }
            for (column, &cell) in columns.chunks_exact_mut(n).zip(pivot).skip(k) {
                column[k] = cell;
            }
        }
        // From the last unknown to the first, each taken out of the rows above.
        let (columns, right) = columns.split_at_mut(n * n);
        for k in (0..n).rev() {
            let column = &columns[k * n..][..n];
            let value = right[k] / column[k];
            for (right, &cell) in right[..k].iter_mut().zip(column) {
                *right -= cell * value;
            }
            system[k * width + n] = value;
        }
    }
}
