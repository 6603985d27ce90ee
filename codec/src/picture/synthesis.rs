//! Packets → pixels: wavelet packets, opponent colours, rounding; rows in, rows out. The mirror of [`super::analysis`].

use super::analysis::{BUFFERS, LANES, chunks};
use super::tree::MergeTree;
use crate::config::ModelConfig;
use crate::rows::Pixels;
use crate::signal::Samples;
use crate::view::Scale;
use crate::wavelet::frequency_order;
use rayon::prelude::*;
use wavern_kernel::{lifting, pixels};

/// Packets on their way to a picture.
#[derive(Debug)]
pub struct PixelSynthesis {
    /// Columns and rows of the picture that comes out; packets may cover more.
    size: [usize; 2],
    channels: usize,
    /// Of the packets, and how many are undone: all, unless the picture is scaled down.
    levels: [u32; 2],
    /// Width that the packets cover, scaled as the picture.
    padded: usize,
    /// Pixels to leave out at the left, and rows still to leave out at the top.
    skip: [usize; 2],
    rows: usize,
    chunks: Vec<Chunk>,
    /// `[rows, plane, padded width, LANES]`.
    bands: Vec<f32>,
    samples: Samples,
}

#[derive(Debug)]
struct Chunk {
    first: usize,
    columns: usize,
    tree: MergeTree,
}

/// What comes out of a [`PixelSynthesis`].
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Columns and rows of the picture.
    pub size: [usize; 2],
    /// Columns and rows to leave out before it.
    pub skip: [usize; 2],
    /// 1 (gray) or 3 (RGB).
    pub channels: usize,
    /// 8 or 16 bits.
    pub depth: u8,
    /// Against what the packets cover.
    pub scale: Scale,
}

impl Output {
    /// No samples yet, of the right depth.
    pub fn samples(&self) -> Samples {
        if self.depth == 8 { Samples::U8(Vec::new()) } else { Samples::U16(Vec::new()) }
    }
}

impl PixelSynthesis {
    /// For rows of `columns` packets.
    pub fn new(columns: usize, output: Output, config: &ModelConfig) -> Self {
        let all = config.packet_levels;
        let levels = all - output.scale.log2().min(all);
        let padded = columns << levels;
        let chunk = |(first, columns)| Chunk { first, columns, tree: MergeTree::new(levels, 3 * columns) };
        Self {
            size: output.size,
            channels: output.channels,
            levels: [all, levels],
            padded,
            skip: output.skip,
            rows: 0,
            chunks: chunks(padded).map(chunk).collect(),
            bands: Vec::new(),
            samples: output.samples(),
        }
    }

