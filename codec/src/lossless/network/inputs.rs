//! What the networks see: the neighbours of each sample, made comparable.
//!
//! A tap is a place beside the sample: rows down, columns to the right. Samples on one wave front (column + 2 · row) do
//! not see each other, so a front is predicted at once.

use super::scale::TABLES;
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

/// What lies at the taps of a run of samples: element `i` of each slice belongs to sample `i`.
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
    sums: Vec<i32>,
    classes: Vec<i32>,
    own: Factors,
    around: Factors,
    far: Vec<i32>,
    level: Vec<i32>,
    first_level: Vec<i32>,
    ratio: Vec<i32>,
    normals: [Vec<i32>; 3],
}

/// What tables say of the classes of samples.
#[derive(Default)]
struct Factors {
    factor: Vec<i32>,
    shift: Vec<i32>,
    unit: Vec<i32>,
    log: Vec<i32>,
}

impl Factors {
    /// Of whole blocks of classes.
    fn set(&mut self, classes: &[i32]) {
        for (out, table) in [
            (&mut self.factor, &TABLES.factor),
            (&mut self.shift, &TABLES.shift),
            (&mut self.unit, &TABLES.unit),
            (&mut self.log, &TABLES.log),
        ] {
            out.resize(classes.len(), 0);
            causal::look_up(classes, table, out);
        }
    }

    fn scale(&self) -> Scale<'_> {
        Scale { factor: &self.factor, shift: &self.shift }
    }
}

/// The classes of the sums of differences of the first `n` samples; behind them `classes` is as it was.
fn classify(pairs: &Pairs, taps: &[&[i32]], sums: &mut Vec<i32>, classes: &mut [i32], n: usize) {
    sums.clear();
    sums.resize(n, 0);
    for &(a, b) in pairs {
        causal::add_differences(taps[a], taps[b], sums);
    }
    causal::classes(sums, classes);
}

impl Inputs {
    /// The inputs of `n` samples of a plane, in whole planes of `groups`: as many as [`Plane::inputs`] / 4, and `room`
    /// more for what the network puts there.
    pub fn set(&mut self, plane: Plane, taps: &Neighbours<'_>, n: usize, depth: Depth, room: usize) {
        let (own, first) = (&taps.own, &taps.first);
        self.stride = n.next_multiple_of(BLOCK);
        self.groups.resize((plane.inputs() / GROUP + room) * self.stride, 0);
        self.base.resize(self.stride, 0);
        causal::middles(own[0], own[1], &mut self.base[..n]);
        self.classes.resize(self.stride, 0);
        classify(&NEAR, own, &mut self.sums, &mut self.classes, n);
        self.own.set(&self.classes);
        let stride = self.stride;
        let mut groups = self.groups.chunks_exact_mut(stride).map(|group| &mut group[..n]);
        let mut next = || groups.next().unwrap_or_default();
        let (base, scale) = (&self.base[..], self.own.scale());
        for group in own.as_chunks::<GROUP>().0 {
            causal::neighbours(*group, [base; 4], scale, next());
        }
        // How the scale compares with that of other places.
        let ratio = |log: &mut Vec<i32>, classes: &[i32]| {
            log.resize(n, 0);
            causal::look_up(classes, &TABLES.log, log);
            log.iter_mut().zip(&self.own.log).for_each(|(far, near)| *far -= near);
        };
        classify(&FAR, own, &mut self.sums, &mut self.classes, n);
        ratio(&mut self.far, &self.classes);
        let coarse = depth.bits.saturating_sub(7);
        let level = |out: &mut Vec<i32>, values: &[i32], middle: i32| {
            out.clear();
            out.extend(values.iter().map(|v| (v - middle) >> coarse));
        };
        level(&mut self.level, &base[..n], depth.middle);
        let log: Vec<i32> = self.own.log.iter().map(|log| log - LOG_ZERO).collect();
        if plane == Plane::First {
            classify(&RIM, own, &mut self.sums, &mut self.classes, n);
            ratio(&mut self.ratio, &self.classes);
            causal::values([&log, &self.far, &self.level, &self.ratio], next());
            return;
        }
        let here = &first[0][..n];
        causal::neighbours([own[12], own[13], own[14], first[5]], [base, base, base, here], scale, next());
        causal::neighbours([first[1], first[2], first[3], first[4]], [here; 4], scale, next());
        classify(&AROUND_NEAR, first, &mut self.sums, &mut self.classes, n);
        self.around.set(&self.classes);
        let around = self.around.scale();
        for group in first[1..9].as_chunks::<GROUP>().0 {
            causal::neighbours(*group, [here; 4], around, next());
        }
        for (normals, tap) in self.normals.iter_mut().zip(&first[9..]) {
            normals.resize(n, 0);
            causal::normals(tap, here, around, normals);
        }
        level(&mut self.first_level, here, 1 << (depth.bits - 1));
        let [a, b, c] = &self.normals;
        causal::values([a, b, c, &self.first_level], next());
        self.ratio.clear();
        self.ratio.extend(self.around.log.iter().zip(&self.own.log).map(|(around, own)| around - own));
        causal::values([&log, &self.far, &self.level, &self.ratio], next());
        if plane == Plane::Third {
            let second = &taps.second;
            for group in second[1..9].as_chunks::<GROUP>().0 {
                causal::neighbours(*group, [&second[0][..n]; 4], scale, next());
            }
        }
    }

    /// What the outputs for these samples are relative to.
    pub fn relative(&self) -> Relative<'_> {
        let Factors { unit, shift, log, .. } = &self.own;
        Relative { base: &self.base, unit, shift, log }
    }
}
