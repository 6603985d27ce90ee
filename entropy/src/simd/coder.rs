//! Intervals to words, and words to symbols. Each function has its twin in `scalar.rs`.
#![allow(
    clippy::needless_range_loop,
    reason = "arrays of vectors, indexed in step: iterators hide which belong together"
)]

use super::Simd;
use super::groups::{Planes, search};
use crate::error::Error;
use crate::interval::Interval;
use crate::mixture::MixtureParams;
use crate::rans::{Lanes, MAX_LANES, WordsBackwards};
use crate::scalar;

/// Groups that the decoder searches at once, so that the latency of one hides behind the others.
const BLOCK: usize = 4;

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
pub(super) unsafe fn pop_mixtures<V: Simd, const K: usize>(
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
