//! The values that samples have ↔ their ranks, for tiles that leave most values unused: pictures of 10 or 12 bits
//! in 16, histograms with gaps, and samples that were rounded to multiples.
//!
//! | bytes of a map | content |
//! | --- | --- |
//! | 1 | kind: 0 steps, 1 steps and the greatest value of all, 2 runs, 3 that of the plane before |
//! | 4 | steps: the first value and the step, `u16` each |
//! | 2 + | runs: how many, less one; for each, as varints, how many values are left out and are there, less one |

use super::Planes;
use crate::signal::{Image, Samples, SignalError};
use wavern_bitstream::varint;

/// Values of a plane.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Map {
    /// Rank *k* is `first + step · k`. If `capped`, one more rank is the greatest value that a sample can have.
    Steps { first: u16, step: u16, capped: bool },
    /// Rank *k* is value *k* of these, in order.
    List(Vec<u16>),
}

/// What takes more of the values between the least and the greatest is not mapped, in percent.
const MOST_USED: usize = 60;
/// So few values of 8 bits are those of a drawing, and contexts know which they are.
const DRAWN: usize = 15;
/// A map of samples that are what they are.
const SAME: Map = Map::Steps { first: 0, step: 1, capped: false };

const STEPS: u8 = 0;
const CAPPED: u8 = 1;
const RUNS: u8 = 2;
const BEFORE: u8 = 3;

impl Map {
    /// For values in order, of samples up to `most`.
    fn of(values: &[u16], most: u16) -> Self {
        let (Some(&least), Some(&greatest)) = (values.first(), values.last()) else { return SAME };
        // The greatest value that there is need not lie on the grid: it stands for what lies above.
        let inner = if greatest == most { &values[..values.len() - 1] } else { values };
        let step = inner.iter().fold(0, |step, value| common(step, (value - least).into())) as u16;
        if step > 1 {
            let first = least % step;
            return Self::Steps {
                first,
                step,
                capped: greatest == most && !(most - first).is_multiple_of(step),
            };
        }
        let range = usize::from(greatest - least) + 1;
        if values.len() * 100 <= range * MOST_USED { Self::List(values.to_vec()) } else { SAME }
    }

    fn is_steps(&self) -> bool {
        matches!(self, Self::Steps { step: 2.., .. })
    }

    /// The greatest rank.
    fn top(&self, most: u16) -> u16 {
        match self {
            Self::Steps { first, step, capped } => (most - first) / step + u16::from(*capped),
            Self::List(values) => values.len() as u16 - 1,
        }
    }

    fn rank(&self, value: u16) -> u16 {
        match self {
            Self::Steps { first, step, .. } => (value - first).div_ceil(*step),
            Self::List(values) => values.partition_point(|v| *v < value) as u16,
        }
    }

    /// Of any rank: what only damage can lead to is limited.
    fn value(&self, rank: u16, most: u16) -> u16 {
        match self {
            Self::Steps { first, step, .. } => {
                let value = u32::from(*first) + u32::from(*step) * u32::from(rank);
                value.min(most.into()) as u16
            }
            Self::List(values) => values[usize::from(rank).min(values.len() - 1)],
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Steps { first, step, capped } => {
                out.push(if *capped { CAPPED } else { STEPS });
                out.extend([first, step].iter().flat_map(|v| v.to_le_bytes()));
            }
            Self::List(values) => {
                let runs: Vec<&[u16]> = values.chunk_by(|a, b| b - a == 1).collect();
                out.push(RUNS);
                out.extend((runs.len() as u16 - 1).to_le_bytes());
                let mut next = 0;
                for run in runs {
                    varint::write((run[0] - next).into(), out);
                    varint::write(run.len() as u64 - 1, out);
                    // Behind the greatest value of 16 bits there is no run.
                    next = (run[0] + (run.len() as u16 - 1)).saturating_add(1);
                }
            }
        }
    }

