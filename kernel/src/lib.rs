//! The arithmetic of Wavern's networks and wavelets on vectors, chosen at run time: AVX-512, AVX2 with FMA, NEON, wasm
//! simd128, or plain Rust.
//!
//! This crate serves `wavern` and has no interface of its own to keep: it changes with that crate.
//!
//! * [`float`]: pointwise and depthwise layers on f32, for the transforms.
//! * [`integer`]: the same on integers of 8 bits, for the prior and the synthesis; [`wide`]: pointwise layers on 16
//!   bits; [`codes`]: from reals to integers, and filters between them, for the synthesis.
//! * [`latents`], [`parameters`], [`likelihood`]: between float layers, symbols, integer layers and the entropy coder.
//! * [`pixels`], [`lifting`]: colours and the steps of a wavelet; [`color`] and [`cdf97`] are their definitions.
//! * [`adaptive`], [`least_squares`]: prediction of samples that learns as it goes, for sound without loss.
//!
//! One generic source serves every instruction set through a trait of vectors; the files of the sets say only what
//! their instructions are. Every output is one chain of additions in an order that the shape alone gives: bias
//! first, then the inputs in order. So a result depends neither on the number of threads nor on how the positions
//! are cut into runs, and all paths that fuse multiplication and addition ([`Path::fuses`]) give the same bits.
//!
//! ```
//! use wavern_kernel::float::{After, Pointwise};
//!
//! let layer = Pointwise::new(&[1.0, 2.0, 0.0, -1.0], &[0.5, 0.0], 2); // two outputs of two inputs
//! let mut out = [0.0; 2];
//! layer.run(&[3.0, 4.0], &mut out, After::Relu);
//! assert_eq!(out, [11.5, 0.0]);
//! ```
#![deny(missing_docs)]
#![allow(unsafe_code, reason = "vector instructions; every block says why it is sound")]

#[doc(hidden)]
pub mod arbitrary;

pub mod adaptive;
pub mod causal;
pub mod cdf97;
pub mod codes;
pub mod color;
pub mod compand;
pub mod float;
pub mod gradient;
pub mod integer;
pub mod latents;
pub mod least_squares;
pub mod lifting;
pub mod likelihood;
pub mod parameters;
pub mod pixels;
pub mod planar;
pub mod wide;

mod dot;
mod filter;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod results;
mod vector;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::OnceLock;

/// The path in use, once it is chosen.
static CHOSEN: OnceLock<Path> = OnceLock::new();

/// Which instructions do the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Path {
    /// Plain Rust, on every machine.
    Portable,
    /// x86-64 with AVX2, FMA and F16C: since 2013 (Intel) and 2015 (AMD).
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ, VL and VNNI: Ice Lake, Zen 4 and later.
    Avx512,
    /// AArch64.
    Neon,
    /// WebAssembly built with `simd128`.
    Wasm,
}

impl Path {
    const ALL: [Self; 5] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Wasm, Self::Portable];

    /// The path that layers run on: the fastest of this machine, unless [`Self::prefer`] chose another.
    pub fn best() -> Self {
        *CHOSEN.get_or_init(|| Self::available().next().unwrap_or(Self::Portable))
    }

    /// Makes the path of this name [`Self::best`] for the whole process: to try on one machine what another does.
    /// False, and without effect, if this machine does not have it or another path is in use already.
    pub fn prefer(name: &str) -> bool {
        let named = Self::available().find(|path| path.name() == name);
        named.is_some_and(|path| *CHOSEN.get_or_init(|| path) == path)
    }

    /// The paths of this machine, fastest first; the last is [`Path::Portable`].
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|path| path.is_available())
    }

    /// Whether this machine, and this build, have the instructions.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => cfg!(target_feature = "neon"),
            #[cfg(target_arch = "wasm32")]
            Self::Wasm => cfg!(target_feature = "simd128"),
            _ => false,
        }
    }

    /// Whether `a * b + c` is rounded once. Paths that do agree bit for bit; so do those that do not.
    pub fn fuses(self) -> bool {
        !matches!(self, Self::Portable | Self::Wasm)
    }

    /// Lower-case name, as used in benchmark records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
            Self::Wasm => "wasm",
        }
    }
}

/// Calls `$module::$name` compiled for `$path`, which [`Path::is_available`] found on this machine.
macro_rules! dispatch {
    ($path:expr, $name:ident($($argument:expr),* $(,)?)) => {
        match $path {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: layers hold only paths that this machine has; lengths were checked by the caller.
            $crate::Path::Avx512 => unsafe { $crate::x86::avx512::$name($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            $crate::Path::Avx2 => unsafe { $crate::x86::avx2::$name($($argument),*) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: as above.
            $crate::Path::Neon => unsafe { $crate::neon::$name($($argument),*) },
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            // SAFETY: as above.
            $crate::Path::Wasm => unsafe { $crate::wasm::$name($($argument),*) },
            // SAFETY: plain Rust needs no instructions; lengths were checked by the caller.
            _ => unsafe { $crate::portable::$name($($argument),*) },
        }
    };
}
use dispatch;

/// Compiles functions in plain Rust for each instruction set too, and calls the best: for loops that a compiler turns
/// into vectors well by itself. Nothing is fused or reordered in them, so all versions give the same bits.
macro_rules! multiversion {
    ($($(#[$meta:meta])* pub fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block)*) => {$(
        $(#[$meta])*
        pub fn $name($($argument: $type),*) {
            #[inline(always)]
            fn body($($argument: $type),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2")]
                fn avx512($($argument: $type),*) {
                    body($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) {
                    body($($argument),*)
                }
                match $crate::Path::best() {
                    // SAFETY: this machine has the path, and so its instructions.
                    $crate::Path::Avx512 => return unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    $crate::Path::Avx2 => return unsafe { avx2($($argument),*) },
                    _ => {}
                }
            }
            body($($argument),*)
        }
    )*};
}
use multiversion;
