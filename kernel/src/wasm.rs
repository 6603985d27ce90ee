//! WebAssembly simd128, 4 lanes. It has no fused multiply-add.

use super::dot::Dot;
use super::vector::{Vector, entries};
use std::arch::wasm32::*;

#[derive(Clone, Copy)]
struct Quad(v128);

impl Vector for Quad {
    const WIDTH: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(f32x4_splat(value))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller promises four elements.
        Self(unsafe { v128_load(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller promises four elements.
        unsafe { v128_store(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        Self(f32x4_add(f32x4_mul(self.0, a.0), b.0))
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(f32x4_add(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(f32x4_max(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn mul_add_one(x: f32, a: f32, b: f32) -> f32 {
        x * a + b
    }
}

/// Groups of two inputs and weights of 16 bits.
#[derive(Clone, Copy)]
struct Sums(v128);

impl Dot for Sums {
    const WIDTH: usize = 4;
    const REGISTERS: usize = 16;
    // With two vectors a row, sums, weights, inputs and a product just fit the 15 registers that V8 has on x86-64.
    const ROWS: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: i32) -> Self {
        Self(i32x4_splat(value))
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: the caller promises four elements.
        Self(unsafe { v128_load(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: the caller promises four elements.
        unsafe { v128_store(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn dot(self, inputs: Self, weights: Self) -> Self {
        Self(i32x4_add(self.0, i32x4_dot_i16x8(inputs.0, weights.0)))
    }

    #[inline(always)]
    unsafe fn pack(sums: [Self; 4], shift: i32) -> Self {
        let [a, b, c, d] = sums.map(|sums| i32x4_shr(sums.0, shift as u32));
        // a0 a1 a2 a3 b0 …, and c and d likewise.
        let bytes = u8x16_narrow_i16x8(i16x8_narrow_i32x4(a, b), i16x8_narrow_i32x4(c, d));
        Self(i8x16_shuffle::<0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15>(bytes, bytes))
    }
}

entries!(Quad, Sums, Sums, 2);
