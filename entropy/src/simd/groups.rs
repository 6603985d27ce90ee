//! Mixtures in lanes: their parameters, the mass below an edge, and the search for a quantile.
#![allow(
    clippy::needless_range_loop,
    reason = "arrays of vectors, indexed in step: iterators hide which belong together"
)]

use super::Simd;
use crate::interval::Interval;
use crate::mixture::{MIXTURE_TOTAL, MixtureParams};

/// Sum of `weight * 32767`: the distance from the middle of the mass to either end, in 1/256 of a code.
pub(super) const HALF: i32 = 256 * 32767;

/// Unchecked access to the planes of [`MixtureParams`].
#[derive(Clone, Copy)]
pub(super) struct Planes {
    weight: *const u8,
    mean: *const i16,
    scale: *const u8,
    n: usize,
}

impl Planes {
    pub(super) fn new(params: &MixtureParams<'_>, n: usize) -> Self {
        let (weight, mean, scale) = (params.weight.as_ptr(), params.mean.as_ptr(), params.scale.as_ptr());
        Self { weight, mean, scale, n }
    }
}

/// `WIDTH` mixtures of `K` components.
pub(super) struct Group<V: Simd, const K: usize> {
    pub(super) weight: [V::I; K],
    mean: [V::F; K],
    inverse: [V::F; K],
}

impl<V: Simd, const K: usize> Clone for Group<V, K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<V: Simd, const K: usize> Copy for Group<V, K> {}

/// Mixtures `i..i + WIDTH`, and their scales.
///
/// # Safety
///
/// Needs the instructions of `V`, and `planes` of `K` components with `i + WIDTH <= planes.n`.
#[inline(always)]
pub(super) unsafe fn load_group<V: Simd, const K: usize>(
    planes: Planes,
    i: usize,
) -> (Group<V, K>, [V::I; K]) {
    // SAFETY: the caller promises the instructions, and component k of mixture i is at k * n + i.
    unsafe {
        let zero = V::splat(0);
        let mut group = Group { weight: [zero; K], mean: [V::to_f(zero); K], inverse: [V::to_f(zero); K] };
        let mut scale = [zero; K];
        let mut left = V::splat(256);
        for k in 0..K {
            let at = k * planes.n + i;
            let weight = if k + 1 < K { V::min(left, V::load_u8(planes.weight.add(at))) } else { left };
            left = V::sub(left, weight);
            group.weight[k] = weight;
            group.mean[k] = V::to_f(V::load_i16(planes.mean.add(at)));
            scale[k] = V::load_u8(planes.scale.add(at));
            group.inverse[k] = V::inverse_scale(scale[k]);
        }
        (group, scale)
    }
}

/// `256 * (below(edge) - 32767)` for two groups and an edge each, before the fraction is cut off. The weights must be
/// packed, the second group as such.
///
/// # Safety
///
/// Needs the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn weighted_masses<V: Simd, const K: usize>(
    groups: [&Group<V, K>; 2],
    edge: [V::F; 2],
) -> [V::I; 2] {
    // SAFETY: the caller promises the instructions.
    unsafe {
        let mut t = [[edge[0]; K]; 2];
        for g in 0..2 {
            for k in 0..K {
                // The difference of two integers below 2^24 is exact: the same distance as the scalar integer one.
                t[g][k] = V::mul_f(V::sub_f(edge[g], groups[g].mean[k]), groups[g].inverse[k]);
            }
        }
        V::weighted_masses(t, [&groups[0].weight, &groups[1].weight])
    }
}

/// What a search finds: symbols, their left ends, their probabilities; and which are escapes.
pub(super) struct Found<V: Simd, const B: usize> {
    pub(super) symbol: [V::I; B],
    pub(super) left: [V::I; B],
    pub(super) probability: [V::I; B],
    pub(super) escapes: u64,
}

