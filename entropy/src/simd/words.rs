//! Byte shuffles that move words to and from the lanes that need them, for sets without compress and expand.

/// Shuffle index that gives a zero byte on every set that uses these tables.
const NOTHING: u8 = 0x80;

/// Entry `mask` spreads consecutive words, two bytes each, over the lanes whose bit is set.
pub(super) const fn expand<const BYTES: usize, const MASKS: usize>() -> [[u8; BYTES]; MASKS] {
    let mut table = [[NOTHING; BYTES]; MASKS];
    let mut mask = 0;
    while mask < MASKS {
        let (mut lane, mut next) = (0, 0);
        while lane < BYTES / 2 {
            if mask >> lane & 1 == 1 {
                table[mask][2 * lane] = 2 * next;
                table[mask][2 * lane + 1] = 2 * next + 1;
                next += 1;
            }
            lane += 1;
        }
        mask += 1;
    }
    table
}

/// Entry `mask` gathers the words of the lanes whose bit is set, in order, at the end.
pub(super) const fn compress<const BYTES: usize, const MASKS: usize>() -> [[u8; BYTES]; MASKS] {
    let mut table = [[NOTHING; BYTES]; MASKS];
    let mut mask = 0;
    while mask < MASKS {
        let (mut lane, mut to) = (BYTES / 2, BYTES / 2);
        while lane > 0 {
            lane -= 1;
            if mask >> lane & 1 == 1 {
                to -= 1;
                table[mask][2 * to] = 2 * lane as u8;
                table[mask][2 * to + 1] = 2 * lane as u8 + 1;
            }
        }
        mask += 1;
    }
    table
}
