//! The kernels, generic over the instruction set. Each has its twin in `scalar.rs`.

use alloc::vec::Vec;

use super::Simd;
use crate::bit_counter::{BitCounter, mixture_cost};
use crate::encoder::Escape;
use crate::error::Error;
use crate::escape;
use crate::interval::Interval;
use crate::mixture::{MIXTURE_TOTAL, MixtureParams};
use crate::rans::{Lanes, MAX_LANES, WordsBackwards};
use crate::scalar;

/// Groups that the decoder searches at once, so that the latency of one hides behind the others.
const BLOCK: usize = 4;

/// Sum of `weight * 32767`: the distance from the middle of the mass to either end, in 1/256 of a code.
const HALF: i32 = 256 * 32767;

/// Unchecked access to the planes of [`MixtureParams`].
#[derive(Clone, Copy)]
struct Planes {
    weight: *const u8,
    mean: *const i16,
    scale: *const u8,
    n: usize,
}

impl Planes {
    fn new(params: &MixtureParams<'_>, n: usize) -> Self {
        let (weight, mean, scale) = (params.weight.as_ptr(), params.mean.as_ptr(), params.scale.as_ptr());
        Self { weight, mean, scale, n }
    }
}

/// `WIDTH` mixtures of `K` components.
struct Group<V: Simd, const K: usize> {
    weight: [V::I; K],
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
unsafe fn load_group<V: Simd, const K: usize>(planes: Planes, i: usize) -> (Group<V, K>, [V::I; K]) {
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
/// packed, those of the second group as such.
///
/// # Safety
///
/// Needs the instructions of `V`.
#[inline(always)]
unsafe fn weighted_masses<V: Simd, const K: usize>(groups: [&Group<V, K>; 2], edge: [V::F; 2]) -> [V::I; 2] {
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

/// Intervals of `WIDTH` symbols, and which of them escape.
///
/// # Safety
///
/// As [`load_group`]; `symbols` must point to `WIDTH` symbols.
#[inline(always)]
unsafe fn interval_group<V: Simd, const K: usize>(
    planes: Planes,
    i: usize,
    symbols: *const i32,
) -> (V::I, V::M, V::I) {
    // SAFETY: the caller promises the instructions and the lengths.
    unsafe {
        let (group, _) = load_group::<V, K>(planes, i);
        let limit = 1 << 15;
        let symbol = V::max(V::min(V::load(symbols), V::splat(limit)), V::splat(-limit));
        let center = V::to_f(V::shl::<6>(symbol));
        let edges = [V::sub_f(center, V::splat_f(32.0)), V::add_f(center, V::splat_f(32.0))];
        let (mut first, mut second) = (group, group);
        first.weight = V::pack_weights(group.weight, false);
        second.weight = V::pack_weights(group.weight, true);
        let [left, right] = weighted_masses([&first, &second], edges);
        let left = V::shr::<8>(V::add(left, V::splat(HALF)));
        let right = V::shr::<8>(V::add(right, V::splat(HALF)));
        let probability = V::sub(right, left);
        let escape = V::less(probability, V::splat(1));
        let interval = V::or(V::shl::<16>(probability), left);
        (V::select(escape, V::splat(Interval::ESCAPE.0 as i32), interval), escape, probability)
    }
}

/// Twin of [`scalar::mixture_intervals`].
///
/// # Safety
///
/// Needs the instructions of `V`, and `params` of `K` components checked against `symbols`.
#[inline(always)]
pub(super) unsafe fn mixture_intervals<V: Simd, const K: usize>(
    params: &MixtureParams<'_>,
    symbols: &[i32],
    intervals: &mut Vec<Interval>,
    escapes: &mut Vec<Escape>,
) {
    let planes = Planes::new(params, symbols.len());
    let full = symbols.len() / V::WIDTH * V::WIDTH;
    intervals.reserve(symbols.len());
    let old = intervals.len();
    let mut i = 0;
    while i < full {
        // SAFETY: i + WIDTH <= symbols.len(), so the symbols, their parameters and the reserved room are there;
        // Interval is a transparent u32.
        let escaped = unsafe {
            let (interval, escape, _) = interval_group::<V, K>(planes, i, symbols.as_ptr().add(i));
            V::store(intervals.as_mut_ptr().add(old + i).cast(), interval);
            V::bits(escape)
        };
        if escaped != 0 {
            note_escapes(escaped, old + i, &symbols[i..], escapes);
        }
        i += V::WIDTH;
    }
    // SAFETY: these intervals were written above, within the reserved room.
    unsafe { intervals.set_len(old + full) };
    scalar::mixture_intervals(full, params, symbols, intervals, escapes);
}

#[cold]
fn note_escapes(mut escaped: u64, first: usize, symbols: &[i32], escapes: &mut Vec<Escape>) {
    while escaped != 0 {
        let lane = escaped.trailing_zeros() as usize;
        escapes.push(Escape { index: first + lane, symbol: symbols[lane] });
        escaped &= escaped - 1;
    }
}

/// Costs of `WIDTH` symbols without the raw bits of escapes, and which escape.
///
/// # Safety
///
/// As [`interval_group`].
#[inline(always)]
unsafe fn cost_group<V: Simd, const K: usize>(planes: Planes, i: usize, symbols: *const i32) -> (V::I, u64) {
    // SAFETY: the caller promises the instructions and the lengths.
    unsafe {
        let (_, escape, probability) = interval_group::<V, K>(planes, i, symbols);
        let two = V::splat((Interval::ESCAPE.0 >> 16) as i32);
        let bits = V::to_bits(V::to_f(V::select(escape, two, probability)));
        let mantissa = V::and(V::shr::<8>(bits), V::splat(0x7fff));
        let log2 = V::log2_line(V::or(mantissa, V::splat(0x2000_0000)));
        let exponent = V::sub(V::splat(127 + 16), V::shr::<23>(bits));
        (V::sub(V::shl::<15>(exponent), log2), V::bits(escape))
    }
}

/// Twin of [`scalar::count`].
///
/// # Safety
///
/// As [`mixture_intervals`].
#[inline(always)]
pub(super) unsafe fn count<V: Simd, const K: usize>(params: &MixtureParams<'_>, symbols: &[i32]) -> u64 {
    /// A cost is at most 16 bits, 2^19 units: a lane of 32 bits holds the sum of 8192 of them.
    const RUN: usize = 4096;
    let planes = Planes::new(params, symbols.len());
    let full = symbols.len() / V::WIDTH * V::WIDTH;
    let (mut sum, mut i) = (0, 0);
    while i < full {
        let end = full.min(i + RUN * V::WIDTH);
        let mut lanes = [0_i32; 16];
        // SAFETY: i + WIDTH <= symbols.len(), so the symbols and their parameters are there; `lanes` has room for
        // the widest vector.
        unsafe {
            let mut costs = V::splat(0);
            while i < end {
                let (cost, escaped) = cost_group::<V, K>(planes, i, symbols.as_ptr().add(i));
                costs = V::add(costs, cost);
                if escaped != 0 {
                    sum += escape_costs(escaped, &symbols[i..], None);
                }
                i += V::WIDTH;
            }
            V::store(lanes.as_mut_ptr(), costs);
        }
        sum += lanes.iter().map(|&units| u64::from(units as u32)).sum::<u64>();
    }
    sum + scalar_costs(params, symbols, full).map(u64::from).sum::<u64>()
}

/// Twin of [`scalar::count_each`].
///
/// # Safety
///
/// As [`mixture_intervals`]; `bits` must be as long as `symbols`.
#[inline(always)]
pub(super) unsafe fn count_each<V: Simd, const K: usize>(
    params: &MixtureParams<'_>,
    symbols: &[i32],
    bits: &mut [u32],
) -> u64 {
    let planes = Planes::new(params, symbols.len());
    let full = symbols.len() / V::WIDTH * V::WIDTH;
    let mut i = 0;
    while i < full {
        // SAFETY: i + WIDTH <= symbols.len() = bits.len(), so symbols, parameters and room are there.
        let escaped = unsafe {
            let (cost, escaped) = cost_group::<V, K>(planes, i, symbols.as_ptr().add(i));
            V::store(bits.as_mut_ptr().add(i).cast(), cost);
            escaped
        };
        if escaped != 0 {
            escape_costs(escaped, &symbols[i..], Some(&mut bits[i..]));
        }
        i += V::WIDTH;
    }
    for (units, cost) in bits[full..].iter_mut().zip(scalar_costs(params, symbols, full)) {
        *units = cost;
    }
    bits.iter().map(|&units| u64::from(units)).sum()
}

/// Cost of the raw bits of the escaped symbols, also added to `bits` if given.
#[cold]
fn escape_costs(mut escaped: u64, symbols: &[i32], mut bits: Option<&mut [u32]>) -> u64 {
    let mut sum = 0;
    while escaped != 0 {
        let lane = escaped.trailing_zeros() as usize;
        let units = escape::bits(symbols[lane]) * BitCounter::UNIT;
        if let Some(bits) = &mut bits {
            bits[lane] += units;
        }
        sum += u64::from(units);
        escaped &= escaped - 1;
    }
    sum
}

/// Costs of the symbols that fill no vector.
fn scalar_costs(params: &MixtureParams<'_>, symbols: &[i32], from: usize) -> impl Iterator<Item = u32> {
    let n = symbols.len();
    (from..n).map(move |i| mixture_cost(params.mixture(i, n).interval(symbols[i]), symbols[i]))
}

/// Twin of [`scalar::push_rows`].
///
/// # Safety
///
/// Needs the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn push_rows<V: Simd>(
    states: &mut [u64; MAX_LANES],
    lanes: usize,
    intervals: &[Interval],
    words: &mut WordsBackwards,
) {
    if lanes < V::WIDTH {
        return scalar::push_rows(states, lanes, intervals, words);
    }
    let groups = lanes / V::WIDTH;
    let full = intervals.len() / lanes * lanes;
    scalar::push_rows(states, lanes, &intervals[full..], words);
    // SAFETY: there are `groups * WIDTH = lanes <= 64` states; every row has `lanes` intervals and room for as
    // many words, so that a group, which takes no more than WIDTH words, finds room for WIDTH.
    unsafe {
        let mut vectors = [V::load_states(states.as_ptr()); 16];
        for (g, vector) in vectors[..groups].iter_mut().enumerate() {
            *vector = V::load_states(states.as_ptr().add(g * V::WIDTH));
        }
        for row in intervals[..full].chunks_exact(lanes).rev() {
            let (buffer, start) = words.row_mut();
            let mut end = *start;
            for g in (0..groups).rev() {
                let interval = V::load(row.as_ptr().add(g * V::WIDTH).cast());
                let (state, count) = V::push(vectors[g], interval, buffer.as_mut_ptr().add(end));
                vectors[g] = state;
                end -= 2 * count;
            }
            *start = end;
        }
        for (g, &vector) in vectors[..groups].iter().enumerate() {
            V::store_states(states.as_mut_ptr().add(g * V::WIDTH), vector);
        }
    }
}

/// What a search finds: symbols, their left ends, their probabilities; and which are escapes.
struct Found<V: Simd, const B: usize> {
    symbol: [V::I; B],
    left: [V::I; B],
    probability: [V::I; B],
    escapes: u64,
}

/// Twin of `Mixture::quantile` for `B * WIDTH` mixtures from `i` on, by bisection of equal length in all lanes.
///
/// # Safety
///
/// Needs the instructions of `V`, and `planes` of `K` components with `i + B * WIDTH <= planes.n`.
#[inline(always)]
unsafe fn search<V: Simd, const K: usize, const B: usize>(
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
                probability[b] = V::select(escape, V::splat((Interval::ESCAPE.0 >> 16) as i32), probability[b]);
                escapes |= V::bits(escape) << (b * V::WIDTH);
            }
        }
        Found { symbol, left, probability, escapes }
    }
}

