//! Seeded fixtures of the benchmarks: the same parameters and symbols as in the tests.

#[path = "../entropy/tests/common/mod.rs"]
#[allow(missing_docs, clippy::unwrap_used, reason = "test code, documented where it matters")]
pub mod common;

pub mod peer;
