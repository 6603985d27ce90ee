//! The `wavern` command as a library: reading and writing other file formats, measuring, and one module per verb.
#![forbid(unsafe_code)]

mod batch;
mod cli;
mod codec;
mod decode;
mod drawn;
mod encode;
pub mod error;
mod eval;
mod explain;
pub mod extension;
pub mod files;
mod info;
mod latents;
mod limits;
mod packaging;
mod progress;
mod quantize;
mod sound;
mod values;
mod verbs;
mod verify;
mod weights;

pub use cli::print;
pub use error::Result;
pub use values::Tune;
pub use verbs::run;

/// The Rust in the texts of the repository, which `cargo test --doc` compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
