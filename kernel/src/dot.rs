//! The loop of [`super::integer::Dense`] and [`super::wide::Wide`], over the dot-product instructions of any set.

use super::codes::{limit, nearest};
use super::results::Results;

/// A vector of i32 sums.
///
/// # Safety
///
/// All functions require the instructions of the set; those that take pointers, `WIDTH` elements behind them.
pub(crate) trait Dot: Copy {
    /// Lanes.
    const WIDTH: usize;
    /// Registers that a loop may fill.
    const REGISTERS: usize;
    /// Rows of the register tile, 1..=[`ROWS`].
    const ROWS: usize = ROWS;
    unsafe fn splat(value: i32) -> Self;
    /// From any alignment.
    unsafe fn load(from: *const i32) -> Self;
    /// To any alignment.
    unsafe fn store(self, to: *mut i32);
    /// In each lane, adds the products of a group of inputs with a group of weights: four of 8 bits, or two of 16 bits.
    /// The sum wraps around.
    unsafe fn dot(self, inputs: Self, weights: Self) -> Self;
    /// `>> shift`, limited to 0..=255: the bytes of a lane are those of the four sums, the first lowest. `shift` is at
    /// most 31.
    unsafe fn pack(sums: [Self; 4], shift: i32) -> Self;
}

/// Rows of groups of inputs, `stride` bytes apart.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub first: *const i32,
    pub stride: usize,
}

/// See [`super::integer::Dense::run`] and [`super::wide::Wide::run`].
pub(crate) struct DenseCall<'a> {
    /// `[panels, groups, N · WIDTH]`.
    pub weight: &'a [i32],
    /// `[panels, N · WIDTH]`.
    pub bias: &'a [i32],
    /// `[panels, N · WIDTH]`.
    pub shift: &'a [i32],
    pub groups: usize,
    pub outputs: usize,
    pub x: Rows,
    pub rows: usize,
    pub results: Results<'a>,
}

/// The most rows of the register tile, as for floats.
const ROWS: usize = 6;
/// Columns of the widest panel.
const WIDEST: usize = 64;

/// # Safety
///
/// Needs the instructions of `V`. There are `rows` rows of `groups` groups behind `x`; `weight`, `bias` and `shift`
/// hold `outputs.div_ceil(N · WIDTH)` panels, the results `rows · outputs` elements and, if any, `outputs` factors.
#[inline(always)]
pub(crate) unsafe fn dense<V: Dot, const N: usize>(call: DenseCall<'_>) {
    let DenseCall { weight, bias, shift, groups, outputs, x, rows, mut results } = call;
    let panel = N * V::WIDTH;
    let panels =
        weight.chunks_exact(groups * panel).zip(bias.chunks_exact(panel)).zip(shift.chunks_exact(panel));
    // Of one tile of registers, before they are scaled; here, so that they are zeroed once and not for every tile.
    let mut sums = [0i32; ROWS * WIDEST];
    for (index, ((weight, bias), shift)) in panels.enumerate() {
        let first = index * panel;
        let columns = panel.min(outputs - first);
        let mut row = 0;
        while row < rows {
            let count = V::ROWS.min(rows - row);
            // SAFETY: rows `row..row + count` are there; the panel has `groups · N · WIDTH` weights and N · WIDTH
            // biases.
            unsafe {
                let x = Rows { first: x.first.byte_add(row * x.stride), stride: x.stride };
                let (weight, bias, sums) = (weight.as_ptr(), bias.as_ptr(), sums.as_mut_ptr());
                match count {
                    6 => tile::<V, 6, N>(x, weight, bias, groups, sums),
                    5 => tile::<V, 5, N>(x, weight, bias, groups, sums),
                    4 => tile::<V, 4, N>(x, weight, bias, groups, sums),
                    3 => tile::<V, 3, N>(x, weight, bias, groups, sums),
                    2 => tile::<V, 2, N>(x, weight, bias, groups, sums),
                    _ => tile::<V, 1, N>(x, weight, bias, groups, sums),
                }
            }
            for (m, sums) in sums.chunks_exact(panel).take(count).enumerate() {
                let at = (row + m) * outputs + first..(row + m) * outputs + first + columns;
                store(&sums[..columns], shift, first, at, &mut results);
            }
            row += count;
        }
    }
}

/// What becomes of the sums of one row and one panel, whose first output is `first` and whose place is `at`.
#[inline(always)]
fn store(sums: &[i32], shift: &[i32], first: usize, at: std::ops::Range<usize>, results: &mut Results<'_>) {
    match results {
        Results::Activations(out) => {
            for ((out, sum), shift) in out[at].iter_mut().zip(sums).zip(shift) {
                *out = (sum >> (shift & 31)).clamp(0, 255) as u8;
            }
        }
        Results::Integers(out) => {
            for ((out, sum), shift) in out[at].iter_mut().zip(sums).zip(shift) {
                *out = sum >> (shift & 31);
            }
        }
        Results::Codes(scale, out) => {
            for ((out, sum), scale) in out[at].iter_mut().zip(sums).zip(&scale[first..]) {
                *out = nearest(limit(*sum as f32 * scale, 0.0, 255.0)) as u8;
            }
        }
        Results::Reals(scale, out) => {
            for ((out, sum), scale) in out[at].iter_mut().zip(sums).zip(&scale[first..]) {
                *out = *sum as f32 * scale;
            }
        }
        Results::Added(scale, out) => {
            for ((out, sum), scale) in out[at].iter_mut().zip(sums).zip(&scale[first..]) {
                *out += *sum as f32 * scale;
            }
        }
    }
}

/// `M` rows by `N` vectors: sums over all groups, into rows of N · WIDTH.
///
/// # Safety
///
/// As [`dense`]; `M · N · WIDTH` elements behind `out`.
#[inline(always)]
unsafe fn tile<V: Dot, const M: usize, const N: usize>(
    x: Rows,
    weight: *const i32,
    bias: *const i32,
    groups: usize,
    out: *mut i32,
) {
    // SAFETY: the caller promises the instructions and the lengths; groups of inputs may lie at any byte.
    unsafe {
        let mut sums = [[V::splat(0); N]; M];
        for n in 0..N {
            let bias = V::load(bias.add(n * V::WIDTH));
            for row in &mut sums {
                row[n] = bias;
            }
        }
        for group in 0..groups {
            let mut columns = [V::splat(0); N];
            for (n, column) in columns.iter_mut().enumerate() {
                *column = V::load(weight.add((group * N + n) * V::WIDTH));
            }
            for (m, row) in sums.iter_mut().enumerate() {
                let inputs = V::splat(x.first.byte_add(m * x.stride).add(group).read_unaligned());
                for (sum, column) in row.iter_mut().zip(columns) {
                    *sum = sum.dot(inputs, column);
                }
            }
        }
        for (m, row) in sums.into_iter().enumerate() {
            for (n, sum) in row.into_iter().enumerate() {
                sum.store(out.add((m * N + n) * V::WIDTH));
            }
        }
    }
}
