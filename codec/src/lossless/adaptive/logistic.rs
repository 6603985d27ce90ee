//! Probabilities ↔ the logistic domain, in tables made of integers.

/// Logistic values are -LIMIT..=LIMIT, in units of 1/256: ln(p / (1 - p)).
pub(super) const LIMIT: i32 = 2047;

/// `exp(-i / 256)` in units of 2^-30, by repeated multiplication rounded down.
const fn exponentials() -> [u64; 2048] {
    /// `exp(-1 / 256)` in units of 2^-32, to the nearest.
    const RATIO: u64 = 4_278_222_805;
    let mut table = [1 << 30; 2048];
    let mut i = 1;
    while i < table.len() {
        table[i] = (table[i - 1] * RATIO) >> 32;
        i += 1;
    }
    table
}

const fn squash_table() -> [u16; 4096] {
    let exp = exponentials();
    let mut table = [0; 4096];
    let mut i = 0;
    while i < 2048 {
        let above = (1 << 46) / ((1 << 30) + exp[i]);
        table[2048 + i] = above as u16;
        table[2048 - i] = (65536 - above) as u16;
        i += 1;
    }
    table[0] = table[1];
    table
}

const fn stretch_table() -> [i16; 4096] {
    let mut table = [0; 4096];
    let (mut i, mut x) = (0, -LIMIT);
    while i < 4096 {
        let middle = 16 * i as i32 + 8;
        while x < LIMIT && SQUASH_TABLE[(x + 1 + 2048) as usize] as i32 <= middle {
            x += 1;
        }
        table[i] = x as i16;
        i += 1;
    }
    table
}

const SQUASH_TABLE: [u16; 4096] = squash_table();
static SQUASH: [u16; 4096] = SQUASH_TABLE;
static STRETCH: [i16; 4096] = stretch_table();

/// The probability, in 1/65536, of a logistic value; values outside the range count as its ends.
#[inline]
pub(super) fn squash(x: i32) -> u16 {
    SQUASH[(x.clamp(-LIMIT, LIMIT) + 2048) as usize & 4095]
}

/// The logistic value of a probability in 1/65536.
#[inline]
pub(super) fn stretch(probability: u16) -> i16 {
    STRETCH[usize::from(probability >> 4)]
}
