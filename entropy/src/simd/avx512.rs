//! AVX-512: 16 lanes, 32 table entries in two registers, masks and word compression in hardware.

use core::arch::x86_64::*;

use super::Simd;
use crate::tables::{INVERSE_MANTISSA, KNOTS, LIMIT, LOG2_LINES, MAGIC, RADIUS_MANTISSA};

/// The instructions: F, BW, DQ, VL, VBMI2 and VNNI.
#[derive(Clone, Copy)]
pub(crate) struct Avx512;

/// Masses at the lower end of each segment: entry `T / 1024 mod 64`, for T in -2^15..2^15.
static SIGNED_KNOTS: [i16; 64] = {
    let mut table = [0; 64];
    let mut i = 0;
    while i < 32 {
        table[i] = KNOTS[i];
        table[63 - i] = -KNOTS[i + 1];
        i += 1;
    }
    table
};

/// Differences between the ends of each segment, in the same order.
static RISES: [i16; 64] = {
    let mut table = [0; 64];
    let mut i = 0;
    while i < 32 {
        table[i] = KNOTS[i + 1] - KNOTS[i];
        table[63 - i] = table[i];
        i += 1;
    }
    table
};

/// One attribute for all: the features every function of this file is compiled for.
macro_rules! with_features {
    ($($item:item)*) => {
        $(
            #[target_feature(enable = "avx2,bmi2,popcnt,lzcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2,avx512vnni")]
            #[inline]
            $item
        )*
    };
}

/// States are held as even lanes and odd lanes: then a vector of 32-bit numbers holds the factors of the even
/// lanes where `vpmuludq` wants them, and the odd lanes one shift away.
#[derive(Clone, Copy)]
pub(crate) struct States {
    even: __m512i,
    odd: __m512i,
}

with_features! {
    fn lookup(lines: &[u32; 32], index: __m512i) -> __m512i {
        // SAFETY: both halves of the table are 64 bytes.
        let (low, high) = unsafe {
            (_mm512_loadu_epi32(lines.as_ptr().cast()), _mm512_loadu_epi32(lines.as_ptr().add(16).cast()))
        };
        _mm512_permutex2var_epi32(low, index, high)
    }

    /// T of two vectors as 16-bit numbers: `a` in the lower halves of the 32-bit lanes, `b` in the
    /// upper.
    fn steps(a: __m512, b: __m512) -> __m512i {
        // 0b0010: the operand of smaller magnitude, with the sign of the first.
        let limit = _mm512_set1_ps(LIMIT);
        let (a, b) = (_mm512_range_ps::<0b0010>(a, limit), _mm512_range_ps::<0b0010>(b, limit));
        // In 1.5 * 2^-63 + t, the low mantissa bits are T in two's complement, rounded as in MAGIC + |t|.
        let magic = _mm512_set1_ps(1.5 * MAGIC);
        let (a, b) = (_mm512_castps_si512(_mm512_add_ps(a, magic)), _mm512_castps_si512(_mm512_add_ps(b, magic)));
        // Bytes 0 and 1 of each lane of `b` over bytes 2 and 3 of `a`.
        _mm512_mask_shuffle_epi8(a, 0xcccc_cccc_cccc_cccc, b, _mm512_set4_epi32(0x0d0c_0000, 0x0908_0000, 0x0504_0000, 0x0100_0000))
    }

    /// `signed_half_mass` at 32 steps.
    fn half_masses(steps: __m512i) -> __m512i {
        // SAFETY: both halves of both tables are 64 bytes.
        let [knots, more_knots, rises, more_rises] = unsafe {
            [
                _mm512_loadu_epi16(SIGNED_KNOTS.as_ptr()),
                _mm512_loadu_epi16(SIGNED_KNOTS.as_ptr().add(32)),
                _mm512_loadu_epi16(RISES.as_ptr()),
                _mm512_loadu_epi16(RISES.as_ptr().add(32)),
            ]
        };
        let index = _mm512_srli_epi16::<10>(steps);
        let knot = _mm512_permutex2var_epi16(knots, index, more_knots);
        let rise = _mm512_permutex2var_epi16(rises, index, more_rises);
        // rise * (64 * fraction) / 2^16 is rise * fraction / 1024, rounded down.
        _mm512_add_epi16(knot, _mm512_mulhi_epu16(rise, _mm512_slli_epi16::<6>(steps)))
    }

    /// `table[scale % 16] * 2^exponent` with `exponent` already at its place in a float.
    fn scaled(table: &[f32; 16], scale: __m512i) -> __m512i {
        // SAFETY: the table is 64 bytes.
        let table = unsafe { _mm512_loadu_ps(table.as_ptr()) };
        _mm512_castps_si512(_mm512_permutexvar_ps(scale, table))
    }

    fn exponent(scale: __m512i) -> __m512i {
        _mm512_slli_epi32::<19>(_mm512_and_si512(scale, _mm512_set1_epi32(0xf0)))
    }

    /// High halves of the states, in lane order.
    fn high_halves(states: States) -> __m512i {
        _mm512_mask_mov_epi32(_mm512_srli_epi64::<32>(states.even), 0xaaaa, states.odd)
    }

    /// Low halves of the states, in lane order.
    fn low_halves(states: States) -> __m512i {
        _mm512_mask_mov_epi32(states.even, 0xaaaa, _mm512_slli_epi64::<32>(states.odd))
    }

    /// `state / divisor`, of a state below `divisor * 2^32`.
    fn quotient(state: __m512i, divisor: __m512i) -> __m512i {
        // Both are exact in f64, and so is the integer part of their quotient: the quotient is at least 2^-48 of
        // itself away from the integer above, and rounding moves it by 2^-53.
        _mm512_cvttpd_epu64(_mm512_div_pd(_mm512_cvtepu64_pd(state), _mm512_cvtepu64_pd(divisor)))
    }

    /// Encodes one half of the lanes; their words have left already.
    fn push_half(state: __m512i, probability: __m512i, left: __m512i) -> __m512i {
        let quotient = quotient(state, probability);
        // 2^16 quotient + (state - quotient * probability) + left
        let complement = _mm512_sub_epi64(_mm512_set1_epi64(1 << 16), probability);
        let state = _mm512_add_epi64(state, left);
        _mm512_add_epi64(state, _mm512_mul_epu32(quotient, complement))
    }
}

