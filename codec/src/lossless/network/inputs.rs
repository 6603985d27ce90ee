//! What the networks see: the neighbours of each sample, made comparable.
//!
//! A tap is a place beside the sample: rows down, columns to the right. Samples on one wave front (column + 2 · row) do
//! not see each other, so a front is predicted at once.

use wavern_kernel::causal::{self, Relative, Scale};
use wavern_kernel::planar::{BLOCK, GROUP};

/// Rows down, columns to the right.
pub type Tap = (i32, i32);

/// Known neighbours in the plane itself, the nearest first. Planes of differences see the first 15.
pub const OWN: [Tap; 24] = [
    (0, -1),
    (-1, 0),
    (-1, -1),
    (-1, 1),
    (0, -2),
    (-2, 0),
    (-2, 1),
    (-1, -2),
    (-2, -1),
    (0, -3),
    (-2, 2),
    (-2, -2),
    (-3, 0),
    (-2, 3),
    (-3, 1),
    (0, -4),
    (-1, -3),
    (-2, -3),
    (-3, -1),
    (-3, -2),
    (-3, 2),
    (-4, 0),
    (-4, -1),
    (-4, 1),
];
const OWN_DIFFERENCE: usize = 15;

/// Places around the sample in a plane that is coded before, all known; the first is the sample's own.
pub const AROUND: [Tap; 12] =
    [(0, 0), (0, -1), (-1, 0), (-1, -1), (-1, 1), (0, 1), (1, 0), (1, -1), (1, 1), (0, -2), (-2, 0), (0, 2)];

/// Eight pairs of taps, whose differences are added up.
type Pairs = [(usize, usize); 8];
/// Of [`OWN`]: what the scale of a sample is made of.
const NEAR: Pairs = [(0, 4), (0, 2), (1, 2), (1, 5), (1, 3), (3, 6), (2, 8), (4, 7)];
/// Of [`OWN`], a little farther away.
const FAR: Pairs = [(4, 9), (7, 11), (2, 7), (5, 12), (6, 14), (10, 6), (10, 13), (5, 8)];
/// Of [`OWN`], at the rim.
const RIM: Pairs = [(9, 15), (7, 16), (11, 17), (18, 19), (12, 18), (14, 20), (21, 22), (21, 23)];
/// Of [`AROUND`].
const AROUND_NEAR: Pairs = [(0, 1), (0, 2), (0, 5), (0, 6), (1, 3), (2, 3), (2, 4), (5, 4)];

/// 16 log₂ S of the scale that is 0 as an input.
const LOG_ZERO: i32 = 51 + 24;

/// Which plane of a pixel is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// Luma, or the only one.
    First,
    /// A difference of colours. Sees luma.
    Second,
    /// The other one. Sees both.
    Third,
}

impl Plane {
    /// In the order in which they are coded.
    pub const ALL: [Self; 3] = [Self::First, Self::Second, Self::Third];

    /// Known neighbours in the plane itself.
    pub fn own(self) -> &'static [Tap] {
        match self {
            Self::First => &OWN,
            Self::Second | Self::Third => &OWN[..OWN_DIFFERENCE],
        }
    }

    /// Inputs of the network.
    pub const fn inputs(self) -> usize {
        match self {
            Self::First => 28,
            Self::Second => 36,
            Self::Third => 44,
        }
    }
}

/// What lies at the taps of a run of samples, whole blocks of them: element `i` of each slice belongs to sample `i`.
pub struct Neighbours<'a> {
    /// [`Plane::own`].
    pub own: Vec<&'a [i32]>,
    /// [`AROUND`] in the first plane; nothing for that plane itself.
    pub first: Vec<&'a [i32]>,
    /// [`AROUND`] in the second plane; only for the third.
    pub second: Vec<&'a [i32]>,
}

/// Depth of a plane.
#[derive(Clone, Copy, Debug)]
pub struct Depth {
    /// Of the samples of the picture.
    pub bits: u32,
    /// Between the smallest and the largest value of the plane.
    pub middle: i32,
}

impl Depth {
    /// Of a plane of a picture with samples of `bits` bits.
    pub fn new(plane: Plane, bits: u32) -> Self {
        Self { bits, middle: if plane == Plane::First { 1 << (bits - 1) } else { 0 } }
    }
}

/// Inputs of a run of samples, and what the outputs are relative to.
#[derive(Default)]
pub struct Inputs {
    /// Elements of a plane of `groups`: the samples in whole blocks.
    pub stride: usize,
    /// `[groups, stride]`.
    pub groups: Vec<u32>,
    base: Vec<i32>,
    own: Measure,
    around: Measure,
    sums: Vec<i32>,
    unit: Vec<i32>,
    far: Vec<i32>,
    rim: Vec<i32>,
    level: Vec<i32>,
    first_level: Vec<i32>,
    normals: [Vec<i32>; 3],
}

