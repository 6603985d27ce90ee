//! Pixels by what surrounded them: what followed the same surroundings before?

/// The last pixel after each hash of surroundings.
#[derive(Clone, Debug)]
pub(super) struct Matches {
    pixels: Vec<u64>,
    /// 12 bits of the hash above 4 bits of how often the pixel came again; 0 where nothing was seen yet.
    checks: Vec<u16>,
    shift: u32,
}

/// What was found for some surroundings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    place: usize,
    check: u16,
    /// The pixel, if the surroundings are known.
    pub(super) pixel: Option<u64>,
    /// 0 if they are not, else 1 plus how often the pixel came again, at most 15.
    pub(super) trust: u16,
}

impl Matches {
    /// Room for `1 << log2` surroundings of 10 bytes.
    pub(super) fn new(log2: u32) -> Self {
        Self { pixels: vec![0; 1 << log2], checks: vec![0; 1 << log2], shift: 64 - log2 }
    }

    #[inline]
    pub(super) fn find(&self, hash: u64) -> Match {
        let place = (hash >> self.shift) as usize;
        let check = (hash as u16 | 1) << 4;
        let entry = self.checks[place];
        let known = entry & 0xfff0 == check;
        Match {
            place,
            check,
            pixel: known.then(|| self.pixels[place]),
            trust: if known { 1 + (entry & 15) } else { 0 },
        }
    }

    /// Takes in the pixel that did follow.
    #[inline]
    pub(super) fn learn(&mut self, found: &Match, pixel: u64) {
        let entry = &mut self.checks[found.place];
        if found.pixel == Some(pixel) {
            *entry += u16::from(*entry & 15 < 14);
        } else {
            *entry = found.check;
            self.pixels[found.place] = pixel;
        }
    }
}
