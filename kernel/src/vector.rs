//! The loops, over vectors of any instruction set.
//!
//! The functions are `inline(always)` into the entry points of each set, which alone name the target features: so
//! each set gets its own copy, compiled with its own instructions.

use super::results::After;

/// A vector of f32.
///
/// # Safety
///
/// All functions require the instructions of the set; those that take pointers, `WIDTH` elements behind them.
pub(crate) trait Vector: Copy {
    /// Lanes.
    const WIDTH: usize;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// `self · a + b`, rounded once or twice as [`super::Path::fuses`] says.
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn max(self, other: Self) -> Self;
    /// One lane of [`Self::mul_add`].
    unsafe fn mul_add_one(x: f32, a: f32, b: f32) -> f32;
}

/// Rows of the register tile. Six rows of four vectors are 24 sums, which with the vectors of the panel and one
/// broadcast fit 32 registers; two vectors fit 16. Both keep two multipliers with a latency of 4 or 5 busy.
const ROWS: usize = 6;

/// A pointwise layer over `rows` positions: see [`super::float::Pointwise::run`].
pub(crate) struct PointwiseCall<'a> {
    /// `[panels, inputs, N · WIDTH]`.
    pub weight: &'a [f32],
    /// `[panels, N · WIDTH]`.
    pub bias: &'a [f32],
    pub inputs: usize,
    pub outputs: usize,
    pub x: &'a [f32],
    pub out: &'a mut [f32],
    pub after: After<'a>,
}

/// # Safety
///
/// Needs the instructions of `V`. `x` and `out` hold whole rows of `inputs` and `outputs`, equally many; `weight` and
/// `bias` hold `outputs.div_ceil(N · WIDTH)` panels; a gain has `outputs` values.
#[inline(always)]
pub(crate) unsafe fn pointwise<V: Vector, const N: usize>(call: PointwiseCall<'_>) {
    let PointwiseCall { weight, bias, inputs, outputs, x, out, after } = call;
    let panel = N * V::WIDTH;
    let rows = out.len() / outputs;
    for (index, (weight, bias)) in
        weight.chunks_exact(inputs * panel).zip(bias.chunks_exact(panel)).enumerate()
    {
        let first = index * panel;
        let tile = Tile {
            weight: weight.as_ptr(),
            bias: bias.as_ptr(),
            inputs,
            outputs,
            first,
            columns: panel.min(outputs - first),
            after,
        };
        let mut row = 0;
        while row < rows {
            let count = ROWS.min(rows - row);
            // SAFETY: rows `row..row + count` lie inside both slices, and columns from `first` on inside each row.
            unsafe {
                let (x, out) = (x.as_ptr().add(row * inputs), out.as_mut_ptr().add(row * outputs + first));
                match count {
                    6 => tile.run::<V, 6, N>(x, out),
                    5 => tile.run::<V, 5, N>(x, out),
                    4 => tile.run::<V, 4, N>(x, out),
                    3 => tile.run::<V, 3, N>(x, out),
                    2 => tile.run::<V, 2, N>(x, out),
                    _ => tile.run::<V, 1, N>(x, out),
                }
            }
            row += count;
        }
    }
}

/// What the tiles of one panel share.
struct Tile<'a> {
    weight: *const f32,
    bias: *const f32,
    inputs: usize,
    outputs: usize,
    first: usize,
    columns: usize,
    after: After<'a>,
}

