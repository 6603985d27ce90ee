//! Pixels that are none of the candidates: their samples, as differences from a prediction.

use super::bits::Bits;
use super::mixer::{CONTEXTS, Mixer, Question};
use super::predict::{Blend, GUESSES, Linear, PREDICTORS, Samples, TAPS};
use super::settings::{Settings, Shape};
use super::slots::{Lines, finish, hash, mix};
use super::window::Around;

/// Nodes of a line: whether the difference is zero, whether it is negative, and from `CLASSES` on the first four
/// classes of its size, for positive ones, then for negative ones.
const ZERO: usize = 0;
const NEGATIVE: usize = 1;
const CLASSES: usize = 2;
const SMALL: u32 = 4;

/// Levels of activity.
const LEVELS: usize = 24;

/// Codes samples.
#[derive(Clone, Debug)]
pub(super) struct Literals {
    /// Largest sample.
    top: i32,
    channels: usize,
    /// The channel that predicts the ones after it: 1 if the first is alpha.
    lead: usize,
    blended: bool,
    lines: Lines,
    mixer: Mixer,
    /// For larger differences.
    large: Mixer,
    blend: Blend,
    linear: Vec<Linear>,
    /// The last difference of each channel in each column; one column more on each side.
    differences: Vec<i16>,
    stride: usize,
}

/// What is known of a sample before it is coded.
struct Prediction {
    /// From which the difference is taken.
    centre: i32,
    /// The predictions that are blended, and their blend, in 1/8.
    all: [i32; PREDICTORS],
    blend: i32,
    /// The other centre, less the centre, in 1/8.
    offset: i32,
    /// Inputs of the linear predictor, and what it made of them, in 1/8 above the base.
    inputs: [i32; TAPS],
    linear: i32,
    base: i32,
}

/// The samples of a pixel so far.
#[derive(Default)]
struct Progress {
    pixel: u64,
    values: [i32; 4],
    /// Less their centres.
    differences: [i32; 4],
    around: [Samples; 4],
}

impl Literals {
    pub(super) fn new(shape: &Shape, settings: Settings) -> Self {
        let (channels, stride) = (shape.planes, shape.width + 2);
        Self {
            top: (1 << shape.bits) - 1,
            channels,
            lead: usize::from(channels % 2 == 0),
            blended: settings.blended,
            lines: Lines::new(settings.tables),
            mixer: Mixer::new(4 * 10, LEVELS * 10, [4, 5, 6]),
            large: Mixer::new(4 * 48, 1, [1, 2, 3]),
            blend: Blend::new(shape.width, channels),
            linear: vec![Linear::new(); channels],
            differences: vec![0; stride * channels],
            stride,
        }
    }

    /// Codes all samples of a pixel; `target` is it if it is known.
    pub(super) fn pixel<B: Bits>(
        &mut self,
        bits: &mut B,
        around: &Around,
        column: usize,
        target: u64,
    ) -> u64 {
        let mut so_far = Progress::default();
        for c in 0..self.channels {
            so_far.around[c] = Samples::of(around, c);
            let prediction = self.predict(&so_far, column, c);
            let wanted = (target >> (16 * c) & 0xffff) as i32 - prediction.centre;
            let difference = self.difference(bits, around, &so_far, &prediction, column, c, wanted);
            let value = prediction.centre + difference;
            self.differences[c * self.stride + column + 1] = difference.clamp(-32767, 32767) as i16;
            self.blend.learn(c, column, &prediction.all, 8 * value);
            self.linear[c].learn(&prediction.inputs, 8 * (value - prediction.base) - prediction.linear);
            so_far.values[c] = value;
            so_far.differences[c] = difference;
            so_far.pixel |= (value as u64) << (16 * c);
        }
        so_far.pixel
    }

