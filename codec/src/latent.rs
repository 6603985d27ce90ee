//! ŷ and ẑ of a signal, whole or tile by tile.

use crate::array::{Array, Symbols, Window};
use crate::config::ModelConfig;
use std::sync::Mutex;

/// ŷ and ẑ of a whole picture, or of one group of channels of a sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latents {
    /// ŷ, `[rows, columns, M]`.
    pub y: Symbols,
    /// ẑ, `[rows, columns, N]`; each position stands for a block of positions of ŷ.
    pub z: Symbols,
    /// What is added to ŷ before the synthesis, by the prior and, in pictures, by smoothing, in 1/64 step,
    /// `[rows, columns, M]`; no channels if the model has no latent residuals.
    pub residual: Array<i8>,
}

impl Latents {
    /// All zeros, for `rows` × `columns` positions of ŷ.
    pub(crate) fn zeros(config: &ModelConfig, rows: usize, columns: usize) -> Self {
        let [y, z, residual] = Self::shapes(config, rows, columns);
        Self { y: Symbols::zeros(y), z: Symbols::zeros(z), residual: Array::zeros(residual) }
    }

    /// Those of ŷ, ẑ and the residuals.
    pub(crate) fn shapes(config: &ModelConfig, rows: usize, columns: usize) -> [[usize; 3]; 3] {
        let [v, u] = config.hyper_stride();
        let residuals = if config.context.residual { config.latents() } else { 0 };
        [
            [rows, columns, config.latents()],
            [rows.div_ceil(v), columns.div_ceil(u), config.hyper_latents()],
            [rows, columns, residuals],
        ]
    }

    /// The part of one tile or segment: positions of ŷ, of which each position of ẑ stands for `stride`. The window
    /// must begin at a whole position of ẑ.
    pub(crate) fn window(&self, window: Window, stride: [usize; 2]) -> Self {
        Self {
            y: self.y.window(window),
            z: self.z.window(hyper_window(window, stride)),
            residual: self.residual.window(window),
        }
    }

    /// Puts a part back where [`Self::window`] took it.
    pub(crate) fn set_window(&mut self, [row, column]: [usize; 2], [v, u]: [usize; 2], part: &Self) {
        self.y.set_window([row, column], &part.y);
        self.z.set_window([row / v, column / u], &part.z);
        self.residual.set_window([row, column], &part.residual);
    }

    /// The values in `window` of what `parts`, each at its place, hold together; zeros where there are none.
    pub(crate) fn of_parts<'a>(
        config: &ModelConfig,
        window: Window,
        parts: impl IntoIterator<Item = (Window, &'a Self)>,
    ) -> Self {
        let mut whole = Self::zeros(config, window.rows, window.columns);
        let stride = config.hyper_stride();
        let hyper = hyper_window(window, stride);
        whole.z = Symbols::zeros([hyper.rows, hyper.columns, config.hyper_latents()]);
        for (place, part) in parts {
            whole.y.set_overlap(window, &part.y, place);
            whole.z.set_overlap(hyper, &part.z, hyper_window(place, stride));
            whole.residual.set_overlap(window, &part.residual, place);
        }
        whole
    }

    /// The check value that a payload carries of the symbols in it: the low half of the CRC-32C of ẑ, ŷ and residuals
    /// of every group, as little-endian 32-bit integers. It holds on the machine that wrote the file; where it does
    /// not, the bytes are whole, and a probability came out differently.
    pub(crate) fn check(groups: &[Self]) -> u16 {
        // Through a buffer, so that the order of bytes is the same on every machine.
        fn append<T: Copy + Into<i32>>(checksum: u32, symbols: &[T]) -> u32 {
            const SYMBOLS: usize = 1024;
            let mut buffer = [0u8; 4 * SYMBOLS];
            symbols.chunks(SYMBOLS).fold(checksum, |checksum, symbols| {
                for (bytes, &symbol) in buffer.chunks_exact_mut(4).zip(symbols) {
                    bytes.copy_from_slice(&symbol.into().to_le_bytes());
                }
                crc32c::crc32c_append(checksum, &buffer[..4 * symbols.len()])
            })
        }
        let checksum = groups.iter().fold(0, |checksum, group| {
            let checksum = append(append(checksum, group.z.data()), group.y.data());
            append(checksum, group.residual.data())
        });
        checksum as u16
    }
}

/// The positions of ẑ that stand for a window of ŷ. Those on the border may stand for others too, unless the window
/// begins at a whole position, as those of tiles and segments do.
pub(crate) fn hyper_window(window: Window, [v, u]: [usize; 2]) -> Window {
    let (row, column) = (window.row / v, window.column / u);
    Window {
        row,
        column,
        rows: (window.row + window.rows).div_ceil(v) - row,
        columns: (window.column + window.columns).div_ceil(u) - column,
    }
}

/// Latents of tiles that are done with, whose memory serves those that come: fresh memory of megabytes a tile would be
/// cleared by the kernel each time.
#[derive(Debug, Default)]
pub struct Spare(Mutex<Vec<Latents>>);

impl Spare {
    /// Latents for `rows` × `columns` positions of ŷ, with arbitrary values in them.
    pub fn take(&self, config: &ModelConfig, rows: usize, columns: usize) -> Latents {
        let spare = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
        let Some(mut latents) = spare else { return Latents::zeros(config, rows, columns) };
        let [y, z, residual] = Latents::shapes(config, rows, columns);
        latents.y.reuse(y);
        latents.z.reuse(z);
        latents.residual.reuse(residual);
        latents
    }

    /// For a later [`Self::take`].
    pub fn give(&self, latents: Latents) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(latents);
    }
}
