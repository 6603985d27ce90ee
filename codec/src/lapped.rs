//! The lapped transform of sound: a modified discrete cosine transform (MDCT) with slopes of sines.
//!
//! A transform of N coefficients belongs to N samples and reaches over both of their ends: where two transforms meet,
//! they overlap by as many samples as the shorter one has. Each alone brings back its samples mixed with their mirror
//! images at both ends, and the mirror images of neighbours cancel (Princen and Bradley, "Analysis/synthesis filter
//! bank design based on time domain aliasing cancellation", 1986; Edler, "Coding of audio signals with overlapping
//! block transform and adaptive window functions", 1989). All of it together is orthonormal: an error in the
//! coefficients is the same error in the sound.
//!
//! Frames are counted in hops. The transform of frame i alone belongs to the samples from the middle of block i − 1 to
//! the middle of block i; a [span](crate::spans) of frames has one transform for all their samples. At both ends of a
//! segment the overlap is a hop, whatever the neighbours are.

use std::f64::consts::PI;

/// The transforms for frames and spans.
#[derive(Debug)]
pub struct Lapped {
    hop: usize,
    /// For transforms of 1 frame, 2, 4, … up to the longest span.
    sizes: Vec<Size>,
}

/// What a transform of N coefficients needs.
#[derive(Debug)]
struct Size {
    cosine: CosineTransform,
    /// The rising slope, N values; the falling one is its mirror image.
    slope: Vec<f32>,
}

impl Lapped {
    /// For spans of up to `longest` frames.
    ///
    /// # Panics
    /// If `hop` or `longest` is no power of two, or `hop` is below 4.
    pub fn new(hop: usize, longest: usize) -> Self {
        assert!(hop >= 4 && hop.is_power_of_two() && longest.is_power_of_two());
        let sizes = (0..=longest.ilog2()).map(|log| {
            let size = hop << log;
            let slope = (0..size).map(|i| (PI / (2 * size) as f64 * (i as f64 + 0.5)).sin() as f32);
            Size { cosine: CosineTransform::new(size), slope: slope.collect() }
        });
        Self { hop, sizes: sizes.collect() }
    }

    /// Samples from one frame to the next, and coefficients of a frame.
    pub fn hop(&self) -> usize {
        self.hop
    }

    /// Transforms the frames of a segment. `layout` has the frames of each transform; `signal` begins with the left
    /// block of the first frame and ends with the right block of the last one. `take` gets the first frame of each
    /// transform and its coefficients, lowest frequency first.
    ///
    /// # Panics
    /// If the signal is shorter, or the layout has a span beyond the longest.
    pub fn forward(&self, signal: &[f32], layout: &[usize], mut take: impl FnMut(usize, &[f32])) {
        let (mut samples, mut coefficients, mut work) = (Vec::new(), Vec::new(), Vec::new());
        for Place { frame, frames, overlaps } in places(layout) {
            let size = &self.sizes[frames.ilog2() as usize];
            let [left, right] = overlaps.map(|frames| &self.sizes[frames.ilog2() as usize].slope);
            let (start, n) = (frame * self.hop + self.hop / 2, frames * self.hop);
            // Backwards and with the other sign, so that an MDCT is a DCT-IV.
            samples.clear();
            samples.extend(signal[start..start + n].iter().rev().map(|v| -v));
            for i in 0..left.len() / 2 {
                let (inside, outside) = (left[left.len() / 2 + i], left[left.len() / 2 - 1 - i]);
                samples[n - 1 - i] = outside * signal[start - 1 - i] - inside * signal[start + i];
            }
            for i in 0..right.len() / 2 {
                let (inside, outside) = (right[right.len() / 2 + i], right[right.len() / 2 - 1 - i]);
                samples[i] = -inside * signal[start + n - 1 - i] - outside * signal[start + n + i];
            }
            coefficients.resize(n, 0.0);
            size.cosine.run(&samples, &mut coefficients, &mut work);
            take(frame, &coefficients);
        }
    }