impl Simd for Avx512 {
    const WIDTH: usize = 16;
    type I = __m512i;
    type F = __m512;
    type S = States;
    type M = __mmask16;

    with_features! {
        unsafe fn splat(value: i32) -> __m512i {
            _mm512_set1_epi32(value)
        }

        unsafe fn splat_f(value: f32) -> __m512 {
            _mm512_set1_ps(value)
        }

        unsafe fn load_u8(from: *const u8) -> __m512i {
            // SAFETY: the caller promises 16 bytes.
            _mm512_cvtepu8_epi32(unsafe { _mm_loadu_epi8(from.cast()) })
        }

        unsafe fn load_i16(from: *const i16) -> __m512i {
            // SAFETY: the caller promises 16 numbers.
            _mm512_cvtepi16_epi32(unsafe { _mm256_loadu_epi16(from) })
        }

        unsafe fn load(from: *const i32) -> __m512i {
            // SAFETY: the caller promises 16 numbers.
            unsafe { _mm512_loadu_epi32(from) }
        }

        unsafe fn store(to: *mut i32, value: __m512i) {
            // SAFETY: the caller promises room for 16 numbers.
            unsafe { _mm512_storeu_epi32(to, value) }
        }

        unsafe fn add(a: __m512i, b: __m512i) -> __m512i {
            _mm512_add_epi32(a, b)
        }

        unsafe fn sub(a: __m512i, b: __m512i) -> __m512i {
            _mm512_sub_epi32(a, b)
        }

        unsafe fn or(a: __m512i, b: __m512i) -> __m512i {
            _mm512_or_si512(a, b)
        }

        unsafe fn and(a: __m512i, b: __m512i) -> __m512i {
            _mm512_and_si512(a, b)
        }

        unsafe fn min(a: __m512i, b: __m512i) -> __m512i {
            _mm512_min_epi32(a, b)
        }

        unsafe fn max(a: __m512i, b: __m512i) -> __m512i {
            _mm512_max_epi32(a, b)
        }

        unsafe fn shl<const N: i32>(a: __m512i) -> __m512i {
            _mm512_sll_epi32(a, _mm_cvtsi32_si128(N))
        }

        unsafe fn shr<const N: i32>(a: __m512i) -> __m512i {
            _mm512_sra_epi32(a, _mm_cvtsi32_si128(N))
        }

        unsafe fn multiply_add(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
            // The upper halves of `b` are zero: the upper halves of `a`, its sign, do not count.
            _mm512_dpwssd_epi32(sum, a, b)
        }

        unsafe fn or_lanes(a: __m512i) -> u32 {
            _mm512_reduce_or_epi32(a) as u32
        }

        unsafe fn less(a: __m512i, b: __m512i) -> __mmask16 {
            _mm512_cmplt_epi32_mask(a, b)
        }

        unsafe fn select(mask: __mmask16, yes: __m512i, no: __m512i) -> __m512i {
            _mm512_mask_mov_epi32(no, mask, yes)
        }

        unsafe fn select_f(mask: __mmask16, yes: __m512, no: __m512) -> __m512 {
            _mm512_mask_mov_ps(no, mask, yes)
        }

        unsafe fn bits(mask: __mmask16) -> u64 {
            u64::from(mask)
        }

        unsafe fn to_f(a: __m512i) -> __m512 {
            _mm512_cvtepi32_ps(a)
        }

        unsafe fn to_i(a: __m512) -> __m512i {
            _mm512_cvttps_epi32(a)
        }

        unsafe fn add_f(a: __m512, b: __m512) -> __m512 {
            _mm512_add_ps(a, b)
        }

        unsafe fn sub_f(a: __m512, b: __m512) -> __m512 {
            _mm512_sub_ps(a, b)
        }

        unsafe fn mul_f(a: __m512, b: __m512) -> __m512 {
            _mm512_mul_ps(a, b)
        }

        unsafe fn min_f(a: __m512, b: __m512) -> __m512 {
            _mm512_min_ps(a, b)
        }

        unsafe fn max_f(a: __m512, b: __m512) -> __m512 {
            _mm512_max_ps(a, b)
        }

        unsafe fn to_bits(a: __m512) -> __m512i {
            _mm512_castps_si512(a)
        }

        unsafe fn inverse_scale(scale: __m512i) -> __m512 {
            _mm512_castsi512_ps(_mm512_sub_epi32(scaled(&INVERSE_MANTISSA, scale), exponent(scale)))
        }

        unsafe fn radius(scale: __m512i) -> __m512 {
            _mm512_castsi512_ps(_mm512_add_epi32(scaled(&RADIUS_MANTISSA, scale), exponent(scale)))
        }

        unsafe fn signed_half_mass(t: __m512) -> __m512i {
            _mm512_srai_epi32::<16>(_mm512_slli_epi32::<16>(half_masses(steps(t, t))))
        }

        /// Looks two components up at once: two of a group, or the odd last ones of both groups.
        unsafe fn weighted_masses<const K: usize>(t: [[__m512; K]; 2], weight: [&[__m512i; K]; 2]) -> [__m512i; 2] {
            let mut sums = [_mm512_setzero_si512(); 2];
            let mut k = 0;
            while k + 1 < K {
                for g in 0..2 {
                    sums[g] = _mm512_dpwssd_epi32(sums[g], half_masses(steps(t[g][k], t[g][k + 1])), weight[g][k]);
                }
                k += 2;
            }
            if k < K {
                let masses = half_masses(steps(t[0][k], t[1][k]));
                sums[0] = _mm512_dpwssd_epi32(sums[0], masses, weight[0][k]);
                sums[1] = _mm512_dpwssd_epi32(sums[1], masses, weight[1][k]);
            }
            sums
        }

        /// Weights in the halves of the lanes where `weighted_masses` has their masses, zeros in the others.
        unsafe fn pack_weights<const K: usize>(mut weight: [__m512i; K], second: bool) -> [__m512i; K] {
            let mut k = 0;
            while k + 1 < K {
                weight[k] = _mm512_or_si512(weight[k], _mm512_slli_epi32::<16>(weight[k + 1]));
                k += 2;
            }
            if k < K && second {
                weight[k] = _mm512_slli_epi32::<16>(weight[k]);
            }
            weight
        }

        unsafe fn log2_line(t: __m512i) -> __m512i {
            let entry = lookup(&LOG2_LINES, _mm512_srli_epi32::<10>(t));
            _mm512_srli_epi32::<13>(_mm512_madd_epi16(entry, t))
        }

        unsafe fn load_states(from: *const u64) -> States {
            // SAFETY: the caller promises 16 states.
            let (low, high) = unsafe {
                (_mm512_loadu_epi64(from.cast()), _mm512_loadu_epi64(from.add(8).cast()))
            };
            let (even, odd) = (_mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15));
            States {
                even: _mm512_permutex2var_epi64(low, even, high),
                odd: _mm512_permutex2var_epi64(low, odd, high),
            }
        }

