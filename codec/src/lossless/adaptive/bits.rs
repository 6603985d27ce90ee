//! Where decisions go to, or come from: the one pass over a tile serves encoder, decoder and estimate.

use wavern_entropy::{BinaryDecoder, BinaryEncoder};

/// A coder of binary decisions.
pub(super) trait Bits {
    /// Codes a decision expected to be `true` with `probability / 65536`, and returns it. What is decoded takes no
    /// notice of the decision that is given.
    fn bit(&mut self, decision: bool, probability: u16) -> bool;
}

impl Bits for BinaryEncoder {
    #[inline]
    fn bit(&mut self, decision: bool, probability: u16) -> bool {
        self.encode(decision, probability);
        decision
    }
}

impl Bits for BinaryDecoder<'_> {
    #[inline]
    fn bit(&mut self, _: bool, probability: u16) -> bool {
        self.decode(probability)
    }
}

/// Adds up what decisions would cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// In 1/2^23 bits.
    units: u64,
}

impl Count {
    pub(super) fn bits(self) -> u64 {
        self.units >> 23
    }
}

impl Bits for Count {
    #[inline]
    fn bit(&mut self, decision: bool, probability: u16) -> bool {
        let p = u32::from(probability.max(1));
        let p = if decision { p } else { 65536 - p };
        // The bits of a float, read as a number, are its exponent and, linearly, the rest of its logarithm.
        self.units += u64::from((143 << 23) - (p as f32).to_bits());
        decision
    }
}