    /// Adds what the transforms of a segment give to `signal`, which has the blocks that [`Self::forward`] takes.
    /// `give` writes the coefficients of the transform that begins with a frame.
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn inverse(&self, layout: &[usize], signal: &mut [f32], mut give: impl FnMut(usize, &mut [f32])) {
        let (mut samples, mut coefficients, mut work) = (Vec::new(), Vec::new(), Vec::new());
        for Place { frame, frames, overlaps } in places(layout) {
            let size = &self.sizes[frames.ilog2() as usize];
            let [left, right] = overlaps.map(|frames| &self.sizes[frames.ilog2() as usize].slope);
            let (start, n) = (frame * self.hop + self.hop / 2, frames * self.hop);
            coefficients.resize(n, 0.0);
            samples.resize(n, 0.0);
            give(frame, &mut coefficients);
            size.cosine.run(&coefficients, &mut samples, &mut work);
            for i in 0..left.len() / 2 {
                let (inside, outside) = (left[left.len() / 2 + i], left[left.len() / 2 - 1 - i]);
                signal[start - 1 - i] += outside * samples[n - 1 - i];
                signal[start + i] -= inside * samples[n - 1 - i];
            }
            let flat = left.len() / 2..n - right.len() / 2;
            let own = &mut signal[start..][flat.clone()];
            own.iter_mut()
                .zip(samples[n - flat.end..n - flat.start].iter().rev())
                .for_each(|(out, v)| *out -= v);
            for i in 0..right.len() / 2 {
                let (inside, outside) = (right[right.len() / 2 + i], right[right.len() / 2 - 1 - i]);
                signal[start + n - 1 - i] -= inside * samples[i];
                signal[start + n + i] -= outside * samples[i];
            }
        }
    }
}

/// Where a transform lies, in frames.
struct Place {
    frame: usize,
    frames: usize,
    /// Frames that it shares with what is before and behind.
    overlaps: [usize; 2],
}

fn places(layout: &[usize]) -> impl Iterator<Item = Place> + '_ {
    let mut next = 0;
    layout.iter().enumerate().map(move |(index, &frames)| {
        let frame = next;
        next += frames;
        // The ends of a segment overlap by one frame: its neighbours may be anything, or lost.
        let with = |neighbour: Option<&usize>| neighbour.map_or(1, |&other| other.min(frames));
        let before = with(index.checked_sub(1).and_then(|before| layout.get(before)));
        Place { frame, frames, overlaps: [before, with(layout.get(index + 1))] }
    })
}

/// The orthonormal DCT-IV, its own inverse, by a complex Fourier transform of half the size.
#[derive(Debug)]
struct CosineTransform {
    size: usize,
    /// e^(−πi (8 n + 1) / (8 N)) × √(√(2 / N)), real and imaginary, before and behind the Fourier transform.
    turns: [Vec<f32>; 2],
    /// e^(−2πi j / (N / 2)), real and imaginary, for j below N / 4.
    roots: [Vec<f32>; 2],
}

impl CosineTransform {
    fn new(size: usize) -> Self {
        let n = size as f64;
        let scale = (2.0 / n).sqrt().sqrt();
        let turn = |i: usize| -PI * (8 * i + 1) as f64 / (8.0 * n);
        let root = |i: usize| -4.0 * PI * i as f64 / n;
        let table = |count: usize, scale: f64, angle: &dyn Fn(usize) -> f64| {
            let value = |of: fn(f64) -> f64| (0..count).map(|i| (scale * of(angle(i))) as f32).collect();
            [value(f64::cos), value(f64::sin)]
        };
        Self { size, turns: table(size / 2, scale, &turn), roots: table(size / 4, 1.0, &root) }
    }

    /// `work` is scratch space.
    fn run(&self, x: &[f32], out: &mut [f32], work: &mut Vec<f32>) {
        let half = self.size / 2;
        work.resize(2 * self.size, 0.0);
        let (from, to) = work.split_at_mut(self.size);
        let [cosines, sines] = &self.turns;
        {
            let (re, im) = from.split_at_mut(half);
            for i in 0..half {
                let (a, b) = (x[2 * i], x[self.size - 1 - 2 * i]);
                re[i] = a * cosines[i] - b * sines[i];
                im[i] = a * sines[i] + b * cosines[i];
            }
        }
        let turned = self.fourier(from, to);
        let (re, im) = turned.split_at(half);
        for i in 0..half {
            out[2 * i] = re[i] * cosines[i] - im[i] * sines[i];
            out[self.size - 1 - 2 * i] = -(re[i] * sines[i] + im[i] * cosines[i]);
        }
    }

