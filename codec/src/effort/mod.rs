//! Better symbols for the same decoder: a search by rate and distortion.
//!
//! The feed-forward encoder rounds what the analysis gives. The search minimises `bits + λ · error` over the symbols
//! themselves, area by area ([`area`]):
//!
//! 1. [`descent`]: y takes a step or two by slope and curvature of the cost. Slopes of the error come from
//!    [`distortion`], which decodes, compares pixels and pulls the differences back through wavelet and synthesis;
//!    [`masking`] weighs them for the eye, [`curvature`] knows how they change, [`moments`] what the prior expects.
//! 2. [`anneal`]: from effort 6 on, y moves further by gradients at randomly rounded samples of it, with those of the
//!    bits from [`crate::effort::rate`], the prior in floating point.
//! 3. [`decide`]: in coding order each symbol gets the value, of itself and its neighbours, with the smallest sum of
//!    its own bits, which are exact (those of the entropy coder under the mixture that the decoder will have), and of
//!    what slopes and curvatures say about everything else; up to effort 5 while the symbols are coded ([`Choice`]).
//!
//! Every number is computed in an order that does not depend on threads, so the same input gives the same bytes.

mod anneal;
mod area;
mod cost;
pub mod curvature;
pub mod decide;
mod descent;
mod distortion;
mod masking;
mod moments;
mod picture;
mod random;
pub mod rate;
mod schedule;
pub mod sound;
mod watch;

pub use picture::{Choice, Found, Picture};
pub use schedule::Effort;
pub use watch::Watch;
