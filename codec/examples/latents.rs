//! Prints a hash of the quantized latents of .wvn files, or of the samples of files without loss: the part of a decode
//! that must be equal on every machine.
//!
//! `cargo run --release -p wavern --example latents -- FILE…`

use wavern::internals::kernel::Path;
use wavern::{DecodeOptions, Decoder, Error, Samples, Signal};

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
        let bytes = std::fs::read(&path)?;
        let latents = match decoder.latents(&bytes) {
            Err(Error::Option { option: "latents", .. }) => {
                add_samples(&decoder.decode(&bytes)?, &mut hasher);
                Vec::new()
            }
            latents => latents?,
        };
        for latents in latents {
            for symbol in latents.y.data().iter().chain(latents.z.data()) {
                hasher.update(&symbol.to_le_bytes());
            }
        }
        println!("{} {path}", hasher.finalize().to_hex());
    }
    Ok(())
}

fn add_samples(signal: &Signal, hasher: &mut blake3::Hasher) {
    let mut add = |samples: &Samples| match samples {
        Samples::U8(samples) => {
            hasher.update(samples);
        }
        Samples::U16(samples) => {
            for sample in samples {
                hasher.update(&sample.to_le_bytes());
            }
        }
    };
    match signal {
        Signal::Image(image) => {
            add(image.samples());
            image.alpha().into_iter().for_each(add);
        }
        Signal::Audio(audio) => {
            let samples = audio.channels().iter().flatten();
            for sample in samples {
                hasher.update(&sample.to_le_bytes());
            }
        }
    }
}