    /// The Fourier transform of N / 2 complex numbers, real parts and then imaginary ones (Stockham's order: no
    /// reversal of bits, and inner loops over neighbours). Returns where the result is.
    fn fourier<'a>(&self, mut from: &'a mut [f32], mut to: &'a mut [f32]) -> &'a [f32] {
        let half = self.size / 2;
        let (mut groups, mut run) = (half / 2, 1);
        while groups > 0 {
            let (from_re, from_im) = from.split_at(half);
            let (to_re, to_im) = to.split_at_mut(half);
            for group in 0..groups {
                let (w_re, w_im) = (self.roots[0][group * run], self.roots[1][group * run]);
                let (low, high, at) = (group * run, group * run + half / 2, 2 * group * run);
                let (a_re, b_re) = (&from_re[low..][..run], &from_re[high..][..run]);
                let (a_im, b_im) = (&from_im[low..][..run], &from_im[high..][..run]);
                let (sum_re, turned_re) = to_re[at..][..2 * run].split_at_mut(run);
                let (sum_im, turned_im) = to_im[at..][..2 * run].split_at_mut(run);
                for i in 0..run {
                    let (re, im) = (a_re[i] - b_re[i], a_im[i] - b_im[i]);
                    sum_re[i] = a_re[i] + b_re[i];
                    sum_im[i] = a_im[i] + b_im[i];
                    turned_re[i] = re * w_re - im * w_im;
                    turned_im[i] = re * w_im + im * w_re;
                }
            }
            std::mem::swap(&mut from, &mut to);
            (groups, run) = (groups / 2, run * 2);
        }
        from
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern_kernel::arbitrary::reals;

    const LAYOUTS: [&[usize]; 4] = [&[1; 6], &[8, 8], &[1, 1, 4, 8, 1, 1, 1, 1, 4], &[4, 1, 1, 8]];

    #[test]
    fn transforms_are_those_of_the_format() {
        let (hop, layout) = (8usize, [1usize, 4, 1, 1, 8]);
        let lapped = Lapped::new(hop, 8);
        let x = reals(16 * hop, 7);
        lapped.forward(&x, &layout, |frame, ours| {
            let index = layout.iter().scan(0, |at, &n| Some(std::mem::replace(at, *at + n)));
            let index = index.collect::<Vec<_>>().iter().position(|&at| at == frame).unwrap();
            let size = (layout[index] * hop) as i64;
            let overlap = |other: Option<&usize>| other.map_or(hop, |&n| n * hop).min(size as usize) as i64;
            let left = overlap(index.checked_sub(1).map(|before| &layout[before]));
            let right = overlap(layout.get(index + 1));
            let slope = |n: i64, length: i64| match n - (size - length) / 2 {
                n if n < 0 => 0.0,
                n if n >= length => 1.0,
                n => (PI * (n as f64 + 0.5) / (2 * length) as f64).sin(),
            };
            for (k, ours) in ours.iter().enumerate() {
                let sum: f64 = (0..2 * size)
                    .map(|n| {
                        let w = if n < size { slope(n, left) } else { slope(2 * size - 1 - n, right) };
                        let at = (frame * hop + hop / 2) as i64 - size / 2 + n;
                        let x = if w == 0.0 { 0.0 } else { f64::from(x[at as usize]) };
                        let angle = (n as f64 + 0.5 + size as f64 / 2.0) * (k as f64 + 0.5);
                        w * x * (PI / size as f64 * angle).cos()
                    })
                    .sum();
                let sum = sum * (2.0 / size as f64).sqrt();
                assert!((sum - f64::from(*ours)).abs() < 1e-5, "frame {frame}, {k}: {ours} for {sum}");
            }
        });
    }

    #[test]
    fn transforms_that_overlap_give_the_samples_back() {
        for hop in [4usize, 8, 256] {
            for layout in LAYOUTS {
                let lapped = Lapped::new(hop, 8);
                let frames: usize = layout.iter().sum();
                let x: Vec<f32> = reals((frames + 1) * hop, 7).iter().map(|v| 0.5 * v).collect();
                let mut back = vec![0.0f32; x.len()];
                let mut kept = vec![Vec::new(); frames];
                lapped.forward(&x, layout, |frame, coefficients| kept[frame] = coefficients.to_vec());
                lapped.inverse(layout, &mut back, |frame, out| out.copy_from_slice(&kept[frame]));
                // The first and the last block lack a neighbour.
                for i in hop..frames * hop {
                    assert!((x[i] - back[i]).abs() < 1e-5, "hop {hop}, {layout:?}, sample {i}");
                }
                let energy = |x: &[f32]| x.iter().map(|v| f64::from(v * v)).sum::<f64>();
                let coefficients: f64 = kept.iter().map(|kept| energy(kept)).sum();
                assert!(coefficients > energy(&x[hop..frames * hop]) && coefficients < energy(&x));
            }
        }
    }

    #[test]
    fn a_tone_falls_into_its_band() {
        let (hop, frames) = (256usize, 40);
        for span in [1usize, 8] {
            let lapped = Lapped::new(hop, 8);
            let size = span * hop;
            for band in [0usize, 1, 100, size - 1] {
                let w = std::f32::consts::PI * (band as f32 + 0.5) / size as f32;
                let x: Vec<f32> = (0..(frames + 1) * hop).map(|i| (w * i as f32).sin()).collect();
                let mut energy = vec![0.0f64; size];
                lapped.forward(&x, &vec![span; frames / span], |_, coefficients| {
                    energy.iter_mut().zip(coefficients).for_each(|(e, c)| *e += f64::from(c * c));
                });
                let total: f64 = energy.iter().sum();
                assert!(energy[band] > 0.45 * total, "span {span}, {band}: {}", energy[band] / total);
            }
        }
    }
}
