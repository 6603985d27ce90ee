//! Prints a hash of the quantized latents of .wvn files: the part of a decode that must be equal on every machine.
//!
//! `cargo run --release -p wavern --example latents -- FILE…`

use wavern::internals::kernel::Path;
use wavern::{DecodeOptions, Decoder};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // To try on one machine what another does.
    if let Ok(name) = std::env::var("WAVERN_CPU")
        && !Path::prefer(&name)
    {
        return Err(format!("this machine has no instructions called {name}").into());
    }
    let decoder = Decoder::new(DecodeOptions::default())?;
    for path in std::env::args().skip(1) {
        let mut hasher = blake3::Hasher::new();
        for latents in decoder.latents(&std::fs::read(&path)?)? {
            for symbol in latents.y.data().iter().chain(latents.z.data()) {
                hasher.update(&symbol.to_le_bytes());
            }
        }
        println!("{} {path}", hasher.finalize().to_hex());
    }
    Ok(())
}
