//! A piece of the probability line, the only thing the rANS coder sees of a symbol.

use crate::error::Error;

/// `left..left + probability` in 1/65536, packed `probability << 16 | left`. Both fit 16 bits: an interval
/// with all the probability is never coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Interval(pub(crate) u32);

impl Interval {
    /// Announces a symbol without mass: the two codes above the mixture.
    pub(crate) const ESCAPE: Self = Self(2 << 16 | crate::mixture::MIXTURE_TOTAL);

    pub(crate) fn new(left: u32, probability: u32) -> Self {
        debug_assert!(probability > 0 && left + probability <= 1 << 16 && probability < 1 << 16);
        Self(probability << 16 | left)
    }

    /// The interval of a symbol of a model that is not ours.
    #[inline]
    pub(crate) fn checked(left: u32, probability: u32) -> Result<Self, Error> {
        const CODES: u32 = 1 << 16;
        if probability == 0 || probability >= CODES || left > CODES - probability {
            let (found, expected) = (left as usize, CODES.saturating_sub(probability) as usize);
            return Err(Error::Parameter { what: "interval", found, expected });
        }
        Ok(Self::new(left, probability))
    }

    /// `value` among the `2^width` values of `width` bits, `1..=16`.
    pub(crate) fn raw(value: u32, width: u32) -> Self {
        Self::new(value << (16 - width), 1 << (16 - width))
    }

    pub(crate) fn left(self) -> u64 {
        u64::from(self.0 & 0xffff)
    }

    pub(crate) fn probability(self) -> u64 {
        u64::from(self.0 >> 16)
    }
}
