//! A sound that is encoded while it is generated and decoded while its bytes arrive, a fifth of a second at a time, in
//! memory that does not grow with its length: what a recorder and a player would do.
//!
//! `cargo run --release -p wavern --example sound_in_pieces`

use std::error::Error;
use std::f32::consts::TAU;
use wavern::{Decoder, Encoder, Metadata, SampleFormat};

const RATE: u32 = 48_000;
const PIECE: usize = 9_600;

fn main() -> Result<(), Box<dyn Error>> {
    // Any `Write` takes the file: a File, a socket, a Vec.
    let mut file = Vec::new();
    let encoder = Encoder::new(Default::default())?;
    let mut writer = encoder.sound_writer(RATE, SampleFormat::I16, 2, &Metadata::default(), &mut file)?;
    for piece in 0..20 {
        writer.write(microphone(piece))?;
        // Complete segments leave at once; without this they leave in batches, which is faster.
        writer.flush()?;
    }
    let summary = writer.finish(&Metadata::default())?;
    println!("{} frames in {} bytes", summary.frames, summary.bytes);

    // Any `Read` is a source.
    let decoder = Decoder::new(Default::default())?;
    let mut reader = decoder.sound_reader(&file[..])?;
    let mut frames = 0;
    while let Some(channels) = reader.read()? {
        frames += channels[0].len();
        println!("{frames} frames so far, loudest {:.3}", loudest(&channels[0]));
    }
    Ok(())
}

/// Two channels of a chord that fades, full scale at ±1.
fn microphone(piece: usize) -> Vec<Vec<f32>> {
    let sample = |frame: usize, pitch: f32| {
        let seconds = frame as f32 / RATE as f32;
        0.3 * (-seconds).exp() * (TAU * pitch * seconds).sin()
    };
    let channel = |pitch| (piece * PIECE..(piece + 1) * PIECE).map(|frame| sample(frame, pitch)).collect();
    vec![channel(440.0), channel(554.37)]
}

fn loudest(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |most, sample| sample.abs().max(most))
}
