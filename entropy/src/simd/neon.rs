//! NEON: 4 lanes; byte lookups over 128 bytes make a table of 32 entries.

use core::arch::aarch64::*;

use super::{Simd, words};
use crate::tables::{GAUSSIAN_LINES, INVERSE_MANTISSA, LIMIT, LOG2_LINES, MAGIC, RADIUS_MANTISSA};

static EXPAND: [[u8; 8]; 16] = words::expand();
static COMPRESS: [[u8; 8]; 16] = words::compress();

/// The instructions that every AArch64 processor has.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

/// One attribute for all: the features every function of this file is compiled for.
macro_rules! with_features {
    ($($item:item)*) => {
        $(
            #[target_feature(enable = "neon")]
            #[inline]
            $item
        )*
    };
}

/// States of lanes 0 and 1, and of lanes 2 and 3.
#[derive(Clone, Copy)]
pub(crate) struct States {
    low: uint64x2_t,
    high: uint64x2_t,
}

with_features! {
    /// The four bytes of each entry.
    fn byte_indices(index: uint32x4_t) -> uint8x16_t {
        vreinterpretq_u8_u32(vmlaq_u32(vdupq_n_u32(0x0302_0100), index, vdupq_n_u32(0x0404_0404)))
    }

    /// 2^13 times the value of the segment that holds `t`, in `0..2^15`.
    fn line(lines: &[u32; 32], t: uint32x4_t) -> int32x4_t {
        // SAFETY: each half of the table is 64 bytes.
        let (low, high) = unsafe { (vld1q_u8_x4(lines.as_ptr().cast()), vld1q_u8_x4(lines.as_ptr().add(16).cast())) };
        let bytes = byte_indices(vshrq_n_u32::<10>(t));
        // Indices beyond 64 bytes give zero in the first lookup and, less 64, their entry in the second.
        let entry = vqtbx4q_u8(vqtbl4q_u8(low, bytes), high, vsubq_u8(bytes, vdupq_n_u8(64)));
        let entry = vreinterpretq_u32_u8(entry);
        let intercept = vshlq_n_u32::<13>(vshrq_n_u32::<16>(entry));
        let slope = vandq_u32(entry, vdupq_n_u32(0xffff));
        vreinterpretq_s32_u32(vmlaq_u32(intercept, slope, t))
    }

    /// The bits of `table[scale % 16]`.
    fn mantissa(table: &[f32; 16], scale: int32x4_t) -> int32x4_t {
        // SAFETY: the table is 64 bytes.
        let table = unsafe { vld1q_u8_x4(table.as_ptr().cast()) };
        let index = vandq_u32(vreinterpretq_u32_s32(scale), vdupq_n_u32(15));
        vreinterpretq_s32_u8(vqtbl4q_u8(table, byte_indices(index)))
    }

    /// `scale / 16` where a float has its exponent.
    fn exponent(scale: int32x4_t) -> int32x4_t {
        vshlq_n_s32::<23>(vshrq_n_s32::<4>(scale))
    }

    /// High halves of the states, in lane order.
    fn high_halves(states: States) -> uint32x4_t {
        vuzp2q_u32(vreinterpretq_u32_u64(states.low), vreinterpretq_u32_u64(states.high))
    }

    /// Low halves of the states, in lane order.
    fn low_halves(states: States) -> uint32x4_t {
        vuzp1q_u32(vreinterpretq_u32_u64(states.low), vreinterpretq_u32_u64(states.high))
    }

    fn mask_bits(mask: uint32x4_t) -> usize {
        // SAFETY: the array is 16 bytes.
        let weights = unsafe { vld1q_u32([1, 2, 4, 8].as_ptr()) };
        vaddvq_u32(vandq_u32(mask, weights)) as usize
    }

    /// Encodes two lanes; their words have left already.
    fn push_half(state: uint64x2_t, probability: uint32x2_t, left: uint32x2_t) -> uint64x2_t {
        // Both are exact in f64, and so is the integer part of their quotient: the quotient is at least 2^-48 of
        // itself away from the integer above, and rounding moves it by 2^-53.
        let quotient = vdivq_f64(vcvtq_f64_u64(state), vcvtq_f64_u64(vmovl_u32(probability)));
        let quotient = vmovn_u64(vcvtq_u64_f64(quotient));
        // 2^16 quotient + (state - quotient * probability) + left
        let complement = vsub_u32(vdup_n_u32(1 << 16), probability);
        vmlal_u32(vaddw_u32(state, left), quotient, complement)
    }
}

impl Simd for Neon {
    const WIDTH: usize = 4;
    type I = int32x4_t;
    type F = float32x4_t;
    type S = States;
    type M = uint32x4_t;

