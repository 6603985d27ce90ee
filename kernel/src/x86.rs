//! x86-64: AVX-512 (16 lanes) and AVX2 with FMA (8 lanes).

use super::dot::Dot;
use super::vector::{Vector, entries};
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
struct Zmm(__m512);

impl Vector for Zmm {
    const WIDTH: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller promises the instructions and, as all below, what is behind a pointer.
        Self(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as above.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_fmadd_ps(self.0, a.0, b.0) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mul_add_one(x: f32, a: f32, b: f32) -> f32 {
        x.mul_add(a, b)
    }
}

#[derive(Clone, Copy)]
struct Ymm(__m256);

impl Vector for Ymm {
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller promises the instructions and, as all below, what is behind a pointer.
        Self(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as above.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_fmadd_ps(self.0, a.0, b.0) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_max_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mul_add_one(x: f32, a: f32, b: f32) -> f32 {
        x.mul_add(a, b)
    }
}

/// Sums in a ZMM register, with the VNNI instruction that adds to them.
macro_rules! zmm_sums {
    ($(#[$meta:meta])* $name:ident, $dot:ident) => {
$(#[$meta])*
#[derive(Clone, Copy)]
struct $name(__m512i);

impl Dot for $name {
    const WIDTH: usize = 16;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(value: i32) -> Self {
        // SAFETY: the caller promises the instructions and, as all below, what is behind a pointer.
        Self(unsafe { _mm512_set1_epi32(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_loadu_si512(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: as above.
        unsafe { _mm512_storeu_si512(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn dot(self, inputs: Self, weights: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { $dot(self.0, inputs.0, weights.0) })
    }

    #[inline(always)]
    unsafe fn pack(sums: [Self; 4], shift: i32) -> Self {
        // SAFETY: as above; these instructions touch no memory.
        unsafe {
            let right = _mm_cvtsi32_si128(shift);
            let [a, b, c, d] = sums.map(|sums| _mm512_sra_epi32(sums.0, right));
            // In each quarter a0 a1 a2 a3 b0 … d3.
            let bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
            let order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            Self(_mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(order)))
        }
    }
}
    };
}

zmm_sums!(
    /// Groups of four inputs without sign and four weights with one.
    ZmmSums,
    _mm512_dpbusd_epi32
);
zmm_sums!(
    /// Groups of two inputs and weights of 16 bits.
    ZmmWords,
    _mm512_dpwssd_epi32
);

/// Groups of two inputs and weights of 16 bits.
#[derive(Clone, Copy)]
struct YmmSums(__m256i);

impl Dot for YmmSums {
    const WIDTH: usize = 8;
    const REGISTERS: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: i32) -> Self {
        // SAFETY: the caller promises the instructions and, as all below, what is behind a pointer.
        Self(unsafe { _mm256_set1_epi32(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_loadu_si256(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: as above.
        unsafe { _mm256_storeu_si256(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn dot(self, inputs: Self, weights: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_add_epi32(self.0, _mm256_madd_epi16(inputs.0, weights.0)) })
    }

    #[inline(always)]
    unsafe fn pack(sums: [Self; 4], shift: i32) -> Self {
        // SAFETY: as above; these instructions touch no memory.
        unsafe {
            let right = _mm_cvtsi32_si128(shift);
            let [a, b, c, d] = sums.map(|sums| _mm256_sra_epi32(sums.0, right));
            // In each half a0 a1 a2 a3 b0 … d3.
            let bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
            let order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            Self(_mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(order)))
        }
    }
}

pub(crate) mod avx512 {
    super::entries!(super::Zmm, super::ZmmSums, super::ZmmWords, 4, #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma")]);
}

pub(crate) mod avx2 {
    super::entries!(super::Ymm, super::YmmSums, super::YmmSums, 2, #[target_feature(enable = "avx2,fma")]);
}
