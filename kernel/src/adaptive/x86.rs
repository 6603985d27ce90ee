//! The loops of filters and tables on x86-64: AVX-512 (32 numbers of 16 bits) and AVX2 (16). Compilers do not find the
//! instructions for products of 16 bits by themselves.

use super::{Filter, LEAST, SYMBOLS, learn_by};
use std::arch::x86_64::*;

/// See [`super::outputs`].
#[target_feature(enable = "avx512f,avx512bw,avx2")]
pub(super) fn outputs_avx512(filters: &[Filter], sums: &mut [i32]) {
    for (filter, sum) in filters.iter().zip(sums) {
        let (history, weights) = (filter.window(), &filter.weights[..]);
        *sum = if weights.len() == 16 { dot_avx2(history, weights) } else { dot_avx512(history, weights) };
    }
}

/// See [`super::outputs`].
#[target_feature(enable = "avx2")]
pub(super) fn outputs_avx2(filters: &[Filter], sums: &mut [i32]) {
    for (filter, sum) in filters.iter().zip(sums) {
        *sum = dot_avx2(filter.window(), &filter.weights);
    }
}

/// See [`super::learn`].
#[target_feature(enable = "avx512f,avx512bw,avx2")]
pub(super) fn learn_avx512(filters: &mut [Filter], errors: &[i64], values: &[i64]) {
    learn_by(filters, errors, values, |history, factor, weights| match weights.len() {
        16 => adapt_avx2(history, factor, weights),
        _ => adapt_avx512(history, factor, weights),
    });
}

/// See [`super::learn`].
#[target_feature(enable = "avx2")]
pub(super) fn learn_avx2(filters: &mut [Filter], errors: &[i64], values: &[i64]) {
    learn_by(filters, errors, values, |history, factor, weights| adapt_avx2(history, factor, weights));
}

/// See [`super::dot`]; a multiple of 32.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx2")]
fn dot_avx512(history: &[i16], weights: &[i16]) -> i32 {
    let mut sum = _mm512_setzero_si512();
    for (history, weights) in history.as_chunks::<32>().0.iter().zip(weights.as_chunks::<32>().0) {
        // SAFETY: both are 64 bytes.
        let (history, weights) = unsafe {
            (_mm512_loadu_si512(history.as_ptr().cast()), _mm512_loadu_si512(weights.as_ptr().cast()))
        };
        sum = _mm512_add_epi32(sum, _mm512_madd_epi16(history, weights));
    }
    _mm512_reduce_add_epi32(sum)
}

/// See [`super::dot`]; a multiple of 16.
#[inline]
#[target_feature(enable = "avx2")]
fn dot_avx2(history: &[i16], weights: &[i16]) -> i32 {
    let mut sum = _mm256_setzero_si256();
    for (history, weights) in history.as_chunks::<16>().0.iter().zip(weights.as_chunks::<16>().0) {
        // SAFETY: both are 32 bytes.
        let (history, weights) = unsafe {
            (_mm256_loadu_si256(history.as_ptr().cast()), _mm256_loadu_si256(weights.as_ptr().cast()))
        };
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(history, weights));
    }
    let sum = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
    let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b01_00_11_10>(sum));
    _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32::<0b10_11_00_01>(sum)))
}

/// See [`super::adapt`]; a multiple of 32.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx2")]
fn adapt_avx512(history: &[i16], factor: i16, weights: &mut [i16]) {
    let factor = _mm512_set1_epi16(factor);
    for (history, weights) in history.as_chunks::<32>().0.iter().zip(weights.as_chunks_mut::<32>().0) {
        // SAFETY: both are 64 bytes.
        unsafe {
            let change = _mm512_mulhrs_epi16(_mm512_loadu_si512(history.as_ptr().cast()), factor);
            let new = _mm512_adds_epi16(_mm512_loadu_si512(weights.as_ptr().cast()), change);
            _mm512_storeu_si512(weights.as_mut_ptr().cast(), new);
        }
    }
}