    with_features! {
        unsafe fn splat(value: i32) -> int32x4_t {
            vdupq_n_s32(value)
        }

        unsafe fn splat_f(value: f32) -> float32x4_t {
            vdupq_n_f32(value)
        }

        unsafe fn load_u8(from: *const u8) -> int32x4_t {
            // SAFETY: the caller promises 4 bytes.
            let bytes = unsafe { from.cast::<u32>().read_unaligned() };
            let bytes = vreinterpret_u8_u32(vdup_n_u32(bytes));
            vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))))
        }

        unsafe fn load_i16(from: *const i16) -> int32x4_t {
            // SAFETY: the caller promises 4 numbers.
            vmovl_s16(unsafe { vld1_s16(from) })
        }

        unsafe fn load(from: *const i32) -> int32x4_t {
            // SAFETY: the caller promises 4 numbers.
            unsafe { vld1q_s32(from) }
        }

        unsafe fn store(to: *mut i32, value: int32x4_t) {
            // SAFETY: the caller promises room for 4 numbers.
            unsafe { vst1q_s32(to, value) }
        }

        unsafe fn add(a: int32x4_t, b: int32x4_t) -> int32x4_t {
            vaddq_s32(a, b)
        }

        unsafe fn sub(a: int32x4_t, b: int32x4_t) -> int32x4_t {
            vsubq_s32(a, b)
        }

        unsafe fn or(a: int32x4_t, b: int32x4_t) -> int32x4_t {
            vorrq_s32(a, b)
        }

        unsafe fn and(a: int32x4_t, b: int32x4_t) -> int32x4_t {
            vandq_s32(a, b)
        }

        unsafe fn min(a: int32x4_t, b: int32x4_t) -> int32x4_t {
            vminq_s32(a, b)
        }

        unsafe fn max(a: int32x4_t, b: int32x4_t) -> int32x4_t {
            vmaxq_s32(a, b)
        }

        unsafe fn shl<const N: i32>(a: int32x4_t) -> int32x4_t {
            vshlq_n_s32::<N>(a)
        }

        unsafe fn shr<const N: i32>(a: int32x4_t) -> int32x4_t {
            vshrq_n_s32::<N>(a)
        }

        unsafe fn multiply_add(sum: int32x4_t, a: int32x4_t, b: int32x4_t) -> int32x4_t {
            vmlaq_s32(sum, a, b)
        }

        unsafe fn or_lanes(a: int32x4_t) -> u32 {
            let a = vreinterpretq_u32_s32(a);
            let pair = vorr_u32(vget_low_u32(a), vget_high_u32(a));
            vget_lane_u32::<0>(pair) | vget_lane_u32::<1>(pair)
        }

        unsafe fn less(a: int32x4_t, b: int32x4_t) -> uint32x4_t {
            vcltq_s32(a, b)
        }

        unsafe fn select(mask: uint32x4_t, yes: int32x4_t, no: int32x4_t) -> int32x4_t {
            vbslq_s32(mask, yes, no)
        }

        unsafe fn select_f(mask: uint32x4_t, yes: float32x4_t, no: float32x4_t) -> float32x4_t {
            vbslq_f32(mask, yes, no)
        }

        unsafe fn bits(mask: uint32x4_t) -> u64 {
            mask_bits(mask) as u64
        }

        unsafe fn to_f(a: int32x4_t) -> float32x4_t {
            vcvtq_f32_s32(a)
        }

        unsafe fn to_i(a: float32x4_t) -> int32x4_t {
            vcvtq_s32_f32(a)
        }

        unsafe fn add_f(a: float32x4_t, b: float32x4_t) -> float32x4_t {
            vaddq_f32(a, b)
        }

        unsafe fn sub_f(a: float32x4_t, b: float32x4_t) -> float32x4_t {
            vsubq_f32(a, b)
        }

        unsafe fn mul_f(a: float32x4_t, b: float32x4_t) -> float32x4_t {
            vmulq_f32(a, b)
        }

        unsafe fn min_f(a: float32x4_t, b: float32x4_t) -> float32x4_t {
            vminq_f32(a, b)
        }

        unsafe fn max_f(a: float32x4_t, b: float32x4_t) -> float32x4_t {
            vmaxq_f32(a, b)
        }

        unsafe fn to_bits(a: float32x4_t) -> int32x4_t {
            vreinterpretq_s32_f32(a)
        }

        unsafe fn inverse_scale(scale: int32x4_t) -> float32x4_t {
            vreinterpretq_f32_s32(vsubq_s32(mantissa(&INVERSE_MANTISSA, scale), exponent(scale)))
        }

        unsafe fn radius(scale: int32x4_t) -> float32x4_t {
            vreinterpretq_f32_s32(vaddq_s32(mantissa(&RADIUS_MANTISSA, scale), exponent(scale)))
        }

        unsafe fn signed_half_mass(t: float32x4_t) -> int32x4_t {
            let bits = vaddq_f32(vminq_f32(vabsq_f32(t), vdupq_n_f32(LIMIT)), vdupq_n_f32(MAGIC));
            let mass = line(&GAUSSIAN_LINES, vandq_u32(vreinterpretq_u32_f32(bits), vdupq_n_u32(0x7fff)));
            vshrq_n_s32::<13>(vbslq_s32(vcltzq_f32(t), vnegq_s32(mass), mass))
        }

        unsafe fn log2_line(t: int32x4_t) -> int32x4_t {
            vshrq_n_s32::<13>(line(&LOG2_LINES, vandq_u32(vreinterpretq_u32_s32(t), vdupq_n_u32(0x7fff))))
        }

        unsafe fn load_states(from: *const u64) -> States {
            // SAFETY: the caller promises 4 states.
            unsafe { States { low: vld1q_u64(from), high: vld1q_u64(from.add(2)) } }
        }

        unsafe fn store_states(to: *mut u64, states: States) {
            // SAFETY: the caller promises room for 4 states.
            unsafe {
                vst1q_u64(to, states.low);
                vst1q_u64(to.add(2), states.high);
            }
        }

        unsafe fn quantile(states: States) -> int32x4_t {
            vreinterpretq_s32_u32(vandq_u32(low_halves(states), vdupq_n_u32(0xffff)))
        }

        unsafe fn pop(states: States, probability: int32x4_t, rest: int32x4_t) -> States {
            let (probability, rest) = (vreinterpretq_u32_s32(probability), vreinterpretq_u32_s32(rest));
            let low = vmull_u32(vshrn_n_u64::<16>(states.low), vget_low_u32(probability));
            let high = vmull_u32(vshrn_n_u64::<16>(states.high), vget_high_u32(probability));
            States { low: vaddw_u32(low, vget_low_u32(rest)), high: vaddw_u32(high, vget_high_u32(rest)) }
        }

        unsafe fn refill(states: States, words: *const u8) -> (States, usize) {
            let bits = mask_bits(vceqzq_u32(high_halves(states)));
            // SAFETY: the caller promises 4 words; the table has an entry of 8 bytes for each mask.
            let words = unsafe { vtbl1_u8(vld1_u8(words), vld1_u8(EXPAND[bits].as_ptr())) };
            let words = vmovl_u16(vreinterpret_u16_u8(words));
            let limit = vdupq_n_u64(1 << 32);
            let shifted = vorrq_u64(vshlq_n_u64::<16>(states.low), vmovl_u32(vget_low_u32(words)));
            let low = vbslq_u64(vcltq_u64(states.low, limit), shifted, states.low);
            let shifted = vorrq_u64(vshlq_n_u64::<16>(states.high), vmovl_u32(vget_high_u32(words)));
            let high = vbslq_u64(vcltq_u64(states.high, limit), shifted, states.high);
            (States { low, high }, bits.count_ones() as usize)
        }

        unsafe fn push(states: States, intervals: int32x4_t, end: *mut u8) -> (States, usize) {
            let intervals = vreinterpretq_u32_s32(intervals);
            let (probability, left) = (vshrq_n_u32::<16>(intervals), vandq_u32(intervals, vdupq_n_u32(0xffff)));
            // state >= probability << 32 if and only if its high half reaches the probability.
            let bits = mask_bits(vcgeq_u32(high_halves(states), probability));
            let words = vreinterpret_u8_u16(vmovn_u32(low_halves(states)));
            // SAFETY: the caller promises 4 words before `end`; the table has an entry of 8 bytes for each mask.
            unsafe { vst1_u8(end.sub(8), vtbl1_u8(words, vld1_u8(COMPRESS[bits].as_ptr()))) };
            let (low_probability, high_probability) = (vget_low_u32(probability), vget_high_u32(probability));
            let full = vcgeq_u64(states.low, vshll_n_u32::<32>(low_probability));
            let low = vbslq_u64(full, vshrq_n_u64::<16>(states.low), states.low);
            let full = vcgeq_u64(states.high, vshll_n_u32::<32>(high_probability));
            let high = vbslq_u64(full, vshrq_n_u64::<16>(states.high), states.high);
            let states = States {
                low: push_half(low, low_probability, vget_low_u32(left)),
                high: push_half(high, high_probability, vget_high_u32(left)),
            };
            (states, bits.count_ones() as usize)
        }
    }
}

crate::simd::entries!(Neon, "neon");