impl Tile<'_> {
    /// `M` rows by `N` vectors: sums in registers over all inputs, then what follows.
    ///
    /// # Safety
    ///
    /// As [`pointwise`]; `M` rows behind `x` and `out`.
    #[inline(always)]
    unsafe fn run<V: Vector, const M: usize, const N: usize>(&self, x: *const f32, out: *mut f32) {
        // SAFETY: the caller promises the instructions and the lengths.
        unsafe {
            let mut sums = [[V::splat(0.0); N]; M];
            for n in 0..N {
                let bias = V::load(self.bias.add(n * V::WIDTH));
                for row in &mut sums {
                    row[n] = bias;
                }
            }
            let mut weight = self.weight;
            for i in 0..self.inputs {
                let mut columns = [V::splat(0.0); N];
                for (n, column) in columns.iter_mut().enumerate() {
                    *column = V::load(weight.add(n * V::WIDTH));
                }
                for (m, row) in sums.iter_mut().enumerate() {
                    let x = V::splat(*x.add(m * self.inputs + i));
                    for (sum, column) in row.iter_mut().zip(columns) {
                        *sum = x.mul_add(column, *sum);
                    }
                }
                weight = weight.add(N * V::WIDTH);
            }
            for (m, row) in sums.into_iter().enumerate() {
                let out = out.add(m * self.outputs);
                if self.columns == N * V::WIDTH {
                    finish(row, out, self.after, self.first);
                } else {
                    self.finish_part(row, out);
                }
            }
        }
    }

    /// The last panel of a layer whose outputs do not fill it.
    ///
    /// # Safety
    ///
    /// `self.columns` elements behind `out`.
    #[inline(always)]
    unsafe fn finish_part<V: Vector, const N: usize>(&self, row: [V; N], out: *mut f32) {
        // A panel has at most 64 columns.
        let (mut buffer, mut gain) = ([0.0f32; 64], [0.0f32; 64]);
        // SAFETY: `columns` is below N · WIDTH, which is at most 64, and all are inside the row behind `out`.
        unsafe {
            std::ptr::copy_nonoverlapping(out, buffer.as_mut_ptr(), self.columns);
            let after = match self.after {
                After::AddScaled(all) => {
                    gain[..self.columns].copy_from_slice(&all[self.first..][..self.columns]);
                    After::AddScaled(&gain)
                }
                other => other,
            };
            finish(row, buffer.as_mut_ptr(), after, 0);
            std::ptr::copy_nonoverlapping(buffer.as_ptr(), out, self.columns);
        }
    }
}

/// # Safety
///
/// `N · WIDTH` elements behind `out`, and in a gain from `first` on.
#[inline(always)]
unsafe fn finish<V: Vector, const N: usize>(row: [V; N], out: *mut f32, after: After<'_>, first: usize) {
    for (n, sum) in row.into_iter().enumerate() {
        // SAFETY: the caller promises the instructions and the lengths.
        unsafe {
            let out = out.add(n * V::WIDTH);
            let value = match after {
                After::Store => sum,
                After::Relu => sum.max(V::splat(0.0)),
                After::Add => V::load(out).add(sum),
                After::AddScaled(gain) => {
                    sum.mul_add(V::load(gain.as_ptr().add(first + n * V::WIDTH)), V::load(out))
                }
            };
            value.store(out);
        }
    }
}

/// A depthwise layer over part of a row: see [`super::float::Depthwise::run`].
pub(crate) struct DepthwiseCall<'a> {
    /// `[rows · columns, channels]`: tap by tap.
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    /// Rows and columns of the filter.
    pub kernel: [usize; 2],
    /// The rows of the input that the filter covers, `[width, channels]` each; those outside are empty.
    pub rows: &'a [&'a [f32]],
    pub width: usize,
    /// The first column to compute.
    pub column: usize,
    pub relu: bool,
    pub out: &'a mut [f32],
}

