//! Adaptive probabilities, alone and in lines found by hash.

/// Probabilities in a line.
pub(super) const NODES: usize = 10;

/// How much of the way to a decision a probability goes after `n` decisions: `1 / (n + 3/2)`, in 1/65536.
static RATES: [u16; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = (131_072 / (2 * n + 3)) as u16;
        n += 1;
    }
    table
};

/// Moves a probability (1/65536) towards a decision, by less the higher the count is, and counts up to `limit`.
#[inline]
fn adapt(probability: &mut u16, count: &mut u8, limit: u8, decision: bool) {
    let p = i32::from(*probability);
    let target = if decision { 65535 } else { 0 };
    let step = ((target - p) * i32::from(RATES[usize::from(*count)]) + 32768) >> 16;
    *probability = (p + step).clamp(16, 65519) as u16;
    *count += u8::from(*count < limit);
}

/// A probability by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) probability: u16,
    count: u8,
}

impl Slot {
    const LIMIT: u8 = 250;

    /// As sure as after six decisions.
    pub(super) const fn new(probability: u16) -> Self {
        Self { probability, count: 6 }
    }

    #[inline]
    pub(super) fn adapt(&mut self, decision: bool) {
        adapt(&mut self.probability, &mut self.count, Self::LIMIT, decision);
    }
}

/// Probabilities of the decisions in one context.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub(super) struct Line {
    /// 12 bits of the hash above 4 bits of how often the line was found of late.
    check: u16,
    pub(super) probability: [u16; NODES],
    pub(super) count: [u8; NODES],
}

impl Line {
    const LIMIT: u8 = 120;

    const NEW: Self = Self { check: 0, probability: [32768; NODES], count: [0; NODES] };

    #[inline]
    pub(super) fn adapt(&mut self, node: usize, decision: bool) {
        adapt(&mut self.probability[node], &mut self.count[node], Self::LIMIT, decision);
    }
}

/// The two lines of an address, in one line of the processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Pair([Line; 2]);

/// Lines addressed by hash, in pairs: the less used one makes way for a new context.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    pairs: Vec<Pair>,
    shift: u32,
}

impl Lines {
    /// `1 << log2` lines of 32 bytes; `log2` from 2 to 20.
    pub(super) fn new(log2: u32) -> Self {
        Self { pairs: vec![Pair([Line::NEW; 2]); 1 << (log2 - 1)], shift: 65 - log2 }
    }

    /// The places of the contexts with these hashes, made new if they are not there.
    #[inline]
    pub(super) fn find<const N: usize>(&mut self, hashes: &[u64; N]) -> [usize; N] {
        let (shift, mask) = (self.shift, self.pairs.len() - 1);
        // All are looked at before any is touched: so memory is waited for once, not N times.
        let mut seen = [[0; 2]; N];
        for (seen, &hash) in seen.iter_mut().zip(hashes) {
            let pair = &self.pairs[(hash >> shift) as usize & mask].0;
            *seen = [pair[0].check, pair[1].check];
        }
        let mut places = [0; N];
        for ((place, &hash), seen) in places.iter_mut().zip(hashes).zip(seen) {
            let index = (hash >> shift) as usize & mask;
            let check = (hash as u16) << 4;
            let [first, second] = seen.map(|seen| seen & 0xfff0 == check);
            let which = if first || second {
                let which = usize::from(!first);
                let found = &mut self.pairs[index].0[which].check;
                *found += u16::from(*found & 15 < 15);
                which
            } else {
                self.replace(index, check)
            };
            *place = 2 * index + which;
        }
        places
    }

    /// Gives the less used line of a pair to a new context. The other one loses some of its use, so that nothing
    /// stays for ever.
    fn replace(&mut self, index: usize, check: u16) -> usize {
        let pair = &mut self.pairs[index].0;
        let which = usize::from(pair[1].check & 15 < pair[0].check & 15);
        let other = &mut pair[1 - which].check;
        *other -= u16::from(*other & 15 > 0);
        pair[which] = Line { check, ..Line::NEW };
        which
    }

    #[inline]
    pub(super) fn line(&mut self, place: usize) -> &mut Line {
        let mask = self.pairs.len() - 1;
        &mut self.pairs[(place / 2) & mask].0[place % 2]
    }
}

/// The start of a hash, by the number of the context.
#[inline]
pub(super) const fn key(context: u64) -> u64 {
    (context + 1).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// One step of a hash: takes in a value.
#[inline]
pub(super) fn mix(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

/// The last step: the upper bits come to depend on all.
#[inline]
pub(super) fn finish(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ hash >> 32
}

/// All steps.
#[inline]
pub(super) fn hash<const N: usize>(context: u64, values: [u64; N]) -> u64 {
    finish(values.into_iter().fold(key(context), mix))
}
