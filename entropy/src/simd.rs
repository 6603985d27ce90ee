//! The hot loops on vectors: one symbol per lane, one generic source for every instruction set.
//!
//! [`Simd`] is what an instruction set has to offer; the kernels below are the scalar twins of `scalar.rs`
//! with vectors in place of numbers. The order of lanes is the order of symbols, so the bytes are the same.
//!
//! The kernels are `inline(always)` into the entry points of each file, which alone name the target features:
//! so each instruction set gets its own copy, compiled with its own instructions.
#![allow(unsafe_code, reason = "vector instructions and unchecked loads; each block says why it is sound")]
#![cfg_attr(
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        all(target_arch = "wasm32", target_feature = "simd128")
    )),
    allow(dead_code, unused_imports, unused_macros, reason = "this machine has only the scalar path")
)]

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
mod coder;
pub(crate) mod dispatch;
mod groups;
mod intervals;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) mod wasm;
mod words;

/// The entry points of one instruction set: the kernels, compiled with its features, for each number of
/// components.
macro_rules! entries {
    ($set:ty, $features:literal) => {
        crate::simd::entries!(
            $set, $features,
            /// Twin of [`crate::scalar::mixture_intervals`].
            intervals mixture_intervals(
                params: &crate::mixture::MixtureParams<'_>,
                symbols: &[i32],
                intervals: &mut alloc::vec::Vec<crate::interval::Interval>,
                escapes: &mut alloc::vec::Vec<crate::escape::Escape>
            ) -> ()
        );
        crate::simd::entries!(
            $set, $features,
            /// Twin of [`crate::scalar::count`].
            intervals count(params: &crate::mixture::MixtureParams<'_>, symbols: &[i32]) -> u64
        );
        crate::simd::entries!(
            $set, $features,
            /// Twin of [`crate::scalar::count_each`].
            intervals count_each(params: &crate::mixture::MixtureParams<'_>, symbols: &[i32], bits: &mut [u32]) -> u64
        );
        crate::simd::entries!(
            $set, $features,
            /// Twin of [`crate::scalar::pop_mixtures`].
            coder pop_mixtures(
                params: &crate::mixture::MixtureParams<'_>,
                lanes: &mut crate::rans::Lanes<'_>,
                first: usize,
                n: usize,
                symbols: &mut [i32]
            ) -> Result<(), crate::error::Error>
        );

        /// Twin of [`crate::scalar::push_rows`].
        ///
        /// # Safety
        ///
        /// Needs the instructions.
        #[target_feature(enable = $features)]
        pub(crate) unsafe fn push_rows(
            states: &mut [u64; crate::rans::MAX_LANES],
            lanes: usize,
            intervals: &[crate::interval::Interval],
            words: &mut crate::rans::WordsBackwards,
        ) {
            // SAFETY: the caller promises the instructions.
            unsafe { crate::simd::coder::push_rows::<$set>(states, lanes, intervals, words) }
        }
    };
    (
        $set:ty, $features:literal, $(#[$doc:meta])*
        $module:ident $name:ident(params: $params:ty $(, $argument:ident: $type:ty)*) -> $result:ty
    ) => {
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// Needs the instructions, and parameters checked against the symbols.
        #[target_feature(enable = $features)]
        pub(crate) unsafe fn $name(params: $params $(, $argument: $type)*) -> $result {
            // SAFETY: the caller promises the instructions and the lengths; K is the number of components.
            unsafe {
                match params.components {
                    1 => crate::simd::$module::$name::<$set, 1>(params $(, $argument)*),
                    2 => crate::simd::$module::$name::<$set, 2>(params $(, $argument)*),
                    3 => crate::simd::$module::$name::<$set, 3>(params $(, $argument)*),
                    _ => crate::simd::$module::$name::<$set, 4>(params $(, $argument)*),
                }
            }
        }
    };
}
pub(crate) use entries;

/// Vectors of one instruction set: `I` and `F` have `WIDTH` lanes of 32 bits, `S` has `WIDTH` lanes of 64.
///
/// # Safety
///
/// All functions require the instructions of the set. Those that take pointers also require what each says.
pub(crate) trait Simd {
    /// Lanes, one per symbol.
    const WIDTH: usize;
    type I: Copy;
    type F: Copy;
    type S: Copy;
    /// One truth value per lane.
    type M: Copy;

    unsafe fn splat(value: i32) -> Self::I;
    unsafe fn splat_f(value: f32) -> Self::F;
    /// Reads `WIDTH` bytes.
    unsafe fn load_u8(from: *const u8) -> Self::I;
    /// Reads `WIDTH` 16-bit numbers, of any alignment.
    unsafe fn load_i16(from: *const i16) -> Self::I;
    /// Reads `WIDTH` 32-bit numbers, of any alignment.
    unsafe fn load(from: *const i32) -> Self::I;
    /// Writes `WIDTH` 32-bit numbers, of any alignment.
    unsafe fn store(to: *mut i32, value: Self::I);

    unsafe fn add(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn sub(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn or(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn and(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn min(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn max(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn shl<const N: i32>(a: Self::I) -> Self::I;
    /// Arithmetic shift.
    unsafe fn shr<const N: i32>(a: Self::I) -> Self::I;
    /// `sum + a * b`, for `a` and `b` that fit 16 signed bits.
    unsafe fn multiply_add(sum: Self::I, a: Self::I, b: Self::I) -> Self::I;
    /// Bitwise or of all lanes.
    unsafe fn or_lanes(a: Self::I) -> u32;

    unsafe fn less(a: Self::I, b: Self::I) -> Self::M;
    unsafe fn select(mask: Self::M, yes: Self::I, no: Self::I) -> Self::I;
    unsafe fn select_f(mask: Self::M, yes: Self::F, no: Self::F) -> Self::F;
    /// Bit `i` is lane `i`.
    unsafe fn bits(mask: Self::M) -> u64;

    /// Exact for the numbers used here, below 2^24.
    unsafe fn to_f(a: Self::I) -> Self::F;
    /// To an integer next to the value; which one is left to the instruction set.
    unsafe fn to_i(a: Self::F) -> Self::I;
    unsafe fn add_f(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn sub_f(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn mul_f(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn min_f(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn max_f(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn to_bits(a: Self::F) -> Self::I;

    /// `INVERSE_SCALE` of scales in `0..256`.
    unsafe fn inverse_scale(scale: Self::I) -> Self::F;
    /// `RADIUS_MANTISSA[scale % 16] * 2^(scale / 16)`.
    unsafe fn radius(scale: Self::I) -> Self::F;
    /// `signed_half_mass` of a distance that is already multiplied by its inverse scale.
    unsafe fn signed_half_mass(t: Self::F) -> Self::I;
    /// Sums over the components of two groups: `weight * signed_half_mass(t)`.
    #[inline(always)]
    unsafe fn weighted_masses<const K: usize>(
        t: [[Self::F; K]; 2],
        weight: [&[Self::I; K]; 2],
    ) -> [Self::I; 2] {
        // SAFETY: the caller promises the instructions.
        unsafe {
            let mut sums = [Self::splat(0); 2];
            for g in 0..2 {
                for k in 0..K {
                    sums[g] = Self::multiply_add(sums[g], Self::signed_half_mass(t[g][k]), weight[g][k]);
                }
            }
            sums
        }
    }
    /// Brings weights into the form that `weighted_masses` takes, for its first or its second group.
    #[inline(always)]
    unsafe fn pack_weights<const K: usize>(weight: [Self::I; K], _second: bool) -> [Self::I; K] {
        weight
    }
    /// `line(&LOG2_LINES, t) >> 13` of `2^29 | t`, `t` in `0..2^15`.
    unsafe fn log2_line(t: Self::I) -> Self::I;

    /// Reads `WIDTH` states.
    unsafe fn load_states(from: *const u64) -> Self::S;
    /// Writes `WIDTH` states.
    unsafe fn store_states(to: *mut u64, states: Self::S);
    /// Low 16 bits of each state.
    unsafe fn quantile(states: Self::S) -> Self::I;
    /// `rans::pop`, with `rest = quantile - left`.
    unsafe fn pop(states: Self::S, probability: Self::I, rest: Self::I) -> Self::S;
    /// Shifts a word into each state below 2^32, lowest lane first; returns how many. Reads `WIDTH` words.
    unsafe fn refill(states: Self::S, words: *const u8) -> (Self::S, usize);
    /// `rans::push`; words go directly before `end`, lowest lane first. Returns how many. May write anything
    /// to the `WIDTH` words before `end`.
    unsafe fn push(states: Self::S, intervals: Self::I, end: *mut u8) -> (Self::S, usize);
}
