//! The steps of the CDF 9/7 wavelet on rows that come one pair after the other, and along short vectors.
//!
//! [`crate::cdf97`] is the definition and does one step after the other over the whole signal. Here all four
//! steps run at once, each a row behind the one before it, so every sample is touched once: the results are the same
//! bits. With pair i the pair i − 2 is complete.

use super::multiversion;
use crate::cdf97::{ALPHA, BETA, DELTA, GAMMA, ZETA};

/// What [`split_step`] remembers of the pairs before: rows as long as those of the signal.
#[derive(Debug, Default)]
pub struct SplitState {
    /// The pair before, untouched.
    even: Vec<f32>,
    odd: Vec<f32>,
    /// After the first two steps, one pair earlier.
    even1: Vec<f32>,
    odd1: Vec<f32>,
    /// After the third step, another pair earlier.
    odd2: Vec<f32>,
    /// Pairs so far.
    count: usize,
}

impl SplitState {
    /// For rows of this length.
    pub fn new(length: usize) -> Self {
        let row = || vec![0.0; length];
        Self { even: row(), odd: row(), even1: row(), odd1: row(), odd2: row(), count: 0 }
    }

    /// Takes a pair of rows; true if `low` and `high` got those of two pairs before.
    pub fn push(&mut self, even: &[f32], odd: &[f32], low: &mut [f32], high: &mut [f32]) -> bool {
        let n = self.count;
        self.count += 1;
        if n == 0 {
            self.even.copy_from_slice(even);
            self.odd.copy_from_slice(odd);
            return false;
        }
        split_step(even, odd, self, low, high, n);
        n >= 2
    }

    /// The end of the signal, mirrored: the last two pairs, or the only one. The state is as new then.
    ///
    /// # Panics
    /// If there was no pair.
    pub fn finish(&mut self, mut give: impl FnMut(&[f32], &[f32])) {
        assert!(self.count > 0);
        let (mut low, mut high) = (vec![0.0; self.even.len()], vec![0.0; self.even.len()]);
        let (even, odd) = (self.even.clone(), self.odd.clone());
        if self.push(&even, &odd, &mut low, &mut high) {
            give(&low, &high);
        }
        let alone = self.count == 2;
        for x in 0..even.len() {
            let odd2 = self.odd1[x] + GAMMA * (self.even1[x] + self.even1[x]);
            let before = if alone { odd2 } else { self.odd2[x] };
            low[x] = (self.even1[x] + DELTA * (before + odd2)) * ZETA;
            high[x] = odd2 * (1.0 / ZETA);
        }
        give(&low, &high);
        self.count = 0;
    }
}

