//! Symbols in, intervals or their costs out. Each function has its twin in `scalar.rs`.

use alloc::vec::Vec;

use super::Simd;
use super::groups::{HALF, Planes, load_group, weighted_masses};
use crate::bit_counter::{BitCounter, mixture_cost};
use crate::escape;
use crate::escape::Escape;
use crate::interval::Interval;
use crate::mixture::MixtureParams;
use crate::scalar;

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