/// Decodes `B * WIDTH` symbols from `i` on; returns the words it used and the escapes.
///
/// # Safety
///
/// As [`search`]; `states` must have `B` elements, `words` must point to `B * WIDTH` words and `symbols` to room
/// for as many symbols.
#[inline(always)]
unsafe fn pop_block<V: Simd, const K: usize, const B: usize>(
    planes: Planes,
    i: usize,
    states: &mut [V::S],
    words: *const u8,
    symbols: *mut i32,
) -> (usize, u64) {
    // SAFETY: the caller promises the instructions and the lengths; a group reads WIDTH words behind the at most
    // WIDTH words of each group before it.
    unsafe {
        let mut quantile = [V::splat(0); B];
        for b in 0..B {
            quantile[b] = V::quantile(states[b]);
        }
        let found = search::<V, K, B>(planes, i, quantile);
        let mut used = 0;
        for b in 0..B {
            let rest = V::sub(quantile[b], found.left[b]);
            let state = V::pop(states[b], found.probability[b], rest);
            let (state, count) = V::refill(state, words.add(2 * used));
            states[b] = state;
            used += count;
            V::store(symbols.add(b * V::WIDTH), found.symbol[b]);
        }
        (used, found.escapes)
    }
}

/// Decodes a row of `groups * WIDTH` symbols from `i` on; returns the words it used and the escapes.
///
/// # Safety
///
/// As [`pop_block`], with `groups` in place of `B`.
#[inline(always)]
unsafe fn pop_row<V: Simd, const K: usize, const B: usize>(
    planes: Planes,
    i: usize,
    groups: usize,
    states: &mut [V::S],
    words: *const u8,
    symbols: *mut i32,
) -> (usize, u64) {
    let (mut used, mut escapes, mut g) = (0, 0, 0);
    while g < groups {
        let lane = g * V::WIDTH;
        // SAFETY: as the caller promises; each block uses at most as many words as it has lanes.
        let (count, escaped) = unsafe {
            let (words, symbols) = (words.add(2 * used), symbols.add(lane));
            if g + B <= groups {
                let block = pop_block::<V, K, B>(planes, i + lane, &mut states[g..g + B], words, symbols);
                g += B;
                block
            } else {
                let block = pop_block::<V, K, 1>(planes, i + lane, &mut states[g..g + 1], words, symbols);
                g += 1;
                block
            }
        };
        used += count;
        escapes |= escaped << lane;
    }
    (used, escapes)
}