multiversion! {
    /// One pair of rows through all steps, after `pairs` others: the neighbours above the first are its mirror images.
    pub fn split_step(
        even: &[f32],
        odd: &[f32],
        state: &mut SplitState,
        low: &mut [f32],
        high: &mut [f32],
        pairs: usize,
    ) {
        let len = state.even.len();
        let (even, odd, low, high) = (&even[..len], &odd[..len], &mut low[..len], &mut high[..len]);
        let (e, o) = (&mut state.even[..len], &mut state.odd[..len]);
        let (e1, o1, o2) = (&mut state.even1[..len], &mut state.odd1[..len], &mut state.odd2[..len]);
        let second = pairs == 2;
        if pairs == 1 {
            for x in 0..len {
                let odd1 = o[x] + ALPHA * (e[x] + even[x]);
                e1[x] = e[x] + BETA * (odd1 + odd1);
                o1[x] = odd1;
                (e[x], o[x]) = (even[x], odd[x]);
            }
        } else {
            for x in 0..len {
                let odd1 = o[x] + ALPHA * (e[x] + even[x]);
                let even1 = e[x] + BETA * (o1[x] + odd1);
                let odd2 = o1[x] + GAMMA * (e1[x] + even1);
                let before = if second { odd2 } else { o2[x] };
                low[x] = (e1[x] + DELTA * (before + odd2)) * ZETA;
                high[x] = odd2 * (1.0 / ZETA);
                (e1[x], o1[x], o2[x]) = (even1, odd1, odd2);
                (e[x], o[x]) = (even[x], odd[x]);
            }
        }
    }

    /// One row of each band through all steps back; `first` if it is the second row.
    pub fn merge_step(
        low: &[f32],
        high: &[f32],
        state: &mut MergeState,
        even: &mut [f32],
        odd: &mut [f32],
        first: bool,
    ) {
        let len = state.odd2.len();
        let (low, high, even, odd) = (&low[..len], &high[..len], &mut even[..len], &mut odd[..len]);
        let (e1, o2) = (&mut state.even1[..len], &mut state.odd2[..len]);
        let (e, o1) = (&mut state.even[..len], &mut state.odd1[..len]);
        for x in 0..len {
            let odd2 = high[x] * ZETA;
            let even1 = low[x] * (1.0 / ZETA) - DELTA * (o2[x] + odd2);
            let odd1 = o2[x] - GAMMA * (e1[x] + even1);
            let before = if first { odd1 } else { o1[x] };
            let whole = e1[x] - BETA * (before + odd1);
            if !first {
                even[x] = e[x];
                odd[x] = o1[x] - ALPHA * (e[x] + whole);
            }
            (e1[x], o2[x], e[x], o1[x]) = (even1, odd2, whole, odd1);
        }
    }

    /// [`crate::cdf97::split`] along the first axis of `[2 n, 8]` into two of `[n, 8]`.
    pub fn split_lanes(signal: &[f32], low: &mut [f32], high: &mut [f32]) {
        let (signal, low, high) = (signal.as_chunks::<16>().0, low.as_chunks_mut::<8>().0, high.as_chunks_mut::<8>().0);
        let n = signal.len();
        assert!(n > 0 && low.len() == n && high.len() == n);
        let pair = |i: usize| -> [Lanes; 2] {
            [std::array::from_fn(|l| signal[i][l]), std::array::from_fn(|l| signal[i][8 + l])]
        };
        let [mut e, mut o] = pair(0);
        let (mut e1, mut o1, mut o2) = ([0.0; 8], [0.0; 8], [0.0; 8]);
        for i in 1..=n {
            let [even, odd] = if i < n { pair(i) } else { [e, o] };
            let odd1 = lift(o, ALPHA, e, even);
            let even1 = lift(e, BETA, if i == 1 { odd1 } else { o1 }, odd1);
            if i >= 2 {
                let odd2 = lift(o1, GAMMA, e1, even1);
                low[i - 2] = scale(lift(e1, DELTA, if i == 2 { odd2 } else { o2 }, odd2), ZETA);
                high[i - 2] = scale(odd2, 1.0 / ZETA);
                o2 = odd2;
            }
            (e1, o1, e, o) = (even1, odd1, even, odd);
        }
        let odd2 = lift(o1, GAMMA, e1, e1);
        low[n - 1] = scale(lift(e1, DELTA, if n == 1 { odd2 } else { o2 }, odd2), ZETA);
        high[n - 1] = scale(odd2, 1.0 / ZETA);
    }

    /// [`crate::cdf97::merge`] along the first axis of two `[n, 8]` into `[2 n, 8]`.
    pub fn merge_lanes(low: &[f32], high: &[f32], signal: &mut [f32]) {
        let (low, high, signal) = (low.as_chunks::<8>().0, high.as_chunks::<8>().0, signal.as_chunks_mut::<8>().0);
        let n = low.len();
        assert!(n > 0 && high.len() == n && signal.len() == 2 * n);
        let mut o2 = scale(high[0], ZETA);
        let mut e1 = lift(scale(low[0], 1.0 / ZETA), -DELTA, o2, o2);
        let (mut e, mut o1) = ([0.0; 8], [0.0; 8]);
        for i in 1..=n {
            let (odd2, even1) = if i < n {
                let odd2 = scale(high[i], ZETA);
                (odd2, lift(scale(low[i], 1.0 / ZETA), -DELTA, o2, odd2))
            } else {
                (o2, e1)
            };
            let odd1 = lift(o2, -GAMMA, e1, even1);
            let whole = lift(e1, -BETA, if i == 1 { odd1 } else { o1 }, odd1);
            if i >= 2 {
                signal[2 * i - 4] = e;
                signal[2 * i - 3] = lift(o1, -ALPHA, e, whole);
            }
            (e1, o2, e, o1) = (even1, odd2, whole, odd1);
        }
        signal[2 * n - 2] = e;
        signal[2 * n - 1] = lift(o1, -ALPHA, e, e);
    }
}

type Lanes = [f32; 8];

/// `x + k (a + b)`.
#[inline(always)]
fn lift(x: Lanes, k: f32, a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|l| x[l] + k * (a[l] + b[l]))
}

#[inline(always)]
fn scale(x: Lanes, k: f32) -> Lanes {
    x.map(|v| v * k)
}

/// What [`merge_step`] remembers of the pairs before: rows as long as those of the signal.
#[derive(Debug, Default)]
pub struct MergeState {
    /// After undoing the fourth step, and before it: the pair before.
    even1: Vec<f32>,
    odd2: Vec<f32>,
    /// Complete even row, and odd row that lacks the last step: another pair earlier.
    even: Vec<f32>,
    odd1: Vec<f32>,
    /// Pairs so far.
    count: usize,
}