/// Twin of `Mixture::quantile` for `B * WIDTH` mixtures from `i` on, by bisection of equal length in all lanes.
///
/// # Safety
///
/// Needs the instructions of `V`, and `planes` of `K` components with `i + B * WIDTH <= planes.n`.
#[inline(always)]
pub(super) unsafe fn search<V: Simd, const K: usize, const B: usize>(
    planes: Planes,
    i: usize,
    quantile: [V::I; B],
) -> Found<V, B> {
    // SAFETY: the caller promises the instructions and the lengths.
    unsafe {
        let mut groups = [load_group::<V, K>(planes, i).0; B];
        let mut edge = [V::splat_f(0.0); B];
        let mut target = [V::splat(0); B];
        let mut span = V::splat(0);
        let mut escape = V::splat(0);
        for b in 0..B {
            let (group, scale) = load_group::<V, K>(planes, i + b * V::WIDTH);
            let radius = V::radius(scale[0]);
            let (mut low, mut high) = (V::sub_f(group.mean[0], radius), V::add_f(group.mean[0], radius));
            for k in 1..K {
                let radius = V::radius(scale[k]);
                low = V::min_f(low, V::sub_f(group.mean[k], radius));
                high = V::max_f(high, V::add_f(group.mean[k], radius));
            }
            // As in the scalar twin, and one 1/64 symbol wider for whichever way `to_i` rounds.
            let low = V::shr::<6>(V::add(V::to_i(low), V::splat(31)));
            let high = V::shr::<6>(V::add(V::to_i(high), V::splat(96)));
            span = V::or(span, V::sub(V::sub(high, low), V::splat(1)));
            edge[b] = V::to_f(V::sub(V::shl::<6>(low), V::splat(32)));
            // below(edge) <= quantile if and only if the weighted mass is less than this.
            target[b] = V::add(V::shl::<8>(quantile[b]), V::splat(256 - HALF));
            escape = V::max(escape, quantile[b]);
            groups[b] = Group { weight: V::pack_weights(group.weight, b % 2 == 1), ..group };
        }
        let mut left = [V::splat(-HALF); B];
        let mut right = [V::splat(HALF); B];
        // Every span is at most 2^steps: all lanes together need as many halvings as the widest.
        let steps = 32 - V::or_lanes(span).leading_zeros();
        let mut step = V::splat_f((64_u64 << steps) as f32);
        let half = V::splat_f(0.5);
        for _ in 0..steps {
            step = V::mul_f(step, half);
            for b in (0..B).step_by(2) {
                // A single group is its own partner; what the partner finds is dropped.
                let c = if b + 1 < B { b + 1 } else { b };
                let middle = [V::add_f(edge[b], step), V::add_f(edge[c], step)];
                let mass = weighted_masses([&groups[b], &groups[c]], middle);
                for (at, mass, middle) in [(c, mass[1], middle[1]), (b, mass[0], middle[0])] {
                    if at == b || B > 1 {
                        let below = V::less(mass, target[at]);
                        edge[at] = V::select_f(below, middle, edge[at]);
                        left[at] = V::select(below, mass, left[at]);
                        right[at] = V::select(below, right[at], mass);
                    }
                }
            }
        }
        let mut symbol = left;
        let mut probability = left;
        for b in 0..B {
            symbol[b] = V::shr::<6>(V::add(V::to_i(edge[b]), V::splat(32)));
            left[b] = V::shr::<8>(V::add(left[b], V::splat(HALF)));
            probability[b] = V::sub(V::shr::<8>(V::add(right[b], V::splat(HALF))), left[b]);
        }
        let mut escapes = 0;
        let last = V::splat(MIXTURE_TOTAL as i32 - 1);
        if V::bits(V::less(last, escape)) != 0 {
            for b in 0..B {
                let escape = V::less(last, quantile[b]);
                left[b] = V::select(escape, V::splat(MIXTURE_TOTAL as i32), left[b]);
                probability[b] =
                    V::select(escape, V::splat((Interval::ESCAPE.0 >> 16) as i32), probability[b]);
                escapes |= V::bits(escape) << (b * V::WIDTH);
            }
        }
        Found { symbol, left, probability, escapes }
    }
}
