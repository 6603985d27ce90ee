//! AVX2: 8 lanes; four in-register permutes make a table of 32 entries, byte shuffles move the words.

use core::arch::x86_64::*;

use super::{Simd, words};
use crate::tables::{GAUSSIAN_LINES, INVERSE_MANTISSA, LIMIT, LOG2_LINES, MAGIC, RADIUS_MANTISSA};

static EXPAND: [[u8; 16]; 256] = words::expand();
static COMPRESS: [[u8; 16]; 256] = words::compress();

/// 2^52: added to an integer below it, the integer is the low bits of the sum.
const INTEGER_PD: f64 = (1_u64 << 52) as f64;

/// The instructions: AVX2, BMI2, POPCNT and LZCNT.
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

/// One attribute for all: the features every function of this file is compiled for.
macro_rules! with_features {
    ($($item:item)*) => {
        $(
            #[target_feature(enable = "avx2,bmi2,popcnt,lzcnt")]
            #[inline]
            $item
        )*
    };
}

/// States are held as even lanes and odd lanes: then a vector of 32-bit numbers holds the factors of the even
/// lanes where `vpmuludq` wants them, and the odd lanes one shift away.
#[derive(Clone, Copy)]
pub(crate) struct States {
    even: __m256i,
    odd: __m256i,
}

with_features! {
    /// Entry `t / 1024 % 32` of the table.
    fn lookup(lines: &[u32; 32], t: __m256i) -> __m256i {
        // SAFETY: each quarter of the table is 32 bytes.
        let table = [0, 8, 16, 24].map(|at| unsafe { _mm256_loadu_si256(lines.as_ptr().add(at).cast()) });
        let index = _mm256_srli_epi32::<10>(t);
        let entries = [
            _mm256_permutevar8x32_epi32(table[0], index),
            _mm256_permutevar8x32_epi32(table[1], index),
            _mm256_permutevar8x32_epi32(table[2], index),
            _mm256_permutevar8x32_epi32(table[3], index),
        ];
        // Bits 3 and 4 of the index, in the sign.
        let (bit3, bit4) = (_mm256_slli_epi32::<18>(t), _mm256_slli_epi32::<17>(t));
        blend(blend(entries[0], entries[1], bit3), blend(entries[2], entries[3], bit3), bit4)
    }

    /// `b` where the sign of `mask` is set.
    fn blend(a: __m256i, b: __m256i, mask: __m256i) -> __m256i {
        let (a, b, mask) = (_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), _mm256_castsi256_ps(mask));
        _mm256_castps_si256(_mm256_blendv_ps(a, b, mask))
    }

    /// The float `table[scale % 16]`.
    fn mantissa(table: &[f32; 16], scale: __m256i) -> __m256i {
        // SAFETY: each half of the table is 32 bytes.
        let (low, high) = unsafe {
            (_mm256_loadu_si256(table.as_ptr().cast()), _mm256_loadu_si256(table.as_ptr().add(8).cast()))
        };
        let (low, high) = (_mm256_permutevar8x32_epi32(low, scale), _mm256_permutevar8x32_epi32(high, scale));
        blend(low, high, _mm256_slli_epi32::<28>(scale))
    }

    /// `scale / 16` where a float has its exponent.
    fn exponent(scale: __m256i) -> __m256i {
        _mm256_slli_epi32::<19>(_mm256_and_si256(scale, _mm256_set1_epi32(0xf0)))
    }

    /// 2^13 times the value of the segment that holds `t`; the upper half of `t` is 2^13.
    fn line(lines: &[u32; 32], t: __m256i) -> __m256i {
        _mm256_madd_epi16(lookup(lines, t), t)
    }

    /// High halves of the states, in lane order.
    fn high_halves(states: States) -> __m256i {
        _mm256_blend_epi32::<0xaa>(_mm256_srli_epi64::<32>(states.even), states.odd)
    }

    /// Low halves of the states, in lane order.
    fn low_halves(states: States) -> __m256i {
        _mm256_blend_epi32::<0xaa>(states.even, _mm256_slli_epi64::<32>(states.odd))
    }

    /// The mask of 32-bit lanes, for the even and for the odd states.
    fn widen_mask(mask: __m256i) -> (__m256i, __m256i) {
        (_mm256_shuffle_epi32::<0b10_10_00_00>(mask), _mm256_shuffle_epi32::<0b11_11_01_01>(mask))
    }

    fn mask_bits(mask: __m256i) -> usize {
        _mm256_movemask_ps(_mm256_castsi256_ps(mask)) as u8 as usize
    }

    /// An integer below 2^52 as a float.
    fn to_pd(a: __m256i) -> __m256d {
        let magic = _mm256_set1_pd(INTEGER_PD);
        _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(a, _mm256_castpd_si256(magic))), magic)
    }

    /// Encodes one half of the lanes; their words have left already. The upper halves of `probability` and `left`
    /// must be zero.
    fn push_half(state: __m256i, probability: __m256i, left: __m256i) -> __m256i {
        // Both are exact in f64, and so is the integer part of their quotient: the quotient is at least 2^-48 of
        // itself away from the integer above, and rounding moves it by 2^-53.
        let quotient = _mm256_div_pd(to_pd(state), to_pd(probability));
        let whole = _mm256_round_pd::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(quotient);
        let quotient = _mm256_castpd_si256(_mm256_add_pd(whole, _mm256_set1_pd(INTEGER_PD)));
        // 2^16 quotient + (state - quotient * probability) + left
        let complement = _mm256_sub_epi64(_mm256_set1_epi64x(1 << 16), probability);
        _mm256_add_epi64(_mm256_add_epi64(state, left), _mm256_mul_epu32(quotient, complement))
    }
}

