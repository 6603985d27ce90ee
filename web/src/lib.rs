//! Requests in, replies out: the library `wavern` behind three functions that a WebAssembly host can call.
//!
//! ```text
//! host (web/js)                       this module
//! wavern_alloc(n)                ──►  memory for n bytes
//! wavern_call(head, n, body, m)  ──►  [`request`]: JSON head, binary body
//!   wavern.begin(head, n)        ◄──    a picture is about to come
//!   wavern.rows(bytes, n)        ◄──    its next rows, while it is decoded
//!   wavern.progress(part)        ◄──    how far a search is, 0..=1
//! reply: JSON head, binary body  ◄──  [`codec`]
//! wavern_done()                  ──►  the reply is no longer needed
//! ```
//!
//! A module without weights inside: the host hands them over when a file asks for them ([`failure`]). There are no
//! threads. A panic ends the instance, as every trap of WebAssembly does; the host makes a new one for the next call.
#![deny(missing_docs)]

#[cfg(target_arch = "wasm32")]
mod abi;
pub mod codec;
pub mod failure;
mod latents;
mod metadata;
mod models;
mod picture;
pub mod reply;
pub mod request;
mod sound;
