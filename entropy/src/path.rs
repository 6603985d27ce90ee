//! Which instructions do the work. All paths read and write the same bytes.

use alloc::vec::Vec;

use crate::error::Error;

/// Whether the processor has all of these features; without `std`, whether the build assumes them.
#[cfg(target_arch = "x86_64")]
macro_rules! detected {
    ($($feature:tt),*) => {{
        #[cfg(feature = "std")]
        let found = $(std::arch::is_x86_feature_detected!($feature))&&*;
        #[cfg(not(feature = "std"))]
        let found = $(cfg!(target_feature = $feature))&&*;
        found
    }};
}

/// An implementation of the coder. [`Path::Scalar`] is the definition; the others equal it bit for bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Path {
    /// Plain Rust, on every machine.
    Scalar,
    /// x86-64 with AVX2.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ, VL, VBMI2 and VNNI: Ice Lake, Zen 4 and later.
    Avx512,
    /// AArch64.
    Neon,
    /// WebAssembly built with `simd128`.
    Wasm,
}

impl Path {
    const ALL: [Self; 5] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Wasm, Self::Scalar];

    /// The paths of this machine, fastest first; the last is [`Path::Scalar`].
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|path| path.is_available()).collect()
    }

    /// The fastest path of this machine.
    pub fn best() -> Self {
        Self::ALL.into_iter().find(|path| path.is_available()).unwrap_or(Self::Scalar)
    }

    /// Whether this machine, and this build, have the instructions.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => detected!("avx2", "bmi2", "popcnt", "lzcnt"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && detected!("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vbmi2", "avx512vnni")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => cfg!(target_feature = "neon"),
            #[cfg(target_arch = "wasm32")]
            Self::Wasm => cfg!(target_feature = "simd128"),
            _ => false,
        }
    }

    /// Lower-case name, as used in benchmark records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
            Self::Wasm => "wasm",
        }
    }

    /// `Ok(self)` if available: the proof that the dispatch in `simd/dispatch.rs` relies on.
    pub(crate) fn checked(self) -> Result<Self, Error> {
        if self.is_available() { Ok(self) } else { Err(Error::PathUnavailable { path: self.name() }) }
    }
}