    /// Takes the next rows of packets and gives the rows of the picture that they complete, interleaved samples. With
    /// `last`, no row follows, and all the others come out.
    ///
    /// # Panics
    /// If the packets are not whole rows, or there was none when the last are said to have come.
    pub fn push(&mut self, packets: &[f32], last: bool) -> Pixels<'_> {
        let [all, levels] = self.levels;
        let row = (self.padded >> levels) * (3 << (2 * all));
        assert!(packets.len().is_multiple_of(row));
        let rows = packets.len() / row;
        let (wide, bands) = (3 * self.padded * LANES, 1usize << levels);
        self.bands.resize(rows * wide, 0.0);
        self.bands.par_chunks_mut(wide).zip(packets.par_chunks(row)).for_each(|(out, packets)| {
            BUFFERS.with_borrow_mut(|[front, back]| {
                for (plane, out) in out.chunks_exact_mut(wide / 3).enumerate() {
                    gather(packets, plane, 1 << all, bands, front);
                    merge_along(front, back, levels);
                    out.copy_from_slice(front);
                }
            });
        });
        let (padded, from) = (self.padded, &self.bands);
        self.chunks.par_iter_mut().for_each(|chunk| {
            let (first, columns) = (chunk.first, chunk.columns);
            chunk.tree.take();
            for row in from.chunks_exact(wide) {
                chunk.tree.push(|band, line| {
                    for (plane, line) in line.chunks_exact_mut(columns).enumerate() {
                        let from = &row[(plane * padded + first) * LANES + band..];
                        for (out, value) in line.iter_mut().zip(from.iter().step_by(LANES)) {
                            *out = *value;
                        }
                    }
                });
            }
            if last {
                chunk.tree.finish();
            }
        });
        self.store()
    }

    /// The complete lines of all chunks → rows of samples.
    fn store(&mut self) -> Pixels<'_> {
        let complete = self.chunks[0].tree.lines().len() / (3 * self.chunks[0].columns);
        let skipped = complete.min(self.skip[1]);
        self.skip[1] -= skipped;
        let rows = (complete - skipped).min(self.size[1] - self.rows);
        self.rows += rows;
        let (width, channels, skip) = (self.size[0], self.channels, self.skip[0]);
        let gain = 0.5f32.powi((self.levels[0] - self.levels[1]) as i32);
        let chunks = &self.chunks;
        /// The planes of the part of a row that a chunk has, and where its pixels go.
        fn parts(
            chunks: &[Chunk],
            row: usize,
            skip: usize,
            width: usize,
        ) -> impl Iterator<Item = ([&[f32]; 3], std::ops::Range<usize>)> {
            chunks.iter().filter_map(move |chunk| {
                let line = &chunk.tree.lines()[row * 3 * chunk.columns..][..3 * chunk.columns];
                let from = skip.max(chunk.first);
                let to = (skip + width).min(chunk.first + chunk.columns);
                let plane = |p: usize| &line[p * chunk.columns..][from - chunk.first..to - chunk.first];
                (from < to).then(|| ([plane(0), plane(1), plane(2)], from - skip..to - skip))
            })
        }
        match &mut self.samples {
            Samples::U8(samples) => {
                samples.resize(rows * width * channels, 0);
                samples.par_chunks_mut(width * channels).enumerate().for_each(|(row, out)| {
                    for (planes, at) in parts(chunks, skipped + row, skip, width) {
                        let out = &mut out[at.start * channels..at.end * channels];
                        let store =
                            if channels == 1 { pixels::planes_to_gray8 } else { pixels::planes_to_rgb8 };
                        store(planes, gain, out);
                    }
                });
                Pixels::U8(samples)
            }
            Samples::U16(samples) => {
                samples.resize(rows * width * channels, 0);
                samples.par_chunks_mut(width * channels).enumerate().for_each(|(row, out)| {
                    for (planes, at) in parts(chunks, skipped + row, skip, width) {
                        let out = &mut out[at.start * channels..at.end * channels];
                        let store =
                            if channels == 1 { pixels::planes_to_gray16 } else { pixels::planes_to_rgb16 };
                        store(planes, gain, out);
                    }
                });
                Pixels::U16(samples)
            }
        }
    }
}

/// Channels `(plane · all + v) · all + u` of a row of packets → `[bands by path, columns, LANES]`, the lowest `bands`
/// of each axis.
fn gather(packets: &[f32], plane: usize, all: usize, bands: usize, out: &mut Vec<f32>) {
    let channels = 3 * all * all;
    let columns = packets.len() / channels;
    out.resize(bands * columns * LANES, 0.0);
    for (path, band) in out.chunks_exact_mut(columns * LANES).enumerate() {
        let u = frequency_order(path);
        for (lanes, packet) in band.chunks_exact_mut(LANES).zip(packets.chunks_exact(channels)) {
            let packet = &packet[plane * all * all..][..all * all];
            for (v, value) in lanes[..bands].iter_mut().enumerate() {
                *value = packet[v * all + u];
            }
            lanes[bands..].fill(0.0);
        }
    }
}

/// All levels of the tree along the columns, back to `[width, LANES]`.
fn merge_along(front: &mut Vec<f32>, back: &mut Vec<f32>, levels: u32) {
    back.resize(front.len(), 0.0);
    for level in (0..levels).rev() {
        let size = front.len() >> level;
        for (pair, out) in front.chunks_exact(size).zip(back.chunks_exact_mut(size)) {
            let (low, high) = pair.split_at(size / 2);
            lifting::merge_lanes(low, high, out);
        }
        std::mem::swap(front, back);
    }
}