/// What differences are measured by.
#[derive(Default)]
struct Measure {
    log: Vec<i32>,
    factor: Vec<i32>,
    shift: Vec<i32>,
    wide: bool,
}

impl Measure {
    /// From the sums of samples.
    fn set(&mut self, sums: &[i32], depth: Depth) {
        for values in [&mut self.log, &mut self.factor, &mut self.shift] {
            values.resize(sums.len(), 0);
        }
        causal::scales(sums, &mut self.log, &mut self.factor, &mut self.shift);
        self.wide = depth.bits > 8 || self.shift.iter().fold(0, |all, shift| all | shift) != 0;
    }

    fn scale(&self) -> Scale<'_> {
        Scale { factor: &self.factor, shift: &self.shift, wide: self.wide }
    }
}

impl Inputs {
    /// The inputs of samples of a plane, whole blocks of them, in whole planes of `groups`: as many as
    /// [`Plane::inputs`] / 4, and `room` more for what the network puts there.
    pub fn set(&mut self, plane: Plane, taps: &Neighbours<'_>, depth: Depth, room: usize) {
        let (own, first) = (&taps.own, &taps.first);
        // Known to be whole blocks, loops need nothing for a rest.
        let n = own[0].len() / BLOCK * BLOCK;
        self.stride = n;
        self.groups.resize((plane.inputs() / GROUP + room) * n, 0);
        self.resize(n);
        causal::middles(own[0], own[1], &mut self.base);
        let mut groups = self.groups.chunks_exact_mut(n);
        let mut next = || groups.next().unwrap_or_default();

        sums(&NEAR, own, &mut self.sums);
        self.own.set(&self.sums, depth);
        causal::units(&self.sums, &self.own.shift, &mut self.unit);
        let (base, scale) = (&self.base[..], self.own.scale());
        for group in own.as_chunks::<GROUP>().0 {
            causal::neighbours(*group, [base; 4], scale, next());
        }
        // How the scale compares with that of other places.
        sums(&FAR, own, &mut self.sums);
        causal::ratios(&self.sums, &self.own.log, &mut self.far);
        let coarse = depth.bits.saturating_sub(7);
        causal::levels(&self.base, depth.middle, coarse, &mut self.level);
        if plane == Plane::First {
            sums(&RIM, own, &mut self.sums);
            causal::ratios(&self.sums, &self.own.log, &mut self.rim);
        } else {
            let here = first[0];
            causal::neighbours(
                [own[12], own[13], own[14], first[5]],
                [base, base, base, here],
                scale,
                next(),
            );
            causal::neighbours([first[1], first[2], first[3], first[4]], [here; 4], scale, next());
            sums(&AROUND_NEAR, first, &mut self.sums);
            self.around.set(&self.sums, depth);
            causal::ratios(&self.sums, &self.own.log, &mut self.rim);
            let around = self.around.scale();
            for group in first[1..9].as_chunks::<GROUP>().0 {
                causal::neighbours(*group, [here; 4], around, next());
            }
            for (normals, tap) in self.normals.iter_mut().zip(&first[9..]) {
                causal::normals(tap, here, around, normals);
            }
            causal::levels(here, 1 << (depth.bits - 1), coarse, &mut self.first_level);
            let [a, b, c] = &self.normals;
            causal::values([a, b, c, &self.first_level], 0, next());
        }
        causal::values([&self.own.log, &self.far, &self.level, &self.rim], LOG_ZERO, next());
        if plane == Plane::Third {
            let second = &taps.second;
            for group in second[1..9].as_chunks::<GROUP>().0 {
                causal::neighbours(*group, [second[0]; 4], scale, next());
            }
        }
    }

    fn resize(&mut self, n: usize) {
        let Self { base, sums, unit, far, rim, level, first_level, normals, .. } = self;
        for values in [base, sums, unit, far, rim, level, first_level].into_iter().chain(normals) {
            values.resize(n, 0);
        }
    }

    /// What the outputs for these samples are relative to.
    pub fn relative(&self) -> Relative<'_> {
        let Measure { shift, log, .. } = &self.own;
        Relative { base: &self.base, unit: &self.unit, shift, log }
    }
}

/// Sums of the absolute differences of pairs of taps.
fn sums(pairs: &Pairs, taps: &[&[i32]], out: &mut [i32]) {
    causal::sums(&pairs.map(|(a, b)| [taps[a], taps[b]]), out);
}