impl Simd for Avx2 {
    const WIDTH: usize = 8;
    type I = __m256i;
    type F = __m256;
    type S = States;
    type M = __m256i;

    with_features! {
        unsafe fn splat(value: i32) -> __m256i {
            _mm256_set1_epi32(value)
        }

        unsafe fn splat_f(value: f32) -> __m256 {
            _mm256_set1_ps(value)
        }

        unsafe fn load_u8(from: *const u8) -> __m256i {
            // SAFETY: the caller promises 8 bytes.
            _mm256_cvtepu8_epi32(unsafe { _mm_loadl_epi64(from.cast()) })
        }

        unsafe fn load_i16(from: *const i16) -> __m256i {
            // SAFETY: the caller promises 8 numbers.
            _mm256_cvtepi16_epi32(unsafe { _mm_loadu_si128(from.cast()) })
        }

        unsafe fn load(from: *const i32) -> __m256i {
            // SAFETY: the caller promises 8 numbers.
            unsafe { _mm256_loadu_si256(from.cast()) }
        }

        unsafe fn store(to: *mut i32, value: __m256i) {
            // SAFETY: the caller promises room for 8 numbers.
            unsafe { _mm256_storeu_si256(to.cast(), value) }
        }

        unsafe fn add(a: __m256i, b: __m256i) -> __m256i {
            _mm256_add_epi32(a, b)
        }

        unsafe fn sub(a: __m256i, b: __m256i) -> __m256i {
            _mm256_sub_epi32(a, b)
        }

        unsafe fn or(a: __m256i, b: __m256i) -> __m256i {
            _mm256_or_si256(a, b)
        }

        unsafe fn and(a: __m256i, b: __m256i) -> __m256i {
            _mm256_and_si256(a, b)
        }

        unsafe fn min(a: __m256i, b: __m256i) -> __m256i {
            _mm256_min_epi32(a, b)
        }

        unsafe fn max(a: __m256i, b: __m256i) -> __m256i {
            _mm256_max_epi32(a, b)
        }

        unsafe fn shl<const N: i32>(a: __m256i) -> __m256i {
            _mm256_slli_epi32::<N>(a)
        }

        unsafe fn shr<const N: i32>(a: __m256i) -> __m256i {
            _mm256_srai_epi32::<N>(a)
        }

        unsafe fn multiply_add(sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
            // The upper halves of `b` are zero: the upper halves of `a`, its sign, do not count.
            _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))
        }

        unsafe fn or_lanes(a: __m256i) -> u32 {
            let half = _mm_or_si128(_mm256_castsi256_si128(a), _mm256_extracti128_si256::<1>(a));
            let pair = _mm_cvtsi128_si64(_mm_or_si128(half, _mm_unpackhi_epi64(half, half)));
            (pair | pair >> 32) as u32
        }

        unsafe fn less(a: __m256i, b: __m256i) -> __m256i {
            _mm256_cmpgt_epi32(b, a)
        }

        unsafe fn select(mask: __m256i, yes: __m256i, no: __m256i) -> __m256i {
            blend(no, yes, mask)
        }

        unsafe fn select_f(mask: __m256i, yes: __m256, no: __m256) -> __m256 {
            _mm256_blendv_ps(no, yes, _mm256_castsi256_ps(mask))
        }

        unsafe fn bits(mask: __m256i) -> u64 {
            mask_bits(mask) as u64
        }

        unsafe fn to_f(a: __m256i) -> __m256 {
            _mm256_cvtepi32_ps(a)
        }

        unsafe fn to_i(a: __m256) -> __m256i {
            _mm256_cvttps_epi32(a)
        }

        unsafe fn add_f(a: __m256, b: __m256) -> __m256 {
            _mm256_add_ps(a, b)
        }

        unsafe fn sub_f(a: __m256, b: __m256) -> __m256 {
            _mm256_sub_ps(a, b)
        }

        unsafe fn mul_f(a: __m256, b: __m256) -> __m256 {
            _mm256_mul_ps(a, b)
        }

        unsafe fn min_f(a: __m256, b: __m256) -> __m256 {
            _mm256_min_ps(a, b)
        }

        unsafe fn max_f(a: __m256, b: __m256) -> __m256 {
            _mm256_max_ps(a, b)
        }

        unsafe fn to_bits(a: __m256) -> __m256i {
            _mm256_castps_si256(a)
        }

        unsafe fn inverse_scale(scale: __m256i) -> __m256 {
            _mm256_castsi256_ps(_mm256_sub_epi32(mantissa(&INVERSE_MANTISSA, scale), exponent(scale)))
        }

        unsafe fn radius(scale: __m256i) -> __m256 {
            _mm256_castsi256_ps(_mm256_add_epi32(mantissa(&RADIUS_MANTISSA, scale), exponent(scale)))
        }

        unsafe fn signed_half_mass(t: __m256) -> __m256i {
            let magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0), t);
            let bits = _mm256_add_ps(_mm256_min_ps(magnitude, _mm256_set1_ps(LIMIT)), _mm256_set1_ps(MAGIC));
            // A float is negative if its bits, as an integer, are; and +0.0, where the mass is 0, gives 0.
            let mass = line(&GAUSSIAN_LINES, _mm256_castps_si256(bits));
            _mm256_srai_epi32::<13>(_mm256_sign_epi32(mass, _mm256_castps_si256(t)))
        }

        unsafe fn log2_line(t: __m256i) -> __m256i {
            _mm256_srli_epi32::<13>(line(&LOG2_LINES, t))
        }

        unsafe fn load_states(from: *const u64) -> States {
            // SAFETY: the caller promises 8 states.
            let (low, high) =
                unsafe { (_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(4).cast())) };
            States {
                even: _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_unpacklo_epi64(low, high)),
                odd: _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_unpackhi_epi64(low, high)),
            }
        }

        unsafe fn store_states(to: *mut u64, states: States) {
            let low = _mm256_unpacklo_epi64(states.even, states.odd);
            let high = _mm256_unpackhi_epi64(states.even, states.odd);
            // SAFETY: the caller promises room for 8 states.
            unsafe {
                _mm256_storeu_si256(to.cast(), _mm256_permute2x128_si256::<0x20>(low, high));
                _mm256_storeu_si256(to.add(4).cast(), _mm256_permute2x128_si256::<0x31>(low, high));
            }
        }

        unsafe fn quantile(states: States) -> __m256i {
            _mm256_and_si256(low_halves(states), _mm256_set1_epi32(0xffff))
        }

        unsafe fn pop(states: States, probability: __m256i, rest: __m256i) -> States {
            let even = _mm256_mul_epu32(_mm256_srli_epi64::<16>(states.even), probability);
            let odd = _mm256_mul_epu32(_mm256_srli_epi64::<16>(states.odd), _mm256_srli_epi64::<32>(probability));
            States {
                even: _mm256_add_epi64(even, _mm256_and_si256(rest, _mm256_set1_epi64x(0xffff_ffff))),
                odd: _mm256_add_epi64(odd, _mm256_srli_epi64::<32>(rest)),
            }
        }

        unsafe fn refill(states: States, words: *const u8) -> (States, usize) {
            let mask = _mm256_cmpeq_epi32(high_halves(states), _mm256_setzero_si256());
            let bits = mask_bits(mask);
            // SAFETY: the caller promises 8 words; the table has an entry of 16 bytes for each mask.
            let words = unsafe {
                let expand = _mm_loadu_si128(EXPAND.as_ptr().add(bits).cast());
                _mm256_cvtepu16_epi32(_mm_shuffle_epi8(_mm_loadu_si128(words.cast()), expand))
            };
            let (even_low, odd_low) = widen_mask(mask);
            let even = _mm256_blendv_epi8(states.even, _mm256_slli_epi64::<16>(states.even), even_low);
            let odd = _mm256_blendv_epi8(states.odd, _mm256_slli_epi64::<16>(states.odd), odd_low);
            let states = States {
                even: _mm256_or_si256(even, _mm256_and_si256(words, _mm256_set1_epi64x(0xffff))),
                odd: _mm256_or_si256(odd, _mm256_srli_epi64::<32>(words)),
            };
            (states, bits.count_ones() as usize)
        }

        unsafe fn push(states: States, intervals: __m256i, end: *mut u8) -> (States, usize) {
            let low16 = _mm256_set1_epi32(0xffff);
            let (probability, left) = (_mm256_srli_epi32::<16>(intervals), _mm256_and_si256(intervals, low16));
            // state < probability << 32 if and only if its high half is below the probability.
            let keep = _mm256_cmpgt_epi32(probability, high_halves(states));
            let bits = mask_bits(keep) ^ 0xff;
            let words = _mm256_and_si256(low_halves(states), low16);
            let words = _mm256_permute4x64_epi64::<0b10_00>(_mm256_packus_epi32(words, words));
            // SAFETY: the caller promises 8 words before `end`; the table has an entry of 16 bytes for each mask.
            unsafe {
                let compress = _mm_loadu_si128(COMPRESS.as_ptr().add(bits).cast());
                let words = _mm_shuffle_epi8(_mm256_castsi256_si128(words), compress);
                _mm_storeu_si128(end.sub(16).cast(), words);
            }
            let (even_keep, odd_keep) = widen_mask(keep);
            let even = _mm256_blendv_epi8(_mm256_srli_epi64::<16>(states.even), states.even, even_keep);
            let odd = _mm256_blendv_epi8(_mm256_srli_epi64::<16>(states.odd), states.odd, odd_keep);
            let low = _mm256_set1_epi64x(0xffff_ffff);
            let states = States {
                even: push_half(even, _mm256_and_si256(probability, low), _mm256_and_si256(left, low)),
                odd: push_half(odd, _mm256_srli_epi64::<32>(probability), _mm256_srli_epi64::<32>(left)),
            };
            (states, bits.count_ones() as usize)
        }
    }
}

crate::simd::entries!(Avx2, "avx2,bmi2,popcnt,lzcnt");
