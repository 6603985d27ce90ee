//! WebAssembly simd128: 4 lanes; table entries are loaded one by one.

use core::arch::wasm32::*;

use super::{Simd, words};
use crate::tables::{GAUSSIAN_LINES, INVERSE_SCALE, LIMIT, LOG2_LINES, MAGIC, RADIUS_MANTISSA};

static EXPAND: [[u8; 8]; 16] = words::expand();
static COMPRESS: [[u8; 8]; 16] = words::compress();

/// 2^52: added to an integer below it, the integer is the low bits of the sum.
const INTEGER: f64 = (1_u64 << 52) as f64;

/// The instructions: simd128, which a module has or has not; nothing is detected at run time.
#[derive(Clone, Copy)]
pub(crate) struct Wasm;

/// One attribute for all: the features every function of this file is compiled for.
macro_rules! with_features {
    ($($item:item)*) => {
        $(
            #[target_feature(enable = "simd128")]
            #[inline]
            $item
        )*
    };
}

/// States of lanes 0 and 1, and of lanes 2 and 3.
#[derive(Clone, Copy)]
pub(crate) struct States {
    low: v128,
    high: v128,
}

with_features! {
    /// 2^13 times the value of the segment that holds `t`; the upper half of `t` is 2^13.
    fn line(lines: &[u32; 32], t: v128) -> v128 {
        let index = v128_and(u32x4_shr(t, 10), u32x4_splat(31));
        let entry = u32x4(
            lines[u32x4_extract_lane::<0>(index) as usize & 31],
            lines[u32x4_extract_lane::<1>(index) as usize & 31],
            lines[u32x4_extract_lane::<2>(index) as usize & 31],
            lines[u32x4_extract_lane::<3>(index) as usize & 31],
        );
        i32x4_dot_i16x8(entry, t)
    }

    /// High halves of the states, in lane order.
    fn high_halves(states: States) -> v128 {
        u32x4_shuffle::<1, 3, 5, 7>(states.low, states.high)
    }

    /// Low halves of the states, in lane order.
    fn low_halves(states: States) -> v128 {
        u32x4_shuffle::<0, 2, 4, 6>(states.low, states.high)
    }

    /// An integer below 2^52 as a float.
    fn to_f64(a: v128) -> v128 {
        let magic = f64x2_splat(INTEGER);
        f64x2_sub(v128_or(a, magic), magic)
    }

    /// Encodes two lanes; their words have left already. The upper halves of `probability` and `left` must be zero.
    fn push_half(state: v128, probability: v128, left: v128) -> v128 {
        // Both are exact in f64, and so is the integer part of their quotient: the quotient is at least 2^-48 of
        // itself away from the integer above, and rounding moves it by 2^-53.
        let quotient = f64x2_trunc(f64x2_div(to_f64(state), to_f64(probability)));
        let quotient = v128_and(f64x2_add(quotient, f64x2_splat(INTEGER)), u64x2_splat(0xffff_ffff));
        // 2^16 quotient + (state - quotient * probability) + left
        let complement = i64x2_sub(u64x2_splat(1 << 16), probability);
        i64x2_add(i64x2_add(state, left), i64x2_mul(quotient, complement))
    }
}

impl Simd for Wasm {
    const WIDTH: usize = 4;
    type I = v128;
    type F = v128;
    type S = States;
    type M = v128;

