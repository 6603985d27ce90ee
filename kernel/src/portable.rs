//! Vectors in plain Rust, eight lanes that a compiler may put into registers. Multiplication and addition are rounded
//! one after the other.

use super::dot::Dot;
use super::vector::{Vector, entries};

#[derive(Clone, Copy)]
struct Lanes([f32; 8]);

impl Vector for Lanes {
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller promises eight elements.
        Self(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller promises eight elements.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * a.0[i] + b.0[i]))
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].max(other.0[i])))
    }

    #[inline(always)]
    unsafe fn mul_add_one(x: f32, a: f32, b: f32) -> f32 {
        x * a + b
    }
}

#[derive(Clone, Copy)]
struct Sums([i32; 8]);

impl Dot for Sums {
    const WIDTH: usize = 8;
    // Of x86-64 without AVX, the least that a machine has.
    const REGISTERS: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: i32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: the caller promises eight elements.
        Self(unsafe { from.cast::<[i32; 8]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: the caller promises eight elements.
        unsafe { to.cast::<[i32; 8]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn dot(self, inputs: Self, weights: Self) -> Self {
        let low = |v: i32| i32::from(v as i16);
        Self(std::array::from_fn(|i| {
            let (x, w) = (inputs.0[i], weights.0[i]);
            self.0[i].wrapping_add(low(x) * low(w)).wrapping_add((x >> 16) * (w >> 16))
        }))
    }

    #[inline(always)]
    unsafe fn pack(sums: [Self; 4], shift: i32) -> Self {
        let byte = |sums: &Self, i: usize| (sums.0[i] >> (shift & 31)).clamp(0, 255);
        let [a, b, c, d] = &sums;
        Self(std::array::from_fn(|i| byte(a, i) | byte(b, i) << 8 | byte(c, i) << 16 | byte(d, i) << 24))
    }
}

entries!(Lanes, Sums, Sums, 1);
