//! Any 32-bit symbol as a few raw intervals: what follows an escape.
//!
//! With `u = x` for `x >= 0` and `u = -1 - x` below, and `n` the bit length of `u` (0 to 31), an escape is
//! six bits `32 * (x < 0) + n`, then the `n - 1` bits of `u` below its leading one: first those above the
//! sixteenth if there are any, then the rest. So -x costs at most what x costs.

use crate::interval::Interval;

/// A symbol that had no mass: its raw parts follow the row that holds interval `index`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Escape {
    pub(crate) index: usize,
    pub(crate) symbol: i32,
}

/// At most this many intervals follow an escape.
pub(crate) const MAX_PARTS: usize = 3;

/// Width of the first part.
pub(crate) const HEAD_BITS: u32 = 6;

/// The intervals of `symbol`, in decode order, and how many there are.
pub(crate) fn parts(symbol: i32) -> ([Interval; MAX_PARTS], usize) {
    let magnitude = (symbol ^ (symbol >> 31)) as u32;
    let length = 32 - magnitude.leading_zeros();
    let head = Interval::raw(u32::from(symbol < 0) << 5 | length, HEAD_BITS);
    let mut parts = ([head; MAX_PARTS], 1);
    let tail = length.saturating_sub(1);
    let low = tail.min(16);
    if tail > 16 {
        let high = tail - 16;
        parts.0[parts.1] = Interval::raw(magnitude >> 16 & ((1 << high) - 1), high);
        parts.1 += 1;
    }
    if low > 0 {
        parts.0[parts.1] = Interval::raw(magnitude & ((1 << low) - 1), low);
        parts.1 += 1;
    }
    parts
}

/// Bits that follow the escape of `symbol`.
pub(crate) fn bits(symbol: i32) -> u32 {
    let magnitude = (symbol ^ (symbol >> 31)) as u32;
    HEAD_BITS + (32 - magnitude.leading_zeros()).saturating_sub(1)
}

/// Reads the symbol back; `raw(width)` reads `width` bits, `1..=16`.
pub(crate) fn read<E>(mut raw: impl FnMut(u32) -> Result<u32, E>) -> Result<i32, E> {
    let head = raw(HEAD_BITS)?;
    let tail = (head & 31).saturating_sub(1);
    let mut magnitude = u32::from(head & 31 != 0);
    if tail > 16 {
        magnitude = magnitude << (tail - 16) | raw(tail - 16)?;
    }
    if tail > 0 {
        magnitude = magnitude << tail.min(16) | raw(tail.min(16))?;
    }
    Ok(magnitude as i32 ^ -i32::from(head >= 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_both_signs_come_back() {
        let edges = (0..31).flat_map(|n| [(1 << n) - 1, 1 << n, (1 << n) + 1]).chain([i32::MAX]);
        for symbol in edges.flat_map(|x| [x, -x, -1 - x]) {
            let (parts, count) = parts(symbol);
            let mut next = 0;
            let back = read(|width| {
                let part = parts[next];
                next += 1;
                assert_eq!(part.probability(), 1 << (16 - width));
                Ok::<_, ()>(part.left() as u32 >> (16 - width))
            });
            assert_eq!((back, next), (Ok(symbol), count));
            assert!(bits(-1 - symbol.max(0)) <= bits(symbol.max(0)));
            if symbol > 0 {
                assert!(bits(-symbol) <= bits(symbol), "{symbol}");
            }
        }
    }
}
