//! Least squares over the past of one or two channels, for the prediction of sound without loss.
//!
//! Sums of products are integers. What follows is in binary64, operation by operation in an order that no vector
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
    /// Scratch of [`Self::solve`]: the system, rows of `width` numbers.
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
        let (width, lags, size) = (width(n), self.lags + 1, self.size);
        system.clear();
        system.resize(n * width, 0.0);
        let target = target * lags;
        let runs = unknowns
            .iter()
            .zip(0..)
            .map(|(run, channel)| run.start + channel * lags..run.end + channel * lags);
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

/// Numbers in a row of a system of `n` unknowns: the right side behind these, and zeros up to whole vectors.
fn width(n: usize) -> usize {
    (n + 1).next_multiple_of(LANES)
}

/// Numbers of a vector.
const LANES: usize = 8;

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

    /// Solves a symmetric system of `n` rows of `width` numbers, of which those below the diagonal mean nothing. The
    /// solution takes the place of the right side.
    pub fn eliminate(system: &mut [f64], columns: &mut Vec<f64>, n: usize) {
        let width = width(n);
        columns.resize(width * n, 0.0);
        for k in 0..n {
            let (above, below) = system.split_at_mut((k + 1) * width);
            let pivot = &above[k * width..][..width];
            let inverse = 1.0 / pivot[k];
            for (i, row) in (k + 1..n).zip(below.chunks_exact_mut(width)) {
                let factor = pivot[i] * inverse;
                // Whole vectors: what changes below the diagonal is not used.
                let (row, pivot) = (row.as_chunks_mut::<LANES>().0, pivot.as_chunks::<LANES>().0);
                for (cells, pivot) in row[i / LANES..].iter_mut().zip(&pivot[i / LANES..]) {
                    let (mut new, pivot) = (*cells, *pivot);
                    for (cell, pivot) in new.iter_mut().zip(pivot) {
                        *cell -= factor * pivot;
                    }
                    *cells = new;
                }
            }
            for (column, &cell) in columns.chunks_exact_mut(n).zip(&pivot[..n + 1]).skip(k) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(seed: u64, length: usize) -> Vec<i32> {
        let mut state = seed;
        let mut before = 0i64;
        let sample = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            before = before * 9 / 10 + (state >> 48) as i64 - (1 << 15);
            before as i32
        };
        (0..length).map(sample).collect()
    }

    /// As FORMAT.md says it, cell by cell.
    #[test]
    fn coefficients_are_those_of_the_format() {
        let (lags, block, keep) = (9usize, 64usize, 0.875f64);
        let channels = [samples(1, 600), samples(2, 600)];
        let views: Vec<&[i32]> = channels.iter().map(|channel| &channel[..]).collect();
        let mut covariance = Covariance::new(2, lags, keep);
        let mut sums = vec![vec![0.0f64; 2 * (lags + 1)]; 2 * (lags + 1)];
        let mut found = [0i32; 14];
        for start in (16..16 + 8 * block).step_by(block) {
            covariance.add(&views, start, block);
            for (i, row) in sums.iter_mut().enumerate() {
                for (j, sum) in row.iter_mut().enumerate() {
                    let at = |index: usize, t: usize| {
                        i64::from(channels[index / (lags + 1)][t - index % (lags + 1)])
                    };
                    let block: i64 = (start..start + block).map(|t| at(i, t) * at(j, t)).sum();
                    *sum = *sum * keep + block as f64;
                }
            }
            for (target, unknowns) in [(0, [1..9, 1..7]), (1, [0..6, 1..9])] {
                covariance.solve(target, &unknowns, &mut found);
                let list: Vec<usize> =
                    unknowns[0].clone().chain(unknowns[1].clone().map(|lag| lag + lags + 1)).collect();
                assert_eq!(found.to_vec(), plain(&sums, target * (lags + 1), &list));
            }
        }
        assert!(found.iter().any(|&c| c != 0));
    }

    #[allow(clippy::needless_range_loop, reason = "as the text of the format has it")]
    fn plain(sums: &[Vec<f64>], target: usize, unknowns: &[usize]) -> Vec<i32> {
        let n = unknowns.len();
        let sum = |i: usize, j: usize| sums[i.min(j)][i.max(j)];
        let mut a: Vec<Vec<f64>> =
            unknowns.iter().map(|&i| unknowns.iter().map(|&j| sum(i, j)).collect()).collect();
        let mut b: Vec<f64> = unknowns.iter().map(|&i| sum(i, target)).collect();
        let extra = sum(target, target) * 2f64.powi(-20) + 64.0;
        (0..n).for_each(|i| a[i][i] += extra);
        for k in 0..n {
            let inverse = 1.0 / a[k][k];
            for i in k + 1..n {
                let factor = a[k][i] * inverse;
                for j in i..n {
                    a[i][j] -= factor * a[k][j];
                }
                b[i] -= factor * b[k];
            }
        }
        let mut solution = vec![0.0; n];
        for k in (0..n).rev() {
            solution[k] = b[k] / a[k][k];
            for i in 0..k {
                b[i] -= a[i][k] * solution[k];
            }
        }
        solution.iter().map(|s| (s * 65536.0).round().clamp(-1_048_576.0, 1_048_576.0) as i32).collect()
    }

    #[test]
    fn what_follows_from_the_past_is_found() {
        // x[t] = 1.5 x[t − 1] − 0.8 x[t − 2] + noise.
        let noise = samples(3, 2000);
        let mut x = vec![0i32; 2000];
        for t in 2..2000 {
            x[t] = (i64::from(x[t - 1]) * 15 / 10 - i64::from(x[t - 2]) * 8 / 10) as i32
                + noise[t].rem_euclid(1000)
                - 500;
        }
        let mut covariance = Covariance::new(1, 4, 0.75);
        (16..1900).step_by(128).take(14).for_each(|start| covariance.add(&[&x], start, 128));
        let mut found = [0; 4];
        covariance.solve(0, std::slice::from_ref(&(1..5)), &mut found);
        let [a, b, ..] = found.map(|c| f64::from(c) / 65536.0);
        assert!((a - 1.5).abs() < 0.15 && (b + 0.8).abs() < 0.25, "{found:?}");
    }
}