/// # Safety
///
/// Needs the instructions of `V`. There is a row for each row of the filter, of `width · channels` values or empty;
/// `weight` and `bias` fit the filter; `out` holds whole positions, none beyond `width`.
#[inline(always)]
pub(crate) unsafe fn depthwise<V: Vector, const N: usize>(call: DepthwiseCall<'_>) {
    let DepthwiseCall { weight, bias, kernel: [_, s], rows, width, column, relu, out } = call;
    let channels = bias.len();
    for (index, out) in out.chunks_exact_mut(channels).enumerate() {
        let column = column + index;
        // Taps u whose column `column + u - s/2` lies inside.
        let (from, to) = ((s / 2).saturating_sub(column), s.min(width + s / 2 - column));
        let mut channel = 0;
        // SAFETY: taps are inside the rows by `from` and `to`, channels inside each position by the loop conditions.
        unsafe {
            while channel + N * V::WIDTH <= channels {
                let mut sums = [V::splat(0.0); N];
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = V::load(bias.as_ptr().add(channel + n * V::WIDTH));
                }
                for (v, row) in rows.iter().enumerate().filter(|(_, row)| !row.is_empty()) {
                    for u in from..to {
                        let x = row.as_ptr().add((column + u - s / 2) * channels + channel);
                        let w = weight.as_ptr().add((v * s + u) * channels + channel);
                        for (n, sum) in sums.iter_mut().enumerate() {
                            *sum = V::load(x.add(n * V::WIDTH)).mul_add(V::load(w.add(n * V::WIDTH)), *sum);
                        }
                    }
                }
                for (n, sum) in sums.into_iter().enumerate() {
                    let value = if relu { sum.max(V::splat(0.0)) } else { sum };
                    value.store(out.as_mut_ptr().add(channel + n * V::WIDTH));
                }
                channel += N * V::WIDTH;
            }
            for channel in channel..channels {
                let mut sum = bias[channel];
                for (v, row) in rows.iter().enumerate().filter(|(_, row)| !row.is_empty()) {
                    for u in from..to {
                        let x = row[(column + u - s / 2) * channels + channel];
                        sum = V::mul_add_one(x, weight[(v * s + u) * channels + channel], sum);
                    }
                }
                out[channel] = if relu { sum.max(0.0) } else { sum };
            }
        }
    }
}

/// The entry points of one instruction set: the loops, compiled with its features.
macro_rules! entries {
    ($vector:ty, $dot:ty, $wide:ty, $panel:literal $(, #[$feature:meta])?) => {
        /// See [`crate::vector::pointwise`], whose conditions are those of this function.
        $(#[$feature])?
        pub(crate) unsafe fn pointwise(call: crate::vector::PointwiseCall<'_>) {
            // SAFETY: the caller promises the same.
            unsafe { crate::vector::pointwise::<$vector, $panel>(call) }
        }

        /// See [`crate::vector::depthwise`], whose conditions are those of this function.
        $(#[$feature])?
        pub(crate) unsafe fn depthwise(call: crate::vector::DepthwiseCall<'_>) {
            // SAFETY: the caller promises the same.
            unsafe { crate::vector::depthwise::<$vector, $panel>(call) }
        }

        /// See [`crate::dot::dense`], whose conditions are those of this function.
        $(#[$feature])?
        pub(crate) unsafe fn dense(call: crate::dot::DenseCall<'_>) {
            // SAFETY: the caller promises the same.
            unsafe { crate::dot::dense::<$dot, $panel>(call) }
        }

        /// The same with groups of two inputs of 16 bits.
        $(#[$feature])?
        pub(crate) unsafe fn wide(call: crate::dot::DenseCall<'_>) {
            // SAFETY: the caller promises the same.
            unsafe { crate::dot::dense::<$wide, $panel>(call) }
        }

        /// See [`crate::gradient::outer_sums`], whose conditions are those of this function.
        $(#[$feature])?
        pub(crate) unsafe fn outer(call: crate::gradient::OuterCall<'_>) {
            // SAFETY: the caller promises the same.
            unsafe { crate::gradient::outer_sums::<$vector>(call) }
        }

        /// See [`crate::planar::planar`], whose conditions are those of this function.
        $(#[$feature])?
        pub(crate) unsafe fn planar(call: crate::planar::PlanarCall<'_>) {
            // SAFETY: the caller promises the same.
            unsafe { crate::planar::planar::<$dot>(call) }
        }
    };
}
pub(crate) use entries;