    with_features! {
        unsafe fn splat(value: i32) -> v128 {
            i32x4_splat(value)
        }

        unsafe fn splat_f(value: f32) -> v128 {
            f32x4_splat(value)
        }

        unsafe fn load_u8(from: *const u8) -> v128 {
            // SAFETY: the caller promises 4 bytes.
            u32x4_extend_low_u16x8(u16x8_extend_low_u8x16(unsafe { v128_load32_zero(from.cast()) }))
        }

        unsafe fn load_i16(from: *const i16) -> v128 {
            // SAFETY: the caller promises 4 numbers.
            i32x4_extend_low_i16x8(unsafe { v128_load64_zero(from.cast()) })
        }

        unsafe fn load(from: *const i32) -> v128 {
            // SAFETY: the caller promises 4 numbers.
            unsafe { v128_load(from.cast()) }
        }

        unsafe fn store(to: *mut i32, value: v128) {
            // SAFETY: the caller promises room for 4 numbers.
            unsafe { v128_store(to.cast(), value) }
        }

        unsafe fn add(a: v128, b: v128) -> v128 {
            i32x4_add(a, b)
        }

        unsafe fn sub(a: v128, b: v128) -> v128 {
            i32x4_sub(a, b)
        }

        unsafe fn or(a: v128, b: v128) -> v128 {
            v128_or(a, b)
        }

        unsafe fn and(a: v128, b: v128) -> v128 {
            v128_and(a, b)
        }

        unsafe fn min(a: v128, b: v128) -> v128 {
            i32x4_min(a, b)
        }

        unsafe fn max(a: v128, b: v128) -> v128 {
            i32x4_max(a, b)
        }

        unsafe fn shl<const N: i32>(a: v128) -> v128 {
            i32x4_shl(a, N as u32)
        }

        unsafe fn shr<const N: i32>(a: v128) -> v128 {
            i32x4_shr(a, N as u32)
        }

        unsafe fn multiply_add(sum: v128, a: v128, b: v128) -> v128 {
            // The upper halves of `b` are zero: the upper halves of `a`, its sign, do not count.
            i32x4_add(sum, i32x4_dot_i16x8(a, b))
        }

        unsafe fn or_lanes(a: v128) -> u32 {
            let pair = u64x2_extract_lane::<0>(a) | u64x2_extract_lane::<1>(a);
            (pair | pair >> 32) as u32
        }

        unsafe fn less(a: v128, b: v128) -> v128 {
            i32x4_lt(a, b)
        }

        unsafe fn select(mask: v128, yes: v128, no: v128) -> v128 {
            v128_bitselect(yes, no, mask)
        }

        unsafe fn select_f(mask: v128, yes: v128, no: v128) -> v128 {
            v128_bitselect(yes, no, mask)
        }

        unsafe fn bits(mask: v128) -> u64 {
            u64::from(i32x4_bitmask(mask))
        }

        unsafe fn to_f(a: v128) -> v128 {
            f32x4_convert_i32x4(a)
        }

        unsafe fn to_i(a: v128) -> v128 {
            i32x4_trunc_sat_f32x4(a)
        }

        unsafe fn add_f(a: v128, b: v128) -> v128 {
            f32x4_add(a, b)
        }

        unsafe fn sub_f(a: v128, b: v128) -> v128 {
            f32x4_sub(a, b)
        }

        unsafe fn mul_f(a: v128, b: v128) -> v128 {
            f32x4_mul(a, b)
        }

        unsafe fn min_f(a: v128, b: v128) -> v128 {
            f32x4_pmin(a, b)
        }

        unsafe fn max_f(a: v128, b: v128) -> v128 {
            f32x4_pmax(a, b)
        }

        unsafe fn to_bits(a: v128) -> v128 {
            a
        }

        unsafe fn inverse_scale(scale: v128) -> v128 {
            f32x4(
                INVERSE_SCALE[u32x4_extract_lane::<0>(scale) as usize & 255],
                INVERSE_SCALE[u32x4_extract_lane::<1>(scale) as usize & 255],
                INVERSE_SCALE[u32x4_extract_lane::<2>(scale) as usize & 255],
                INVERSE_SCALE[u32x4_extract_lane::<3>(scale) as usize & 255],
            )
        }

        unsafe fn radius(scale: v128) -> v128 {
            let mantissa = f32x4(
                RADIUS_MANTISSA[u32x4_extract_lane::<0>(scale) as usize & 15],
                RADIUS_MANTISSA[u32x4_extract_lane::<1>(scale) as usize & 15],
                RADIUS_MANTISSA[u32x4_extract_lane::<2>(scale) as usize & 15],
                RADIUS_MANTISSA[u32x4_extract_lane::<3>(scale) as usize & 15],
            );
            i32x4_add(mantissa, i32x4_shl(u32x4_shr(scale, 4), 23))
        }

        unsafe fn signed_half_mass(t: v128) -> v128 {
            let bits = f32x4_add(f32x4_pmin(f32x4_abs(t), f32x4_splat(LIMIT)), f32x4_splat(MAGIC));
            let mass = line(&GAUSSIAN_LINES, bits);
            // (mass ^ sign) - sign, with all bits of `sign` set to the sign of t.
            let sign = i32x4_shr(t, 31);
            i32x4_shr(i32x4_sub(v128_xor(mass, sign), sign), 13)
        }

        unsafe fn log2_line(t: v128) -> v128 {
            u32x4_shr(line(&LOG2_LINES, t), 13)
        }

        unsafe fn load_states(from: *const u64) -> States {
            // SAFETY: the caller promises 4 states.
            unsafe { States { low: v128_load(from.cast()), high: v128_load(from.add(2).cast()) } }
        }

        unsafe fn store_states(to: *mut u64, states: States) {
            // SAFETY: the caller promises room for 4 states.
            unsafe {
                v128_store(to.cast(), states.low);
                v128_store(to.add(2).cast(), states.high);
            }
        }

        unsafe fn quantile(states: States) -> v128 {
            v128_and(low_halves(states), u32x4_splat(0xffff))
        }

        unsafe fn pop(states: States, probability: v128, rest: v128) -> States {
            let low = i64x2_mul(u64x2_shr(states.low, 16), u64x2_extend_low_u32x4(probability));
            let high = i64x2_mul(u64x2_shr(states.high, 16), u64x2_extend_high_u32x4(probability));
            States {
                low: i64x2_add(low, u64x2_extend_low_u32x4(rest)),
                high: i64x2_add(high, u64x2_extend_high_u32x4(rest)),
            }
        }

        unsafe fn refill(states: States, words: *const u8) -> (States, usize) {
            let bits = i32x4_bitmask(i32x4_eq(high_halves(states), u32x4_splat(0))) as usize;
            // SAFETY: the caller promises 4 words; the table has an entry of 8 bytes for each mask.
            let words = unsafe {
                i8x16_swizzle(v128_load64_zero(words.cast()), v128_load64_zero(EXPAND[bits].as_ptr().cast()))
            };
            let words = u32x4_extend_low_u16x8(words);
            let limit = u64x2_splat(1 << 32);
            let shifted = v128_or(u64x2_shl(states.low, 16), u64x2_extend_low_u32x4(words));
            let low = v128_bitselect(shifted, states.low, i64x2_lt(states.low, limit));
            let shifted = v128_or(u64x2_shl(states.high, 16), u64x2_extend_high_u32x4(words));
            let high = v128_bitselect(shifted, states.high, i64x2_lt(states.high, limit));
            (States { low, high }, bits.count_ones() as usize)
        }

        unsafe fn push(states: States, intervals: v128, end: *mut u8) -> (States, usize) {
            let (probability, left) = (u32x4_shr(intervals, 16), v128_and(intervals, u32x4_splat(0xffff)));
            // state >= probability << 32 if and only if its high half reaches the probability.
            let bits = i32x4_bitmask(i32x4_ge(high_halves(states), probability)) as usize;
            let words = u16x8_shuffle::<0, 4, 8, 12, 0, 4, 8, 12>(states.low, states.high);
            // SAFETY: the caller promises 4 words before `end`; the table has an entry of 8 bytes for each mask.
            unsafe {
                let compress = v128_load64_zero(COMPRESS[bits].as_ptr().cast());
                v128_store64_lane::<0>(i8x16_swizzle(words, compress), end.sub(8).cast());
            }
            let (low_probability, high_probability) =
                (u64x2_extend_low_u32x4(probability), u64x2_extend_high_u32x4(probability));
            let full = i64x2_ge(states.low, u64x2_shl(low_probability, 32));
            let low = v128_bitselect(u64x2_shr(states.low, 16), states.low, full);
            let full = i64x2_ge(states.high, u64x2_shl(high_probability, 32));
            let high = v128_bitselect(u64x2_shr(states.high, 16), states.high, full);
            let states = States {
                low: push_half(low, low_probability, u64x2_extend_low_u32x4(left)),
                high: push_half(high, high_probability, u64x2_extend_high_u32x4(left)),
            };
            (states, bits.count_ones() as usize)
        }
    }
}

crate::simd::entries!(Wasm, "simd128");
