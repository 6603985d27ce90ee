//! Whole pixels: is it the same as one that is near, or that followed the like before?

use super::bits::Bits;
use super::literal::Literals;
use super::matches::Matches;
use super::mixer::{CONTEXTS, Mixer, Question};
use super::settings::{Settings, Shape};
use super::slots::{Lines, NODES, Slot, hash};
use super::window::Around;

/// Far and near match, W, N, NE, NW.
const CANDIDATES: usize = 6;

/// Kind of a pixel that was none of them.
const LITERAL: u8 = 7;

/// Trust in a far match from which on it is asked for by itself.
const SURE: u16 = 8;

/// Codes pixels by their surroundings.
#[derive(Clone, Debug)]
pub(super) struct Pixels {
    tries: bool,
    far: Matches,
    near: Matches,
    lines: Lines,
    mixer: Mixer,
    literals: Literals,
    /// That a flat area goes on: by 7 bits of the colour's hash and how long it has.
    flat: Vec<Slot>,
    /// That a sure match is right: by who agrees, and by the last three of them.
    sure: [Slot; 64],
    /// Which candidate the last pixel of each column was; one column more on each side.
    kinds: Vec<u8>,
    /// Flat pixels since the last other one.
    run: u32,
    /// A bit for each sure match, the last one lowest: whether it was wrong.
    misses: usize,
    /// The kinds of the last pixels that were not flat, 3 bits each, the last one lowest.
    history: u64,
}

impl Pixels {
    pub(super) fn new(shape: &Shape, settings: Settings) -> Self {
        let log2 = settings.tables;
        Self {
            tries: settings.candidates,
            far: Matches::new((log2 + 1).min(18)),
            near: Matches::new(log2 - 1),
            lines: Lines::new(log2 - 2),
            mixer: Mixer::new(CANDIDATES, 64 * 16, [0, 1, 3]),
            literals: Literals::new(shape, settings),
            flat: vec![Slot::new(65000); 128 * 8],
            sure: [Slot::new(64000); 64],
            kinds: vec![0; shape.width + 2],
            run: 0,
            misses: 0,
            history: 0,
        }
    }

    /// Codes the pixel of a column; `target` is it if it is known.
    #[inline]
    pub(super) fn pixel<B: Bits>(
        &mut self,
        bits: &mut B,
        around: &Around,
        column: usize,
        target: u64,
    ) -> u64 {
        let flat = around.is_flat();
        if flat {
            let colour = (hash(0, [around.w]) >> 57) as usize;
            let slot = &mut self.flat[8 * colour + (self.run + 1).ilog2().min(7) as usize];
            let same = bits.bit(target == around.w, slot.probability);
            slot.adapt(same);
            if same {
                self.run += 1;
                self.kinds[column + 1] = 2;
                return around.w;
            }
            self.run = 0;
        }
        if self.tries {
            self.varied(bits, around, column, target, flat)
        } else {
            self.literals.pixel(bits, around, column, target)
        }
    }

    /// Codes a pixel that is not flat; `changed` if only because it was said to differ from all around it.
    fn varied<B: Bits>(
        &mut self,
        bits: &mut B,
        a: &Around,
        column: usize,
        target: u64,
        changed: bool,
    ) -> u64 {
        let eleven = a.far_hash();
        let far = self.far.find(eleven);
        let near = self.near.find(hash(2, [a.w, a.nw, a.n, a.ne]));
        // What the pixel is known not to be.
        let mut tried = Tried::default();
        if changed {
            tried.add(a.w);
        }
        let (kind, pixel) = 'found: {
            if let Some(pixel) = far.pixel
                && far.trust >= SURE
                && tried.add(pixel)
            {
                let agree = [near.pixel == Some(pixel), a.w == pixel, a.n == pixel];
                let context =
                    agree.iter().rev().fold(self.misses & 7, |bits, &agrees| 2 * bits + usize::from(agrees));
                let slot = &mut self.sure[context];
                let hit = bits.bit(pixel == target, slot.probability);
                slot.adapt(hit);
                self.misses = self.misses << 1 | usize::from(!hit);
                if hit {
                    break 'found (0, pixel);
                }
            }
            let places = self.contexts(a, eleven, 16 * far.trust + near.trust, column, changed);
            let candidates = [far.pixel, near.pixel, Some(a.w), Some(a.n), Some(a.ne), Some(a.nw)];
            for (k, candidate) in candidates.into_iter().enumerate() {
                let Some(pixel) = candidate.filter(|&pixel| tried.add(pixel)) else { continue };
                // Which candidates say the same.
                let votes = candidates
                    .iter()
                    .rev()
                    .fold(0, |votes, &other| votes << 1 | usize::from(other == candidate));
                let colour = ((u128::from(hash(3, [pixel])) * NODES as u128) >> 64) as usize;
                let mut nodes = [colour; CONTEXTS];
                nodes[5..].fill(k);
                let second = 16 * votes + 2 * (tried.count - usize::from(changed)) + usize::from(changed);
                let question = Question { places: &places, nodes, first: k, second };
                if self.mixer.decide(bits, &mut self.lines, &question, pixel == target) {
                    break 'found (k as u8, pixel);
                }
            }
            (LITERAL, self.literals.pixel(bits, a, column, target))
        };
        self.far.learn(&far, pixel);
        self.near.learn(&near, pixel);
        self.kinds[column + 1] = kind;
        self.history = self.history << 3 | u64::from(kind);
        pixel
    }

    /// The lines of the eight contexts. In the first five, nodes are colours; in the others, candidates.
    #[inline]
    fn contexts(
        &mut self,
        a: &Around,
        eleven: u64,
        trust: u16,
        column: usize,
        changed: bool,
    ) -> [usize; CONTEXTS] {
        let (above, above_right) = (u64::from(self.kinds[column + 1]), u64::from(self.kinds[column + 2]));
        self.lines.find(&[
            hash(8, [eleven]),
            hash(9, [a.w, a.n, a.ne]),
            hash(10, [a.w, a.n]),
            hash(11, [a.w, a.ww, a.www]),
            hash(12, [a.n, a.ne, a.nee]),
            hash(13, [a.pattern(), u64::from(changed)]),
            hash(14, [u64::from(trust), self.history & 0x3f, above]),
            hash(15, [above, above_right, self.history & 0x1ff]),
        ])
    }
}

/// Colours that a pixel is known not to have.
#[derive(Clone, Copy, Debug, Default)]
struct Tried {
    pixels: [u64; CANDIDATES + 1],
    count: usize,
}

impl Tried {
    /// Adds a colour; `false` if it was there.
    #[inline]
    fn add(&mut self, pixel: u64) -> bool {
        let new = !self.pixels[..self.count].contains(&pixel);
        if new {
            self.pixels[self.count] = pixel;
            self.count += 1;
        }
        new
    }
}
