//! The payloads of tiles and segments → latents. The mirror is `encoder/payload.rs`.

use crate::array::Window;
use crate::config::ModelConfig;
use crate::error::Error;
use crate::latent::Latents;
use crate::prior::entropy_path;
use crate::quality::Level;
use crate::smooth::smooth_pictures;
use crate::weights::Weights;
use rayon::prelude::*;
use wavern_bitstream::Container;

/// Decodes the tiles of a picture, one for each window, and puts them together.
pub(super) fn read_latents(
    container: &Container<'_>,
    windows: &[Window],
    [rows, columns]: [usize; 2],
    weights: &Weights,
) -> Result<Latents, Error> {
    let config = &weights.config;
    let level = level(container.header().level(), config)?;
    let mut decoded: Vec<Vec<Latents>> = windows
        .par_iter()
        .enumerate()
        .map(|(index, window)| {
            let parts = vec![Latents::zeros(config, window.rows, window.columns)];
            decode_window(container.tile(index)?, Unit::tile(index), parts, level, weights)
        })
        .collect::<Result<_, Error>>()?;
    if let ([_], Some(parts)) = (windows, decoded.first_mut())
        && let Some(only) = parts.pop()
    {
        return Ok(only); // A sole tile is all of it, without a copy.
    }
    let mut whole = Latents::zeros(config, rows, columns);
    for (window, part) in windows.iter().zip(decoded.iter().flatten()) {
        whole.set_window(window.origin(), config.hyper_stride(), part);
    }
    Ok(whole)
}

/// A quality level in a file, if the model has it.
pub(super) fn level(level: u16, config: &ModelConfig) -> Result<Level, Error> {
    let (level, top) = (Level(level), Level::top(config.lambdas.len()));
    if level > top {
        let expected = format!("0..={}", top.0);
        return Err(Error::Field { field: "quality level", value: level.0.into(), expected });
    }
    Ok(level)
}

/// Refuses positions that latents of this many rows and columns do not have.
pub(super) fn check_window(window: Window, [rows, columns]: [usize; 2]) -> Result<(), Error> {
    let inside = |first: usize, count: usize, all: usize| {
        count > 0 && first.checked_add(count).is_some_and(|end| end <= all)
    };
    if inside(window.row, window.rows, rows) && inside(window.column, window.columns, columns) {
        return Ok(());
    }
    let Window { row, column, rows: height, columns: width } = window;
    let problem = format!(
        "{height} rows and {width} columns from row {row} and column {column} on \
         (expected a part of {rows} rows and {columns} columns, not empty)"
    );
    Err(Error::Option { option: "window", problem })
}

/// Which tile or segment a payload is, for errors.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    name: &'static str,
    index: usize,
}

impl Unit {
    pub(super) fn tile(index: usize) -> Self {
        Self { name: "tile", index }
    }

    pub(super) fn segment(index: u64) -> Self {
        Self { name: "segment", index: usize::try_from(index).unwrap_or(usize::MAX) }
    }
}

/// Undoes the encoder's `code_window`: fills `parts`, and checks that the symbols are those that were written.
pub(super) fn decode_window(
    payload: &[u8],
    Unit { name: unit, index }: Unit,
    mut parts: Vec<Latents>,
    level: Level,
    weights: &Weights,
) -> Result<Vec<Latents>, Error> {
    let Some((stored, stream)) = payload.split_first_chunk() else {
        return Err(Error::Payload { unit, index, source: wavern_entropy::Error::UnexpectedEnd });
    };
    let mut decode = || -> Result<(), wavern_entropy::Error> {
        let mut coder = wavern_entropy::Decoder::with_path(stream, entropy_path())?;
        for latents in &mut parts {
            weights.prior.code(level, latents, &mut coder)?;
        }
        coder.finish()
    };
    decode().map_err(|source| Error::Payload { unit, index, source })?;
    let (stored, computed) = (u16::from_le_bytes(*stored), Latents::check(&parts));
    if stored != computed {
        return Err(Error::Symbols { unit, index, stored, computed });
    }
    smooth_pictures(&mut parts, weights);
    Ok(parts)
}