impl MergeState {
    /// For rows of this length.
    pub fn new(length: usize) -> Self {
        let row = || vec![0.0; length];
        Self { even1: row(), odd2: row(), even: row(), odd1: row(), count: 0 }
    }

    /// Takes a row of each band; true if `even` and `odd` got the pair of two rows before.
    pub fn push(&mut self, low: &[f32], high: &[f32], even: &mut [f32], odd: &mut [f32]) -> bool {
        let n = self.count;
        self.count += 1;
        if n == 0 {
            for x in 0..self.odd2.len() {
                let odd2 = high[x] * ZETA;
                self.odd2[x] = odd2;
                self.even1[x] = low[x] * (1.0 / ZETA) - DELTA * (odd2 + odd2);
            }
            return false;
        }
        merge_step(low, high, self, even, odd, n == 1);
        n >= 2
    }

    /// The end of the bands, mirrored: the last two pairs of rows, or the only one. The state is as new then.
    ///
    /// # Panics
    /// If there was no row.
    pub fn finish(&mut self, mut give: impl FnMut(&[f32], &[f32])) {
        assert!(self.count > 0);
        let alone = self.count == 1;
        let len = self.odd2.len();
        let (mut even, mut odd) = (vec![0.0; len], vec![0.0; len]);
        for x in 0..len {
            let odd1 = self.odd2[x] - GAMMA * (self.even1[x] + self.even1[x]);
            let before = if alone { odd1 } else { self.odd1[x] };
            let whole = self.even1[x] - BETA * (before + odd1);
            even[x] = self.even[x];
            odd[x] = self.odd1[x] - ALPHA * (self.even[x] + whole);
            (self.even[x], self.odd1[x]) = (whole, odd1);
        }
        if !alone {
            give(&even, &odd);
        }
        for ((odd, odd1), even) in odd.iter_mut().zip(&self.odd1).zip(&self.even) {
            *odd = odd1 - ALPHA * (even + even);
        }
        give(&self.even, &odd);
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdf97;

    fn numbers(len: usize) -> Vec<f32> {
        (0..len).map(|i| (i * i % 97) as f32 / 31.0 - 1.5).collect()
    }

    #[test]
    fn rows_give_the_bits_of_the_definition() {
        for (pairs, len) in [(1, 5), (2, 5), (3, 33), (9, 16)] {
            let signal = numbers(2 * pairs * len);
            let (mut low, mut high) = (vec![0.0; pairs * len], vec![0.0; pairs * len]);
            cdf97::split(&signal, &mut low, &mut high, len);
            let (mut state, mut lows, mut highs) = (SplitState::new(len), Vec::new(), Vec::new());
            let (mut l, mut h) = (vec![0.0; len], vec![0.0; len]);
            for pair in signal.chunks_exact(2 * len) {
                if state.push(&pair[..len], &pair[len..], &mut l, &mut h) {
                    lows.extend_from_slice(&l);
                    highs.extend_from_slice(&h);
                }
            }
            state.finish(|l, h| {
                lows.extend_from_slice(l);
                highs.extend_from_slice(h);
            });
            assert!(lows == low && highs == high, "{pairs} pairs of {len}");

            let mut state = MergeState::new(len);
            let mut rows = Vec::new();
            for (low, high) in low.chunks_exact(len).zip(high.chunks_exact(len)) {
                if state.push(low, high, &mut l, &mut h) {
                    rows.extend_from_slice(&l);
                    rows.extend_from_slice(&h);
                }
            }
            state.finish(|l, h| {
                rows.extend_from_slice(l);
                rows.extend_from_slice(h);
            });
            let mut merged = vec![0.0; signal.len()];
            cdf97::merge(&mut low, &mut high, &mut merged, len);
            assert!(rows == merged, "{pairs} pairs of {len} merged");
        }
    }

    #[test]
    fn lanes_give_the_bits_of_the_definition() {
        for pairs in [1, 2, 3, 20] {
            let signal = numbers(16 * pairs);
            let (mut low, mut high) = (vec![0.0; 8 * pairs], vec![0.0; 8 * pairs]);
            cdf97::split(&signal, &mut low, &mut high, 8);
            let (mut l, mut h) = (low.clone(), high.clone());
            split_lanes(&signal, &mut l, &mut h);
            assert!(l == low && h == high);
            let (mut merged, mut fast) = (signal.clone(), signal);
            merge_lanes(&low, &high, &mut fast);
            cdf97::merge(&mut low, &mut high, &mut merged, 8);
            assert!(fast == merged);
        }
    }
}
