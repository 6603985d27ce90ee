//! AArch64: NEON, 4 lanes.

use super::dot::Dot;
use super::vector::{Vector, entries};
use std::arch::aarch64::*;

#[derive(Clone, Copy)]
struct Quad(float32x4_t);

impl Vector for Quad {
    const WIDTH: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller promises the instructions and, as all below, what is behind a pointer.
        Self(unsafe { vdupq_n_f32(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: as above.
        Self(unsafe { vld1q_f32(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as above.
        unsafe { vst1q_f32(to, self.0) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { vfmaq_f32(b.0, self.0, a.0) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { vaddq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { vmaxq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mul_add_one(x: f32, a: f32, b: f32) -> f32 {
        x.mul_add(a, b)
    }
}

/// Groups of two inputs and weights of 16 bits.
#[derive(Clone, Copy)]
struct Sums(int32x4_t);

impl Dot for Sums {
    const WIDTH: usize = 4;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(value: i32) -> Self {
        // SAFETY: the caller promises the instructions and, as all below, what is behind a pointer.
        Self(unsafe { vdupq_n_s32(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: as above.
        Self(unsafe { vld1q_s32(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: as above.
        unsafe { vst1q_s32(to, self.0) }
    }

    #[inline(always)]
    unsafe fn dot(self, inputs: Self, weights: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe {
            let (x, w) = (vreinterpretq_s16_s32(inputs.0), vreinterpretq_s16_s32(weights.0));
            let low = vmull_s16(vget_low_s16(x), vget_low_s16(w));
            let high = vmull_high_s16(x, w);
            vaddq_s32(self.0, vpaddq_s32(low, high))
        })
    }

    #[inline(always)]
    unsafe fn pack(sums: [Self; 4], shift: i32) -> Self {
        // SAFETY: as above; these instructions touch no memory.
        unsafe {
            let right = vdupq_n_s32(-shift);
            let [a, b, c, d] = sums.map(|sums| vqmovn_s32(vshlq_s32(sums.0, right)));
            // a0 a1 a2 a3 b0 …, and c and d likewise.
            let [low, high] = [vqmovun_s16(vcombine_s16(a, b)), vqmovun_s16(vcombine_s16(c, d))];
            let order = [0u8, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];
            let bytes = vqtbl1q_u8(vcombine_u8(low, high), vld1q_u8(order.as_ptr()));
            Self(vreinterpretq_s32_u8(bytes))
        }
    }
}

entries!(Quad, Sums, Sums, 4);