    fn predict(&self, so_far: &Progress, column: usize, c: usize) -> Prediction {
        let s = &so_far.around[c];
        let base = s.median();
        let mut inputs = [0; TAPS];
        for (input, sample) in inputs.iter_mut().zip([s.w, s.n, s.nw, s.ne, s.ww, s.nn, s.nne, s.nww]) {
            *input = sample - base;
        }
        let (guesses, mut all, mut simple) = (s.guesses(), [0; PREDICTORS], base);
        if c > self.lead {
            let mut later = inputs[8..].iter_mut();
            for p in (self.lead..c).rev() {
                let (value, t) = (so_far.values[p], &so_far.around[p]);
                later
                    .by_ref()
                    .zip([t.w, t.n, t.nw, t.ne])
                    .for_each(|(input, sample)| *input = value - sample);
            }
            let (value, lead) = (so_far.values[self.lead], &so_far.around[self.lead]);
            for ((to, guess), other) in all.iter_mut().zip(guesses).zip(lead.guesses()) {
                *to = 8 * (guess + value - other).clamp(0, self.top);
            }
            all[GUESSES - 1] = 8 * base;
            simple = (value + s.less(lead).median()).clamp(0, self.top);
        } else {
            all.iter_mut().zip(guesses).for_each(|(to, guess)| *to = 8 * guess.clamp(0, self.top));
        }
        let linear = self.linear[c].predict(&inputs);
        all[GUESSES] = (8 * base + linear).clamp(0, 8 * self.top);
        let blend = self.blend.blend(c, column, &all);
        let centre = if self.blended { (blend + 4) >> 3 } else { simple };
        let offset = (if self.blended { 8 * simple } else { blend }) - 8 * centre;
        Prediction { centre, all, blend, offset, inputs, linear, base }
    }

    #[allow(clippy::too_many_arguments)]
    fn difference<B: Bits>(
        &mut self,
        bits: &mut B,
        around: &Around,
        so_far: &Progress,
        prediction: &Prediction,
        column: usize,
        c: usize,
        wanted: i32,
    ) -> i32 {
        let near = &self.differences[c * self.stride + column..][..3];
        let [w, n, ne] = [near[0], near[1], near[2]].map(i32::from);
        let activity = level((2 * w.unsigned_abs() + 2 * n.unsigned_abs() + ne.unsigned_abs()) / 2);
        let before = if c > 0 { so_far.differences[c - 1] } else { 0 };
        let earlier = if c > 1 { so_far.differences[c - 2] } else { 0 };
        let (s, pixel) = (&so_far.around[c], so_far.pixel);
        let Prediction { centre, blend, offset, ref all, .. } = *prediction;
        let context = |k: u64| 16 + 4 * k + c as u64;
        let number = |x: i32| x as u64;
        let part = (blend - 8 * centre + 4).rem_euclid(8);
        let places = self.lines.find(&[
            hash(context(0), [u64::from(activity)]),
            hash(context(1), [signed_level(w), signed_level(n), signed_level(before)]),
            hash(
                context(2),
                [number((all[GUESSES] - 8 * centre).clamp(-24, 24)), number(part), u64::from(activity / 3)],
            ),
            hash(
                context(3),
                [number(before.clamp(-20, 20)), number(earlier.clamp(-20, 20)), u64::from(activity / 4)],
            ),
            hash(context(4), [number(centre), pixel]),
            hash(context(5), [number(s.w), number(s.n), pixel, number(centre)]),
            hash(context(6), [around.w, around.n, pixel, number(centre)]),
            hash(context(7), [signed_level(offset), signed_level(s.w - s.n), signed_level(s.n - s.ne)]),
        ]);
        let mut small = |this: &mut Self, node: usize, decision: bool| {
            let (first, second) = (10 * c + node, 10 * activity as usize + node);
            let question = Question { places: &places, nodes: [node; CONTEXTS], first, second };
            this.mixer.decide(bits, &mut this.lines, &question, decision)
        };
        if small(self, ZERO, wanted == 0) {
            return 0;
        }
        let (below, above) = (centre as u32, (self.top - centre) as u32);
        let negative = above == 0 || below != 0 && small(self, NEGATIVE, wanted < 0);
        let limit = if negative { below } else { above };
        let (last, wanted) = (class_of(limit), wanted.unsigned_abs());
        let mut class = 0;
        while class < last.min(SMALL) {
            let node = CLASSES + 4 * usize::from(negative) + class as usize;
            if !small(self, node, class_of(wanted) > class) {
                break;
            }
            class += 1;
        }
        if class < 2 {
            return if negative { -1 - class as i32 } else { 1 + class as i32 };
        }
        let contexts = [
            hash(context(8), []),
            hash(context(9), [number(centre)]),
            hash(context(10), [number(centre), pixel]),
            hash(context(11), [around.w, around.n, pixel]),
            hash(context(12), [around.w, pixel]),
            hash(context(13), [around.n, pixel]),
            hash(context(14), [number(before), number(earlier)]),
            hash(context(15), [u64::from(activity), signed_level(before)]),
        ];
        let size = self.size(bits, &contexts, c, negative, class, limit, wanted);
        if negative { -(size as i32) } else { size as i32 }
    }

