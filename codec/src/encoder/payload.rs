//! Latents → the payloads of tiles and segments. The mirror is `decoder/payload.rs`.

use crate::array::Window;
use crate::effort::{self, Choice, decide};
use crate::error::Error;
use crate::latent::Latents;
use crate::prior::entropy_path;
use crate::quality::Level;
use crate::smooth::smooth_pictures;
use crate::weights::Weights;
use rayon::prelude::*;

/// Codes every window of ŷ of all groups of channels, each as one payload, and fills in the residuals that the prior
/// gives on the way.
pub(super) fn code_windows(
    windows: &[Window],
    level: Level,
    weights: &Weights,
    groups: &mut [Latents],
) -> Result<Vec<Vec<u8>>, Error> {
    let stride = weights.config.hyper_stride();
    let coded: Vec<(Vec<u8>, Vec<Latents>)> = windows
        .par_iter()
        .map(|&window| {
            let mut parts: Vec<Latents> = groups.iter().map(|whole| whole.window(window, stride)).collect();
            let payload = code_window(&mut parts, level, weights)?;
            smooth_pictures(&mut parts, weights);
            Ok((payload, parts))
        })
        .collect::<Result<_, Error>>()?;
    let mut payloads = Vec::with_capacity(coded.len());
    for (window, (payload, parts)) in windows.iter().zip(coded) {
        payloads.push(payload);
        for (whole, part) in groups.iter_mut().zip(&parts) {
            whole.residual.set_window(window.origin(), &part.residual);
        }
    }
    Ok(payloads)
}

/// The payload of one tile or segment: a check value of the symbols, then the stream, all groups after each other.
pub(super) fn code_window(parts: &mut [Latents], level: Level, weights: &Weights) -> Result<Vec<u8>, Error> {
    let mut coder = coder()?;
    for latents in parts.iter_mut() {
        weights.prior.code(level, latents, &mut coder).map_err(Error::Entropy)?;
    }
    Ok(payload(coder, parts))
}

/// As [`code_windows`], for the latents of a picture whose symbols are chosen as they are coded.
pub(super) fn choose_windows(
    windows: &[Window],
    choice: &Choice,
    level: Level,
    weights: &Weights,
    latents: &mut Latents,
) -> Result<(effort::Found, Vec<Vec<u8>>), Error> {
    let stride = weights.config.hyper_stride();
    let coded: Vec<(Vec<u8>, Latents, f64)> = windows
        .par_iter()
        .map(|&window| {
            let mut tile = latents.window(window, stride);
            let model = choice.model(window);
            let symbols = tile.y.data_mut().iter_mut().zip(model.anchor.data());
            symbols.for_each(|(symbol, y)| *symbol = y.round() as i32);
            let mut coder = decide::Choosing::new(&model, coder()?);
            weights.prior.code(level, &mut tile, &mut coder).map_err(Error::Entropy)?;
            let (coder, bits) = coder.into_parts();
            let payload = payload(coder, std::slice::from_ref(&tile));
            smooth_pictures(std::slice::from_mut(&mut tile), weights);
            Ok((payload, tile, bits))
        })
        .collect::<Result<_, Error>>()?;
    let mut found = effort::Found { rounds: choice.rounds, bits: 0.0 };
    let mut payloads = Vec::with_capacity(coded.len());
    for (window, (payload, tile, bits)) in windows.iter().zip(coded) {
        payloads.push(payload);
        found.bits += bits;
        latents.set_window(window.origin(), stride, &tile);
    }
    Ok((found, payloads))
}

fn coder() -> Result<wavern_entropy::Encoder, Error> {
    wavern_entropy::Encoder::with_path(entropy_path()).map_err(Error::Entropy)
}

fn payload(coder: wavern_entropy::Encoder, parts: &[Latents]) -> Vec<u8> {
    let mut payload = coder.finish();
    payload.splice(0..0, Latents::check(parts).to_le_bytes());
    payload
}