/// Twin of [`scalar::pop_mixtures`].
///
/// # Safety
///
/// Needs the instructions of `V`, and `params` of `K` components checked against `n`, with
/// `first + symbols.len() <= n`.
#[inline(always)]
pub(crate) unsafe fn pop_mixtures<V: Simd, const K: usize>(
    params: &MixtureParams<'_>,
    lanes: &mut Lanes<'_>,
    first: usize,
    n: usize,
    symbols: &mut [i32],
) -> Result<(), Error> {
    let planes = Planes::new(params, n);
    // A single lane may run out of words before its end, which only the scalar twin allows for.
    if lanes.count < V::WIDTH {
        return scalar::pop_mixtures(params, lanes, first, n, symbols);
    }
    let lane_groups = lanes.count / V::WIDTH;
    let mut first = first;
    // SAFETY: `lane_groups * WIDTH = count <= 64`, so all loads and stores of states stay within them.
    let mut states = unsafe { load_all::<V>(&lanes.states, lane_groups) };
    for row in symbols.chunks_mut(lanes.count) {
        let groups = row.len() / V::WIDTH;
        let full = groups * V::WIDTH;
        let bytes = lanes.words.bytes;
        let mut last_words = [0; 2 * MAX_LANES];
        let words = if bytes.len() >= 2 * lanes.count {
            bytes.as_ptr()
        } else {
            last_words[..bytes.len()].copy_from_slice(bytes);
            last_words.as_ptr()
        };
        // SAFETY: `words` points to at least `count` words, `row` has `groups * WIDTH` symbols or more, and planes
        // has `first + row.len() <= n` mixtures.
        let (used, escapes) =
            unsafe { pop_row::<V, K, BLOCK>(planes, first, groups, &mut states, words, row.as_mut_ptr()) };
        lanes.words.bytes = bytes.get(2 * used..).ok_or(Error::UnexpectedEnd)?;
        if escapes != 0 || full < row.len() {
            // SAFETY: as above.
            unsafe { store_all::<V>(&mut lanes.states, lane_groups, &states) };
            lanes.decode_row(row, full, escapes, Interval::ESCAPE, |lane, quantile| {
                params.mixture(first + lane, n).quantile(quantile)
            })?;
            // SAFETY: as above.
            states = unsafe { load_all::<V>(&lanes.states, lane_groups) };
        }
        first += row.len();
    }
    // SAFETY: as above.
    unsafe { store_all::<V>(&mut lanes.states, lane_groups, &states) };
    Ok(())
}

/// # Safety
///
/// Needs the instructions of `V`, and `groups * WIDTH <= 64`.
#[inline(always)]
unsafe fn load_all<V: Simd>(states: &[u64; MAX_LANES], groups: usize) -> [V::S; 16] {
    // SAFETY: the caller promises that the groups fit.
    unsafe {
        let mut vectors = [V::load_states(states.as_ptr()); 16];
        for (g, vector) in vectors[..groups].iter_mut().enumerate() {
            *vector = V::load_states(states.as_ptr().add(g * V::WIDTH));
        }
        vectors
    }
}

/// # Safety
///
/// As [`load_all`].
#[inline(always)]
unsafe fn store_all<V: Simd>(states: &mut [u64; MAX_LANES], groups: usize, vectors: &[V::S; 16]) {
    for (g, &vector) in vectors[..groups].iter().enumerate() {
        // SAFETY: the caller promises that the groups fit.
        unsafe { V::store_states(states.as_mut_ptr().add(g * V::WIDTH), vector) };
    }
}