/// See [`super::adapt`]; a multiple of 16.
#[inline]
#[target_feature(enable = "avx2")]
fn adapt_avx2(history: &[i16], factor: i16, weights: &mut [i16]) {
    let factor = _mm256_set1_epi16(factor);
    for (history, weights) in history.as_chunks::<16>().0.iter().zip(weights.as_chunks_mut::<16>().0) {
        // SAFETY: both are 32 bytes.
        unsafe {
            let change = _mm256_mulhrs_epi16(_mm256_loadu_si256(history.as_ptr().cast()), factor);
            let new = _mm256_adds_epi16(_mm256_loadu_si256(weights.as_ptr().cast()), change);
            _mm256_storeu_si256(weights.as_mut_ptr().cast(), new);
        }
    }
}

/// See [`super::sum_of_products`].
#[target_feature(enable = "avx512f,avx2")]
pub(super) fn sum_of_products_avx512([first, second]: [&[i32]; 2], coefficients: &[i32]) -> i64 {
    let (these, others) = coefficients.split_at(first.len());
    let mut sum = _mm512_setzero_si512();
    for (samples, coefficients) in [(first, these), (second, others)] {
        for (samples, coefficients) in samples.as_chunks::<8>().0.iter().zip(coefficients.as_chunks::<8>().0)
        {
            // SAFETY: both are 32 bytes.
            let (samples, coefficients) = unsafe {
                (
                    _mm256_loadu_si256(samples.as_ptr().cast()),
                    _mm256_loadu_si256(coefficients.as_ptr().cast()),
                )
            };
            let (samples, coefficients) =
                (_mm512_cvtepi32_epi64(samples), _mm512_cvtepi32_epi64(coefficients));
            sum = _mm512_add_epi64(sum, _mm512_mul_epi32(samples, coefficients));
        }
    }
    _mm512_reduce_add_epi64(sum)
}

/// See [`super::sum_of_products`].
#[target_feature(enable = "avx2")]
pub(super) fn sum_of_products_avx2([first, second]: [&[i32]; 2], coefficients: &[i32]) -> i64 {
    let (these, others) = coefficients.split_at(first.len());
    let mut sum = _mm256_setzero_si256();
    for (samples, coefficients) in [(first, these), (second, others)] {
        for (samples, coefficients) in samples.as_chunks::<4>().0.iter().zip(coefficients.as_chunks::<4>().0)
        {
            // SAFETY: both are 16 bytes.
            let (samples, coefficients) = unsafe {
                (_mm_loadu_si128(samples.as_ptr().cast()), _mm_loadu_si128(coefficients.as_ptr().cast()))
            };
            let (samples, coefficients) =
                (_mm256_cvtepi32_epi64(samples), _mm256_cvtepi32_epi64(coefficients));
            sum = _mm256_add_epi64(sum, _mm256_mul_epi32(samples, coefficients));
        }
    }
    let halves = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
    _mm_cvtsi128_si64(_mm_add_epi64(halves, _mm_unpackhi_epi64(halves, halves)))
}

/// What is added to the numbers of a table, in its scale.
const LEASTS: [i32; SYMBOLS] = {
    let mut leasts = [0; SYMBOLS];
    let mut symbol = 0;
    while symbol < SYMBOLS {
        leasts[symbol] = (LEAST as i32 * symbol as i32) << 6;
        symbol += 1;
    }
    leasts
};

/// See [`super::count`]: below ≫ 6 + least ≤ code where below + 64 least ≤ 64 code + 63.
#[target_feature(enable = "avx512f")]
pub(super) fn count_avx512(below: &[i32; SYMBOLS], code: u32) -> u32 {
    let most = _mm512_set1_epi32(((code << 6) | 63) as i32);
    let part = |first: usize| {
        // SAFETY: 16 numbers of 32.
        let (below, leasts) = unsafe {
            (
                _mm512_loadu_si512(below[first..first + 16].as_ptr().cast()),
                _mm512_loadu_si512(LEASTS[first..first + 16].as_ptr().cast()),
            )
        };
        _mm512_cmple_epi32_mask(_mm512_add_epi32(below, leasts), most).count_ones()
    };
    part(0) + part(16)
}
