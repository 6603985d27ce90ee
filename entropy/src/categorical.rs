//! A stored table of probabilities: the entropy model of hyper-latents and side information.

use alloc::vec::Vec;

use crate::error::Error;
use crate::interval::Interval;

/// Probabilities of a run of consecutive symbols, in 1/65536, the same for every symbol that is coded.
///
/// What the probabilities leave of 65536 is the probability of an escape; with one, every `i32` can be coded.
/// A table in which one symbol has all the probability codes that symbol in no bits at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Categorical {
    lowest: i32,
    /// Ascending from 0; entry `i` is the probability of all symbols below `lowest + i`.
    left_cumulative: Vec<u32>,
}

const TOTAL: u32 = 1 << 16;

impl Categorical {
    /// The table that gives `lowest + i` the probability `probabilities[i]`, in 1/65536.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if the probabilities sum to 0 or to more than 65536, or if a symbol would exceed
    /// `i32::MAX`.
    pub fn new(lowest: i32, probabilities: &[u32]) -> Result<Self, Error> {
        let last = i64::from(lowest) + probabilities.len() as i64 - 1;
        if last > i64::from(i32::MAX) {
            let (found, expected) =
                (probabilities.len(), (i64::from(i32::MAX) - i64::from(lowest) + 1) as usize);
            return Err(Error::Parameter { what: "number of probabilities", found, expected });
        }
        // Checked before anything is stored: the caller may pass a table straight from a file.
        let sum = probabilities.iter().try_fold(0_u32, |sum, &p| sum.checked_add(p));
        match sum {
            Some(1..=TOTAL) => {}
            _ => {
                let found = sum.map_or(usize::MAX, |sum| sum as usize);
                let expected = TOTAL as usize;
                return Err(Error::Parameter { what: "sum of probabilities", found, expected });
            }
        }
        let mut left_cumulative = Vec::with_capacity(probabilities.len() + 1);
        let mut left = 0;
        left_cumulative.push(left);
        for &probability in probabilities {
            left += probability;
            left_cumulative.push(left);
        }
        Ok(Self { lowest, left_cumulative })
    }

    /// The table nearest to how often each symbol was counted: `lowest + i` occurred `counts[i]` times.
    ///
    /// Every counted symbol gets at least 1/65536 and the escape gets `escape`; integers only, so the same counts
    /// give the same table everywhere.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if nothing was counted, if there are more counted symbols than codes, or if a symbol
    /// would exceed `i32::MAX`.
    pub fn from_counts(lowest: i32, counts: &[u32], escape: u16) -> Result<Self, Error> {
        let codes = u64::from(TOTAL) - u64::from(escape);
        let sum: u64 = counts.iter().map(|&count| u64::from(count)).sum();
        let used = counts.iter().filter(|&&count| count > 0).count();
        if used == 0 || used as u64 > codes {
            let (found, expected) = (used, codes as usize);
            return Err(Error::Parameter { what: "number of counted symbols", found, expected });
        }
        // One code each; the rest in proportion, and what truncation leaves to the most frequent symbol.
        let rest = u128::from(codes - used as u64);
        let share = |count: u32| (u128::from(count) * rest / u128::from(sum)) as u32 + u32::from(count > 0);
        let mut probabilities: Vec<u32> = counts.iter().map(|&count| share(count)).collect();
        let given: u32 = probabilities.iter().sum();
        if let Some(largest) = (0..counts.len()).max_by_key(|&i| counts[i]) {
            probabilities[largest] += codes as u32 - given;
        }
        Self::new(lowest, &probabilities)
    }

    /// Probability of `symbol` without the escape, in 1/65536.
    pub fn probability(&self, symbol: i32) -> u32 {
        self.bounds(symbol).map_or(0, |(left, right)| right - left)
    }

    /// Probability of the escape, in 1/65536.
    pub fn escape_probability(&self) -> u32 {
        TOTAL - self.sum()
    }

    fn sum(&self) -> u32 {
        *self.left_cumulative.last().unwrap_or(&0)
    }

    fn bounds(&self, symbol: i32) -> Option<(u32, u32)> {
        let index = usize::try_from(i64::from(symbol) - i64::from(self.lowest)).ok()?;
        Some((*self.left_cumulative.get(index)?, *self.left_cumulative.get(index.checked_add(1)?)?))
    }

    /// The symbol that has all the probability, if one has: it is not coded.
    pub(crate) fn certain(&self) -> Option<i32> {
        let index = self.left_cumulative.windows(2).position(|pair| pair[1] - pair[0] == TOTAL)?;
        Some(self.lowest + index as i32)
    }

    /// The interval of the escape, if it has probability and no other symbol has all.
    pub(crate) fn escape(&self) -> Option<Interval> {
        (self.sum() < TOTAL).then(|| Interval::new(self.sum(), TOTAL - self.sum()))
    }

    /// The interval of `symbol` if it has one.
    pub(crate) fn interval(&self, symbol: i32) -> Option<Interval> {
        let (left, right) = self.bounds(symbol)?;
        (right > left).then(|| Interval::new(left, right - left))
    }

    /// The symbol whose interval holds `quantile`, with that interval; `None` for the escape.
    pub(crate) fn quantile(&self, quantile: u32) -> Option<(i32, Interval)> {
        if quantile >= self.sum() {
            return None;
        }
        // The last entry at or below the quantile: entries of equal value are symbols without mass.
        let index = self.left_cumulative.partition_point(|&left| left <= quantile) - 1;
        let (left, right) = (self.left_cumulative[index], self.left_cumulative[index + 1]);
        Some((self.lowest + index as i32, Interval::new(left, right - left)))
    }
}
