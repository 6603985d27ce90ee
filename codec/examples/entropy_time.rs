//! Time that a decode spends in the entropy coder, and in the whole prior around it.
//!
//! `cargo run --release -p wavern --example entropy_time -- PICTURE.wvn` prints one JSON object: medians of 15 runs.

use std::time::{Duration, Instant};
use wavern::Latents;
use wavern::internals::prior::SymbolCoder;
use wavern::internals::quality::Level;
use wavern::internals::weights;
use wavern_bitstream::{Container, Header, Limits};
use wavern_entropy::{Decoder, Error, MixtureParams};

/// A decoder with a stopwatch.
struct Timed<'a> {
    decoder: Decoder<'a>,
    spent: Duration,
}

impl SymbolCoder for Timed<'_> {
    fn code(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), Error> {
        let start = Instant::now();
        let result = self.decoder.decode(params, symbols);
        self.spent += start.elapsed();
        result
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: entropy_time PICTURE.wvn")?;
    let bytes = std::fs::read(path)?;
    let container = Container::parse(&bytes, &Limits::default())?;
    let weights = weights::image(weights::Tune::Psnr)?;
    let config = weights.config();
    let Header::Image(header) = container.header() else { return Err("not a picture".into()) };
    if container.tile_count() != 1 {
        return Err("a picture of one tile is needed".into());
    }
    let [v, u] = config.signal_stride();
    let (rows, columns) = ((header.height as usize).div_ceil(v), (header.width as usize).div_ceil(u));
    let mut times = Vec::new();
    for _ in 0..15 {
        let mut latents = Latents::of_model(config, rows, columns);
        let mut timed = Timed { decoder: Decoder::new(container.tile(0)?)?, spent: Duration::ZERO };
        let start = Instant::now();
        weights.prior().code(Level(header.level), &mut latents, &mut timed)?;
        times.push((timed.spent, start.elapsed()));
        timed.decoder.finish()?;
    }
    times.sort();
    let (entropy, prior) = times[times.len() / 2];
    let symbols = rows * columns * config.latents();
    println!(
        "{{\"symbols\":{symbols},\"entropy_ms\":{:.3},\"prior_ms\":{:.3}}}",
        entropy.as_secs_f64() * 1e3,
        prior.as_secs_f64() * 1e3
    );
    Ok(())
}
