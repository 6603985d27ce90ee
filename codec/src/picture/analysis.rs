//! Pixels → packets: opponent colours, padding, wavelet packets; rows in, rows out.
//!
//! Columns are cut into chunks, one after the other on each thread. A chunk turns its pixels into planes and splits
//! them downwards ([`SplitTree`]); then every row of bands is split along its length, eight bands at a time in the
//! lanes of a vector.

use super::tree::SplitTree;
use crate::config::ModelConfig;
use crate::rows::Pixels;
use crate::wavelet::frequency_order;
use rayon::prelude::*;
use std::cell::RefCell;
use wavern_kernel::{lifting, pixels};

/// Columns of a chunk: what its tree remembers stays in the L2 cache.
pub(super) const CHUNK: usize = 256;
/// Vertical bands that go along a row together.
pub(super) const LANES: usize = 8;

/// A picture on its way to packets.
#[derive(Debug)]
pub struct PixelAnalysis {
    width: usize,
    channels: usize,
    levels: u32,
    /// Width as padded to whole latents.
    padded: usize,
    /// Rows that the height is padded to a multiple of.
    unit: usize,
    /// Rows so far.
    rows: usize,
    chunks: Vec<Chunk>,
    packets: Vec<f32>,
}

#[derive(Debug)]
struct Chunk {
    first: usize,
    columns: usize,
    /// `[plane, columns]`: the latest row.
    line: Vec<f32>,
    tree: SplitTree,
}

impl PixelAnalysis {
    /// For a picture of this width with 1 (gray) or 3 (RGB) channels.
    pub fn new(width: usize, channels: usize, config: &ModelConfig) -> Self {
        let [unit, across] = config.signal_stride();
        let (levels, padded) = (config.packet_levels, width.next_multiple_of(across));
        let chunks = chunks(padded).map(|(first, columns)| {
            let line = vec![0.0; 3 * columns];
            Chunk { first, columns, tree: SplitTree::new(levels, line.len()), line }
        });
        Self { width, channels, levels, padded, unit, rows: 0, chunks: chunks.collect(), packets: Vec::new() }
    }

    /// Takes the next rows of interleaved samples and gives the rows of packets that they complete,
    /// `[rows, padded width / 2^levels, 3 · 4^levels]`. With `last`, no row follows, and all the others come out.
    ///
    /// # Panics
    /// If the samples are not whole rows, or there was none when the last are said to have come.
    pub fn push(&mut self, samples: Pixels<'_>, last: bool) -> &[f32] {
        let Self { width, channels, padded, levels, .. } = *self;
        assert!(samples.len().is_multiple_of(width * channels));
        let rows = samples.len() / (width * channels);
        self.rows += rows;
        let missing = if last { self.rows.next_multiple_of(self.unit) - self.rows } else { 0 };
        self.chunks.par_iter_mut().for_each(|chunk| {
            chunk.tree.take();
            for row in 0..rows {
                chunk.load(samples, row * width, width, channels);
                chunk.tree.push(&chunk.line);
            }
            (0..missing).for_each(|_| chunk.tree.push(&chunk.line));
            if last {
                chunk.tree.finish();
            }
        });
        let (bands, complete) = (1usize << levels, self.chunks[0].tree.rows());
        let row = (padded >> levels) * 3 * bands * bands;
        self.packets.resize(complete * row, 0.0);
        let chunks = &self.chunks;
        self.packets.par_chunks_mut(row).enumerate().for_each(|(index, out)| {
            BUFFERS.with_borrow_mut(|[front, back]| {
                for plane in 0..3 {
                    gather(chunks, index, plane, bands, padded, front);
                    split_along(front, back, levels);
                    scatter(front, plane, bands, out);
                }
            });
        });
        &self.packets
    }
}

impl Chunk {
    /// Pixels of the chunk's columns → opponent colours, the last column repeated beyond the picture.
    fn load(&mut self, samples: Pixels<'_>, first: usize, width: usize, channels: usize) {
        let inside = self.columns.min(width.saturating_sub(self.first)).max(1);
        let from = (first + self.first.min(width - 1)) * channels..;
        let from = from.start..from.start + inside * channels;
        let (a, rest) = self.line.split_at_mut(self.columns);
        let (b, c) = rest.split_at_mut(self.columns);
        match (samples, channels) {
            (Pixels::U8(v), 1) => pixels::gray8_to_planes(&v[from], [a, b, c]),
            (Pixels::U8(v), _) => pixels::rgb8_to_planes(&v[from], [a, b, c]),
            (Pixels::U16(v), 1) => pixels::gray16_to_planes(&v[from], [a, b, c]),
            (Pixels::U16(v), _) => pixels::rgb16_to_planes(&v[from], [a, b, c]),
        }
        for plane in [a, b, c] {
            let last = plane[inside - 1];
            plane[inside..].fill(last);
        }
    }
}

thread_local! {
    pub(super) static BUFFERS: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// First column and number of columns of each chunk, about [`CHUNK`], an equal share for the threads.
pub(super) fn chunks(width: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = width.div_ceil(CHUNK).next_multiple_of(rayon::current_num_threads());
    let columns = width.div_ceil(count).next_multiple_of(16);
    (0..width).step_by(columns).map(move |first| (first, columns.min(width - first)))
}

/// The vertical bands of one plane and row: `[bands, columns]` of each chunk → `[width, LANES]`.
fn gather(chunks: &[Chunk], row: usize, plane: usize, bands: usize, width: usize, out: &mut Vec<f32>) {
    out.resize(width * LANES, 0.0);
    if bands < LANES {
        out.fill(0.0);
    }
    for chunk in chunks {
        let out = &mut out[chunk.first * LANES..][..chunk.columns * LANES];
        for v in 0..bands {
            let from = ((row * bands + v) * 3 + plane) * chunk.columns;
            let from = &chunk.tree.bands[from..][..chunk.columns];
            for (out, value) in out.iter_mut().skip(v).step_by(LANES).zip(from) {
                *out = *value;
            }
        }
    }
}

/// All levels of the tree along the first axis of `[width, LANES]`; bands by path, `[bands, width / bands, LANES]`.
fn split_along(front: &mut Vec<f32>, back: &mut Vec<f32>, levels: u32) {
    back.resize(front.len(), 0.0);
    for level in 0..levels {
        let size = front.len() >> level;
        for (signal, out) in front.chunks_exact(size).zip(back.chunks_exact_mut(size)) {
            let (low, high) = out.split_at_mut(size / 2);
            lifting::split_lanes(signal, low, high);
        }
        std::mem::swap(front, back);
    }
}

/// `[bands by path, columns, LANES]` → channels `(plane · bands + v) · bands + u` of a row of packets.
fn scatter(coefficients: &[f32], plane: usize, bands: usize, out: &mut [f32]) {
    let channels = 3 * bands * bands;
    let size = coefficients.len() / bands;
    for (path, band) in coefficients.chunks_exact(size).enumerate() {
        let u = frequency_order(path);
        for (lanes, out) in band.chunks_exact(LANES).zip(out.chunks_exact_mut(channels)) {
            let out = &mut out[plane * bands * bands..][..bands * bands];
            for (v, value) in lanes[..bands].iter().enumerate() {
                out[v * bands + u] = *value;
            }
        }
    }
}
