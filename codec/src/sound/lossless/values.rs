//! Which values a channel of a segment has: their range, what they have in common, and those that it leaves out.

use super::coder::Coder;
use super::floats::follow;
use super::residual::Residual;
use crate::lossless::values::common;
use std::ops::RangeInclusive;
use wavern_entropy::Error;

/// Samples are step × value + offset, with values in a range, and maybe only some of it.
#[derive(Debug, PartialEq)]
pub(super) struct Values {
    step: i64,
    offset: i64,
    range: RangeInclusive<i64>,
    used: Option<Used>,
}

/// Values that occur, counted from the lowest.
#[derive(Debug, PartialEq)]
struct Used {
    /// How many lie below each value of the range, and below the value behind it.
    ranks: Vec<u32>,
    values: Vec<i32>,
}

/// The widest range of which values may be left out.
const WIDEST: i64 = 1 << 17;

impl Values {
    /// Those of samples, of which there is at least one.
    pub(super) fn of(samples: &[i32]) -> Self {
        let (low, high) = samples.iter().fold((i32::MAX, i32::MIN), |(l, h), &s| (l.min(s), h.max(s)));
        let (low, high) = (i64::from(low), i64::from(high));
        let step = samples.iter().fold(0, |step, &sample| common(step, (i64::from(sample) - low) as u64));
        let step = step.max(1) as i64;
        let offset = low.rem_euclid(step);
        let range = (low - offset) / step..=(high - offset) / step;
        let mut values = Self { step, offset, range, used: None };
        values.used = values.find_used(samples);
        values
    }

    /// Values of samples.
    pub(super) fn value(&self, sample: i32) -> i32 {
        ((i64::from(sample) - self.offset) / self.step) as i32
    }

    /// Samples of values.
    pub(super) fn sample(&self, value: i32) -> i32 {
        (i64::from(value) * self.step + self.offset) as i32
    }

    pub(super) fn range(&self) -> &RangeInclusive<i64> {
        &self.range
    }

    /// The only value, if there is one alone.
    pub(super) fn only(&self) -> Option<i32> {
        (self.range.start() == self.range.end()).then_some(*self.range.start() as i32)
    }

    /// Bits of a value counted from the lowest.
    pub(super) fn bits(&self) -> u32 {
        64 - (self.range.end() - self.range.start()).leading_zeros()
    }

    /// Codes a value near a prediction in 1/16, which is within the range.
    #[inline]
    pub(super) fn code<C: Coder>(
        &self,
        coder: &mut C,
        residual: &mut Residual,
        prediction: i64,
        value: i64,
    ) -> Result<i64, Error> {
        let outside = Error::Malformed { what: "value outside its range" };
        let Some(used) = &self.used else {
            let value = residual.code(coder, prediction, value)?;
            return if self.range.contains(&value) { Ok(value) } else { Err(outside) };
        };
        let place = ((prediction >> 4) - self.range.start()) as usize;
        let [below, above] = [used.ranks[place], used.ranks[place + 1]].map(i64::from);
        let prediction = (below << 4) + (prediction & 15) * (above - below);
        let rank = if C::READS { 0 } else { used.ranks[(value - self.range.start()) as usize].into() };
        let rank = residual.code(coder, prediction, rank)?;
        let value = usize::try_from(rank).ok().and_then(|rank| used.values.get(rank));
        value.map(|&value| value.into()).ok_or(outside)
    }

    /// A value by itself, all of the range being equally probable.
    pub(super) fn code_plain<C: Coder>(&self, coder: &mut C, value: i32) -> Result<i32, Error> {
        let above = coder.bits((i64::from(value).wrapping_sub(*self.range.start())) as u64, self.bits())?;
        let value = self.range.start() + above as i64;
        if value > *self.range.end() {
            return Err(Error::Malformed { what: "value outside its range" });
        }
        Ok(value as i32)
    }

