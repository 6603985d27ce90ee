//! Symbols in, bytes out, and back: entropy coding for learned codecs.
//!
//! A network predicts a probability distribution for every symbol, a mixture of one to four Gaussians; this crate turns
//! symbols and mixtures into bytes within about 0.01 % of the length that the mixtures allow, and back at a few
//! nanoseconds per symbol. Nothing is tabulated per symbol: the decoder searches the cumulative function itself, many
//! symbols at once. The same bytes come out, and the same symbols, on every machine and on every [`Path`].
//!
//! ```
//! use wavern_entropy::{Decoder, Encoder, MixtureParams};
//!
//! // Three symbols, one Gaussian each: means -1.0, 0.5 and 3.25, standard deviations 0.5, 1 and 2.
//! let params = MixtureParams { components: 1, weight: &[], mean: &[-64, 32, 208], scale: &[35, 51, 67] };
//! let mut encoder = Encoder::new();
//! encoder.encode(&params, &[-1, 0, 5])?;
//! let bytes = encoder.finish();
//! assert_eq!(bytes, [0x00, 0x20, 0x00, 0x80, 0xbe]);
//!
//! let mut decoder = Decoder::new(&bytes)?;
//! let mut symbols = [0; 3];
//! decoder.decode(&params, &mut symbols)?;
//! decoder.finish()?;
//! assert_eq!(symbols, [-1, 0, 5]);
//! # Ok::<(), wavern_entropy::Error>(())
//! ```
//!
//! # Parts
//!
//! ```text
//! MixtureParams ─┐                    ┌─ Encoder ─ bytes ─ Decoder ─ symbols
//! Categorical   ─┼─ interval (left, ──┤
//! raw bits      ─┘   probability)     └─ BitCounter ─ bits
//! ```
//!
//! A model gives each symbol an interval of `0..65536`; rANS \[1] codes intervals. [`Encoder`] and [`Decoder`] take
//! calls of any of the three kinds in any order, and later calls may depend on symbols of earlier ones. [`BitCounter`]
//! reports what the encoder would write.
//!
//! `FORMAT.md` of the project defines all of it to the last bit.
//!
//! # Why every machine agrees
//!
//! The mass below an edge `e` is `(256 * 32767 + sum of weight * h(e - mean, scale)) >> 8`. Everything but `h` is
//! integer arithmetic. `h`, the mass between a mean and a point `d` above it, multiplies the integer `d` by a tabulated
//! `f32`, which IEEE 754 rounds in exactly one way; takes the minimum with a constant; and adds a power of two, which
//! rounds to an integer number `T` of table steps, again in exactly one way. From there on it is integers: a straight
//! line between two of 33 knots. A product and a sum that are never fused, and no function of any library: there is
//! nothing for compilers or processors to do differently. No operand is subnormal, infinite or NaN.
//!
//! # Why decoding never fails
//!
//! A decoder finds the symbol whose interval holds a number, so intervals must neither overlap nor turn around: the
//! mass below an edge must not fall as the edge rises. Each step keeps the order of its arguments. `e - mean` is exact.
//! Multiplying by a positive constant, rounding, the minimum and the addition keep `<=`. The line rises within a
//! segment, since the knots rise, and two segments have the same value at the knot they share; below the mean the same
//! line is negated as its argument is. Rounding down keeps `<=`, and so do sums with weights that are not negative.
//! Beyond 31/7 standard deviations `h` is exactly ±32767, so with weights that sum to 256 the mass reaches exactly 0
//! and 65534, whatever the parameters. The two codes above announce an escape, and any `i32` can follow.
//!
//! # Damage
//!
//! Any bytes give symbols or an [`Error`]. Nothing is read outside the slice, and no memory grows with what bytes say.
//! [`Decoder::finish`] notices nearly all damage, for the states must end where the encoder began; but damage within
//! raw bits only changes them. Containers that have to be sure carry a checksum.
//!
//! # References
//!
//! \[1] J. Duda, Asymmetric numeral systems, [arXiv 1311.2540](https://arxiv.org/abs/1311.2540). \[2] F. Giesen,
//! Interleaved entropy coders, [arXiv 1402.3392](https://arxiv.org/abs/1402.3392). \[3] S. Murai, F. Lin, J. Katto,
//! FlashGMM, [arXiv 2509.18815](https://arxiv.org/abs/2509.18815): mixtures without tables. \[4] R. Bamler,
//! Understanding entropy coding with asymmetric numeral systems, [arXiv 2201.01741](https://arxiv.org/abs/2201.01741);
//! its crate `constriction` is the oracle of the tests in `benches/`.

#![no_std]
// Vector instructions are in `simd`; no other module may have `unsafe`.
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

// What is coded: symbols under models, as intervals.
#[forbid(unsafe_code)]
mod error;
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64")),
    allow(dead_code, reason = "some tables are for vectors only")
)]
#[forbid(unsafe_code)]
mod tables;

#[forbid(unsafe_code)]
mod gaussian;
#[forbid(unsafe_code)]
mod mixture;

#[forbid(unsafe_code)]
mod categorical;
#[forbid(unsafe_code)]
mod escape;
#[forbid(unsafe_code)]
mod interval;

// How: states and words, and the hot loops once per instruction set.
#[forbid(unsafe_code)]
mod rans;
#[forbid(unsafe_code)]
mod stream;

#[forbid(unsafe_code)]
mod path;
#[forbid(unsafe_code)]
mod scalar;
mod simd;

// The public face.
#[forbid(unsafe_code)]
mod encoder;

#[forbid(unsafe_code)]
mod decoder;

#[forbid(unsafe_code)]
mod binary;

#[forbid(unsafe_code)]
mod bit_counter;

pub use binary::{BinaryDecoder, BinaryEncoder};
pub use bit_counter::BitCounter;
pub use categorical::Categorical;
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::Error;
pub use mixture::{MAX_COMPONENTS, MixtureParams, cumulative};
pub use path::Path;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