    /// The size of a difference in `class` or, if that is 4, in any from there on: at most `limit`.
    #[allow(clippy::too_many_arguments)]
    fn size<B: Bits>(
        &mut self,
        bits: &mut B,
        contexts: &[u64; CONTEXTS],
        c: usize,
        negative: bool,
        mut class: u32,
        limit: u32,
        wanted: u32,
    ) -> u32 {
        let side = u64::from(negative);
        let mut places = [0; CONTEXTS];
        let mut decide =
            |this: &mut Self, places: &[usize; CONTEXTS], node: u32, set: u32, decision: bool| {
                let (nodes, first) = ([node as usize; CONTEXTS], 48 * c + set as usize);
                let question = Question { places, nodes, first, second: 0 };
                this.large.decide(bits, &mut this.lines, &question, decision)
            };
        let find = |this: &mut Self, key: u64| this.lines.find(&contexts.map(|hash| finish(mix(hash, key))));
        if class == SMALL && class < class_of(limit) {
            places = find(self, side);
            while class < class_of(limit)
                && decide(self, &places, (class - SMALL).min(9), class, class_of(wanted) > class)
            {
                class += 1;
            }
        }
        // Class k holds 2^(k-1) + 1 ..= 2^k. The upper bits of the place in it first; lines hold three of them.
        let width = class - 1;
        let (first, mut place) = ((1 << width) + 1, 0);
        for done in 0..width {
            if done % 3 == 0 {
                let prefix = u64::from(1_u32 << done | place);
                places = find(self, prefix << 6 | u64::from(class) << 1 | side);
            }
            let start = 1 << (done % 3);
            let bit = wanted.wrapping_sub(first) >> (width - 1 - done) & 1 == 1;
            let set = 16 + 4 * width.min(7) + done.min(3);
            place = place << 1 | u32::from(decide(self, &places, start | place & (start - 1), set, bit));
        }
        (first + place).min(limit)
    }
}

/// 0 for 1, 1 for 2, 2 for 3 and 4, 3 for 5 to 8, and so on.
#[inline]
fn class_of(size: u32) -> u32 {
    if size <= 1 { 0 } else { 1 + (size - 1).ilog2() }
}

/// 0 to 3 as they are, then two levels for each doubling.
#[inline]
fn level(x: u32) -> u32 {
    if x < 4 {
        return x;
    }
    let log2 = x.ilog2();
    (2 * log2 + (x >> (log2 - 1) & 1)).min(LEVELS as u32 - 1)
}

#[inline]
fn signed_level(x: i32) -> u64 {
    u64::from(level(x.unsigned_abs())) + if x < 0 { 32 } else { 0 }
}