        unsafe fn store_states(to: *mut u64, states: States) {
            let (low, high) = (_mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15));
            // SAFETY: the caller promises room for 16 states.
            unsafe {
                _mm512_storeu_epi64(to.cast(), _mm512_permutex2var_epi64(states.even, low, states.odd));
                _mm512_storeu_epi64(to.add(8).cast(), _mm512_permutex2var_epi64(states.even, high, states.odd));
            }
        }

        unsafe fn quantile(states: States) -> __m512i {
            _mm512_and_si512(low_halves(states), _mm512_set1_epi32(0xffff))
        }

        unsafe fn pop(states: States, probability: __m512i, rest: __m512i) -> States {
            let even = _mm512_mul_epu32(_mm512_srli_epi64::<16>(states.even), probability);
            let odd = _mm512_mul_epu32(_mm512_srli_epi64::<16>(states.odd), _mm512_srli_epi64::<32>(probability));
            States {
                even: _mm512_add_epi64(even, _mm512_and_si512(rest, _mm512_set1_epi64(0xffff_ffff))),
                odd: _mm512_add_epi64(odd, _mm512_srli_epi64::<32>(rest)),
            }
        }

        unsafe fn refill(states: States, words: *const u8) -> (States, usize) {
            let high = high_halves(states);
            let mask = _mm512_testn_epi32_mask(high, high);
            // SAFETY: the caller promises 16 words.
            let words = unsafe { _mm256_loadu_epi16(words.cast()) };
            let words = _mm512_cvtepu16_epi32(_mm256_maskz_expand_epi16(mask, words));
            let limit = _mm512_set1_epi64(1 << 32);
            let (even_low, odd_low) =
                (_mm512_cmplt_epu64_mask(states.even, limit), _mm512_cmplt_epu64_mask(states.odd, limit));
            let even = _mm512_mask_slli_epi64::<16>(states.even, even_low, states.even);
            let odd = _mm512_mask_slli_epi64::<16>(states.odd, odd_low, states.odd);
            let states = States {
                even: _mm512_or_si512(even, _mm512_and_si512(words, _mm512_set1_epi64(0xffff))),
                odd: _mm512_or_si512(odd, _mm512_srli_epi64::<32>(words)),
            };
            (states, mask.count_ones() as usize)
        }

        unsafe fn push(states: States, intervals: __m512i, end: *mut u8) -> (States, usize) {
            let (probability, left) =
                (_mm512_srli_epi32::<16>(intervals), _mm512_and_si512(intervals, _mm512_set1_epi32(0xffff)));
            // state >= probability << 32 if and only if its high half reaches the probability.
            let mask = _mm512_cmpge_epu32_mask(high_halves(states), probability);
            let words = _mm512_cvtepi32_epi16(low_halves(states));
            let count = mask.count_ones() as usize;
            // SAFETY: the caller promises 16 words before `end`, and only `count` are written.
            unsafe {
                let stored = (1_u32 << count).wrapping_sub(1) as __mmask16;
                _mm256_mask_storeu_epi16(end.sub(2 * count).cast(), stored, _mm256_maskz_compress_epi16(mask, words));
            }
            let low = _mm512_set1_epi64(0xffff_ffff);
            let (even_probability, odd_probability) =
                (_mm512_and_si512(probability, low), _mm512_srli_epi64::<32>(probability));
            let even_full = _mm512_cmpge_epu64_mask(states.even, _mm512_slli_epi64::<32>(even_probability));
            let odd_full = _mm512_cmpge_epu64_mask(states.odd, _mm512_slli_epi64::<32>(odd_probability));
            let even = _mm512_mask_srli_epi64::<16>(states.even, even_full, states.even);
            let odd = _mm512_mask_srli_epi64::<16>(states.odd, odd_full, states.odd);
            let states = States {
                even: push_half(even, even_probability, _mm512_and_si512(left, low)),
                odd: push_half(odd, odd_probability, _mm512_srli_epi64::<32>(left)),
            };
            (states, count)
        }
    }
}

crate::simd::entries!(
    Avx512,
    "avx2,bmi2,popcnt,lzcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2,avx512vnni"
);