    /// Codes all of it. Samples lie within `samples`.
    pub(super) fn describe<C: Coder>(
        coder: &mut C,
        given: Option<Self>,
        samples: &RangeInclusive<i64>,
    ) -> Result<Self, Error> {
        let given = given.unwrap_or(Self { step: 1, offset: 0, range: 0..=0, used: None });
        let step = coder.number((given.step - 1) as u64)?;
        let offset = coder.number(given.offset as u64)?;
        let low = coder.signed(*given.range.start())?;
        let more = coder.number((given.range.end() - given.range.start()) as u64)?;
        let wrong = Error::Malformed { what: "values of a segment" };
        let [step, offset, more] =
            [step, offset, more].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        // All of them below 2^32 in size: nothing overflows.
        if step >= 1 << 32 || offset > step || low.unsigned_abs() > 1 << 31 || more >= 1 << 32 {
            return Err(wrong);
        }
        let step = step + 1;
        let ends = [low, low + more].map(|value| i128::from(value) * i128::from(step) + i128::from(offset));
        if offset >= step
            || ends.iter().any(|end| !i64::try_from(*end).is_ok_and(|end| samples.contains(&end)))
        {
            return Err(wrong);
        }
        let mut values = Self { step, offset, range: low..=low + more, used: None };
        if more > 1 && more < WIDEST && coder.bits(given.used.is_some().into(), 1)? == 1 {
            values.used = Some(Used::code(coder, given.used, low, more as usize + 1)?);
        }
        Ok(values)
    }

    /// The values that occur, if leaving out the others pays.
    fn find_used(&self, samples: &[i32]) -> Option<Used> {
        let (low, width) = (*self.range.start(), self.range.end() - self.range.start() + 1);
        if !(3..=WIDEST).contains(&width) {
            return None;
        }
        let mut is_used = vec![false; width as usize];
        let place = |sample: &i32| (i64::from(self.value(*sample)) - low) as usize;
        samples.iter().for_each(|sample| is_used[place(sample)] = true);
        let used = Used::new(&is_used, low);
        // Where few values occur around a sample, it is known to so many bits more.
        const AROUND: usize = 16;
        let gain = |place: usize| {
            let (from, to) = (place.saturating_sub(AROUND), (place + AROUND + 1).min(is_used.len()));
            ((to - from) as f64 / f64::from(used.ranks[to] - used.ranks[from])).log2()
        };
        let mut counts = vec![0u32; is_used.len()];
        samples.iter().for_each(|sample| counts[place(sample)] += 1);
        let gains = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let gain: f64 = gains.map(|(place, &count)| f64::from(count) * gain(place)).sum();
        let mut cost = super::coder::Counter::default();
        Used::code(&mut cost, Some(used), low, is_used.len()).ok().filter(|_| gain > 1.5 * cost.bits)
    }
}

impl Used {
    fn new(is_used: &[bool], low: i64) -> Self {
        let (mut ranks, mut values, mut count) = (Vec::with_capacity(is_used.len() + 1), Vec::new(), 0);
        for (&is_used, value) in is_used.iter().zip(low..) {
            ranks.push(count);
            if is_used {
                values.push(value as i32);
                count += 1;
            }
        }
        ranks.push(count);
        Self { ranks, values }
    }

    /// A decision for each value of the range, which adapts to the eight before it.
    fn code<C: Coder>(coder: &mut C, given: Option<Self>, low: i64, width: usize) -> Result<Self, Error> {
        let mut probabilities = [1u32 << 15; 256];
        let mut before = 0usize;
        let mut is_used = Vec::with_capacity(width);
        for place in 0..width {
            let given = given.as_ref().is_some_and(|used| used.ranks[place + 1] > used.ranks[place]);
            let probability = &mut probabilities[before];
            let decision = coder.decision(given, *probability)?;
            *probability = follow(*probability, decision);
            before = (before << 1 | usize::from(decision)) & 255;
            is_used.push(decision);
        }
        Ok(Self::new(&is_used, low))
    }
}
