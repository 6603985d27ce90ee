//! Damage to files: what happens by itself, and what somebody does on purpose.

/// A small generator, the same on every machine.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

/// One to four changes of a file: bits, bytes, swaps, splices from another file, repeats, cuts.
pub fn mutated(original: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=dice.below(4) {
        let length = bytes.len().max(1);
        bytes.resize(length, 0);
        // Headers are where the harm is.
        let at = if dice.below(3) == 0 { dice.below(length.min(64)) } else { dice.below(length) };
        let end = (at + 1 + dice.below(64)).min(length);
        match dice.below(9) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = dice.below(256) as u8,
            2 => bytes[at..end].fill([0, 0xff][dice.below(2)]),
            3 => bytes.swap(at, dice.below(length)),
            4 => bytes[at..end].reverse(),
            5 => {
                let from = dice.below(other.len());
                let part = other[from..(from + end - at).min(other.len())].to_vec();
                bytes.splice(at..end, part);
            }
            6 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            7 => drop(bytes.drain(at..end)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}