    /// What `bytes` begin with, of samples up to `most`; nothing if that is no map.
    fn read(bytes: &mut &[u8], before: Option<&Self>, most: u16) -> Option<Self> {
        match take(bytes)? {
            kind @ (STEPS | CAPPED) => {
                let (&[a, b, c, d], rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                let (first, step) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
                let capped = kind == CAPPED;
                let fits = first <= most && step > 0 && !(capped && (most - first).is_multiple_of(step));
                fits.then_some(Self::Steps { first, step, capped })
            }
            RUNS => {
                let (&count, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                let (mut values, mut next) = (Vec::new(), 0u32);
                for run in 0..=u16::from_le_bytes(count) {
                    let (skipped, length) = (number(bytes)?, number(bytes)?);
                    let (from, to) =
                        (next + u32::from(skipped), next + u32::from(skipped) + u32::from(length));
                    if to > most.into() || run > 0 && skipped == 0 {
                        return None;
                    }
                    values.extend(from as u16..=to as u16);
                    next = to + 1;
                }
                Some(Self::List(values))
            }
            BEFORE => before.cloned(),
            _ => None,
        }
    }
}

/// The maps of the planes of a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maps {
    maps: Vec<Map>,
    /// Of the samples.
    bits: u32,
}

impl Maps {
    /// Those that a tile gains by, if any. Colours have one for all if there is one.
    pub fn of(tile: &Planes) -> Option<Self> {
        let most = greatest(tile.bits);
        let (colors, alpha) = tile.planes.split_at(if tile.planes.len() < 3 { 1 } else { 3 });
        let used: Vec<Vec<bool>> = colors.iter().map(|plane| used_of(plane, tile.bits)).collect();
        let all: Vec<bool> = (0..used[0].len()).map(|v| used.iter().any(|used| used[v])).collect();
        let all = values(&all);
        if tile.bits <= 8 && all.len() <= DRAWN {
            return None;
        }
        let common = Map::of(&all, most);
        let mut maps = if common == SAME {
            // Steps of one colour and not of another would tear apart what they have in common.
            let own = used.iter().map(|used| Map::of(&values(used), most));
            own.map(|map| if map.is_steps() { SAME } else { map }).collect()
        } else {
            vec![common; colors.len()]
        };
        for plane in alpha {
            let deep = tile.bits > 8;
            maps.push(if deep { Map::of(&values(&used_of(plane, tile.bits)), most) } else { SAME });
        }
        maps.iter().any(|map| *map != SAME).then_some(Self { maps, bits: tile.bits })
    }

    /// Whether the colours are multiples, which is never wrong to use.
    pub fn steps(&self) -> bool {
        self.maps[0].is_steps()
    }

    /// The tile of ranks, which has at least 8 bits.
    pub fn ranks(&self, tile: &Planes) -> Planes {
        let planes = tile.planes.iter().zip(&self.maps);
        let planes = planes.map(|(plane, map)| through(plane, self.bits, |value| map.rank(value)));
        Planes { bits: self.rank_bits(), planes: planes.collect(), ..*tile }
    }

    /// The tile of values, the inverse of [`Self::ranks`].
    pub fn values(&self, ranks: &Planes) -> Planes {
        let most = greatest(self.bits);
        let planes = ranks.planes.iter().zip(&self.maps);
        let planes = planes.map(|(plane, map)| through(plane, ranks.bits, |rank| map.value(rank, most)));
        Planes { bits: self.bits, planes: planes.collect(), ..*ranks }
    }

    /// Bits of the ranks, at least 8.
    pub fn rank_bits(&self) -> u32 {
        let top = self.maps.iter().map(|map| map.top(greatest(self.bits))).max().unwrap_or(0);
        (u16::BITS - top.leading_zeros()).max(8)
    }

    /// One after the other.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (i, map) in self.maps.iter().enumerate() {
            if i > 0 && *map == self.maps[i - 1] { out.push(BEFORE) } else { map.write(&mut out) }
        }
        out
    }

    /// Those of `planes` planes of samples of `bits` bits; nothing if `bytes` are not just that.
    pub fn read(mut bytes: &[u8], planes: usize, bits: u32) -> Option<Self> {
        let mut maps: Vec<Map> = Vec::with_capacity(planes);
        for _ in 0..planes {
            let map = Map::read(&mut bytes, maps.last(), greatest(bits))?;
            maps.push(map);
        }
        bytes.is_empty().then_some(Self { maps, bits })
    }
}

/// The greatest value of `bits` bits, 1 to 16.
fn greatest(bits: u32) -> u16 {
    u16::MAX >> (u16::BITS - bits)
}

/// For each value whether a sample has it.
fn used_of(plane: &[u16], bits: u32) -> Vec<bool> {
    let mut used = vec![false; 1 << bits];
    plane.iter().for_each(|&v| used[usize::from(v)] = true);
    used
}

fn values(used: &[bool]) -> Vec<u16> {
    (0..=u16::MAX).zip(used).filter(|(_, used)| **used).map(|(value, _)| value).collect()
}

/// Each sample of `bits` bits through a function; of a large plane it is asked once for each value.
fn through(plane: &[u16], bits: u32, by: impl Fn(u16) -> u16) -> Vec<u16> {
    if plane.len() < 1 << bits {
        return plane.iter().map(|&v| by(v)).collect();
    }
    let used = used_of(plane, bits);
    let table: Vec<u16> = (0..=u16::MAX).zip(used).map(|(v, used)| if used { by(v) } else { 0 }).collect();
    plane.iter().map(|&v| table[usize::from(v)]).collect()
}

/// The greatest common divisor; that of 0 and a number is the number.
pub fn common(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn take(bytes: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(byte)
}

fn number(bytes: &mut &[u8]) -> Option<u16> {
    let (value, rest) = varint::read(bytes)?;
    *bytes = rest;
    u16::try_from(value).ok()
}

/// The multiple of 2 · `error` + 1, or the greatest value that a sample can have, that a sample is nearest to: at most
/// `error` away.
pub fn rounded(sample: u16, error: u16, bits: u32) -> u16 {
    let step = 2 * u32::from(error) + 1;
    ((u32::from(sample) + u32::from(error)) / step * step).min(greatest(bits).into()) as u16
}

/// What a decoder makes of a picture whose colours may change by `error`.
///
/// # Errors
/// Those of [`Image::new`], of which there are none for the samples of a picture.
pub fn rounded_image(image: &Image, error: u16) -> Result<Image, SignalError> {
    if error == 0 {
        return Ok(image.clone());
    }
    let samples = match image.samples() {
        Samples::U8(samples) => {
            Samples::U8(samples.iter().map(|&v| rounded(v.into(), error, 8) as u8).collect())
        }
        Samples::U16(samples) => Samples::U16(samples.iter().map(|&v| rounded(v, error, 16)).collect()),
    };
    let mut near = Image::new(image.width(), image.height(), image.color(), samples)?;
    if let Some(alpha) = image.alpha() {
        near = near.with_alpha(alpha.clone())?;
    }
    Ok(near.with_metadata(image.metadata().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(bits: u32, planes: Vec<Vec<u16>>) -> Planes {
        Planes { width: planes[0].len(), height: 1, bits, planes }
    }

    /// Maps there and back, and through their bytes.
    fn through_all(tile: &Planes) -> Option<(Maps, Planes)> {
        let maps = Maps::of(tile)?;
        let ranks = maps.ranks(tile);
        assert_eq!(maps.values(&ranks), *tile);
        assert_eq!(Maps::read(&maps.write(), tile.planes.len(), tile.bits).as_ref(), Some(&maps));
        Some((maps, ranks))
    }

    #[test]
    fn ten_bits_in_sixteen_are_ten_again() {
        let shifted = (0..2000).map(|i| (i * 7 % 1024) << 6).collect();
        assert_eq!(through_all(&tile(16, vec![shifted])).unwrap().1.bits, 10);
        let repeated = (0..2000u16).map(|i| (i * 7 % 1024) << 6 | (i * 7 % 1024) >> 4).collect();
        assert_eq!(through_all(&tile(16, vec![repeated])).unwrap().1.bits, 10);
    }

    #[test]
    fn rounded_samples_are_steps_and_near() {
        for error in 1..=8u16 {
            let exact =
                tile(8, vec![(0..256).collect(), (0..256).rev().collect(), vec![9; 256], (0..256).collect()]);
            let mut near = exact.clone();
            near.planes[..3].iter_mut().flatten().for_each(|v| *v = rounded(*v, error, 8));
            for (near, exact) in near.planes.iter().zip(&exact.planes) {
                assert!(near.iter().zip(exact).all(|(a, b)| a.abs_diff(*b) <= error), "{error}");
            }
            let (maps, ranks) = through_all(&near).unwrap();
            assert!(maps.steps());
            assert_eq!(ranks.planes[0].iter().max(), Some(&((255 + error) / (2 * error + 1))), "{error}");
        }
    }

    #[test]
    fn gaps_are_left_out_and_full_ranges_are_not_mapped() {
        let gaps: Vec<u16> = (0..300).map(|i| i % 128 * 2 + u16::from(i % 3 == 0 && i % 128 < 40)).collect();
        assert_eq!(through_all(&tile(8, vec![gaps.clone()])), None);
        let some: Vec<u16> = gaps.iter().map(|v| if v % 8 < 3 { v - v % 8 } else { *v }).collect();
        let (maps, ranks) = through_all(&tile(8, vec![some.clone()])).unwrap();
        assert!(!maps.steps() && ranks.planes[0].iter().max() < some.iter().max());
        assert_eq!(through_all(&tile(8, vec![(0..=255).collect()])), None);
        // Two colours are for contexts.
        assert_eq!(through_all(&tile(8, vec![vec![0, 255, 0, 255]])), None);
        for constant in [0, 1, 9, 65535] {
            through_all(&tile(16, vec![vec![constant; 4]]));
        }
        through_all(&tile(16, vec![vec![0, 65535, 3, 5, 7, 65533, 65534]]));
    }

    #[test]
    fn bytes_that_are_no_map_are_refused() {
        let read = |bytes: &[u8]| Maps::read(bytes, 1, 8);
        assert!(read(&[0, 1, 0, 3, 0]).is_some());
        for bad in [
            &[][..],
            &[3],
            &[4, 0],
            &[0, 0, 1, 3, 0],
            &[0, 1, 0, 0, 0],
            &[1, 0, 0, 5, 0],
            &[0, 1, 0, 3],
            &[0, 1, 0, 3, 0, 0],
            &[2, 0, 0, 0, 128, 2],
            &[2, 1, 0, 0, 0, 0, 0],
            &[2, 0, 0, 0x80, 0, 0],
            &[2, 255, 255, 0],
            &[2, 0, 0, 255, 255, 255],
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        // Any rank has a value.
        let maps = Maps::read(&[2, 0, 0, 7, 2], 1, 8).unwrap();
        assert_eq!(maps.values(&tile(8, vec![vec![0, 2, 3, 255]])).planes[0], [7, 9, 9, 9]);
    }
}
