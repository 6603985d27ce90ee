//! Wavelet packets down the columns of a picture, row by row: the vertical half of [`super::analysis`] and
//! [`super::synthesis`].

use crate::wavelet::frequency_order;
use wavern_kernel::lifting::{MergeState, SplitState};

/// Splits lines that come one after the other into bands.
#[derive(Debug)]
pub struct SplitTree {
    levels: u32,
    /// `2^level - 1 + path`: levels from the first split on, nodes of a level by path.
    nodes: Vec<SplitNode>,
    /// `[rows, bands, line]`, bands in order of frequency.
    pub bands: Vec<f32>,
    /// Rows so far of each band, by path; they differ only inside [`Self::push`] and [`Self::finish`].
    counts: Vec<usize>,
}

#[derive(Debug)]
struct SplitNode {
    state: SplitState,
    /// A row that waits for the other one of its pair.
    even: Vec<f32>,
    waits: bool,
    low: Vec<f32>,
    high: Vec<f32>,
}

impl SplitTree {
    /// For lines of this length.
    pub fn new(levels: u32, line: usize) -> Self {
        let row = || vec![0.0; line];
        let node = |_| SplitNode {
            state: SplitState::new(line),
            even: row(),
            waits: false,
            low: row(),
            high: row(),
        };
        let nodes = (0..(1 << levels) - 1).map(node).collect();
        Self { levels, nodes, bands: Vec::new(), counts: vec![0; 1 << levels] }
    }

    /// Rows of the bands that are complete and not yet taken.
    pub fn rows(&self) -> usize {
        self.counts[0]
    }

    /// Forgets the rows that are complete.
    pub fn take(&mut self) {
        self.bands.clear();
        self.counts.fill(0);
    }

    /// The next line of the signal.
    pub fn push(&mut self, line: &[f32]) {
        self.feed(0, 0, line);
    }

    /// The end of the signal, which must be whole packets.
    pub fn finish(&mut self) {
        for level in 0..self.levels {
            for path in 0..1 << level {
                let mut rest = Vec::new();
                let node = &mut self.nodes[(1 << level) - 1 + path];
                debug_assert!(!node.waits);
                node.state.finish(|low, high| rest.push((low.to_vec(), high.to_vec())));
                for (low, high) in rest {
                    self.feed(level + 1, 2 * path, &low);
                    self.feed(level + 1, 2 * path + 1, &high);
                }
            }
        }
    }

    /// A line arrives at a node, or at a leaf.
    fn feed(&mut self, level: u32, path: usize, line: &[f32]) {
        if level == self.levels {
            let (bands, length) = (1 << level, line.len());
            let at = (self.counts[path] * bands + frequency_order(path)) * length;
            if at + length > self.bands.len() {
                self.bands.resize((self.counts[path] + 1) * bands * length, 0.0);
            }
            self.bands[at..][..length].copy_from_slice(line);
            self.counts[path] += 1;
            return;
        }
        let index = (1 << level) - 1 + path;
        let node = &mut self.nodes[index];
        node.waits = !node.waits;
        if node.waits {
            node.even.copy_from_slice(line);
        } else if node.state.push(&node.even, line, &mut node.low, &mut node.high) {
            let (low, high) = (std::mem::take(&mut node.low), std::mem::take(&mut node.high));
            self.feed(level + 1, 2 * path, &low);
            self.feed(level + 1, 2 * path + 1, &high);
            (self.nodes[index].low, self.nodes[index].high) = (low, high);
        }
    }
}

/// Undoes [`SplitTree`].
#[derive(Debug)]
pub struct MergeTree {
    levels: u32,
    line: usize,
    /// As those of [`SplitTree`].
    states: Vec<MergeState>,
    /// The rows that the nodes of a level gave: level by level, node after node.
    rows: Vec<Vec<Vec<f32>>>,
}

impl MergeTree {
    /// For lines of this length.
    pub fn new(levels: u32, line: usize) -> Self {
        let states = (0..(1 << levels) - 1).map(|_| MergeState::new(line)).collect();
        let rows = (0..=levels).map(|level| vec![Vec::new(); 1 << level]).collect();
        Self { levels, line, states, rows }
    }

    /// Lines of the signal that are complete and not yet taken, one after the other.
    pub fn lines(&self) -> &[f32] {
        &self.rows[0][0]
    }

    /// Forgets the lines that are complete.
    pub fn take(&mut self) {
        self.rows[0][0].clear();
    }

    /// The next row of every band: `load` fills a line from the band of a frequency.
    pub fn push(&mut self, mut load: impl FnMut(usize, &mut [f32])) {
        let leaves = &mut self.rows[self.levels as usize];
        for (path, leaf) in leaves.iter_mut().enumerate() {
            let before = leaf.len();
            leaf.resize(before + self.line, 0.0);
            load(frequency_order(path), &mut leaf[before..]);
        }
        (0..self.levels).rev().for_each(|level| self.merge(level));
    }

    /// The end of the bands.
    pub fn finish(&mut self) {
        for first in (0..self.levels).rev() {
            for path in 0..1usize << first {
                let out = &mut self.rows[first as usize][path];
                self.states[(1 << first) - 1 + path].finish(|even, odd| {
                    out.extend_from_slice(even);
                    out.extend_from_slice(odd);
                });
            }
            (0..first).rev().for_each(|level| self.merge(level));
        }
    }

    /// What the nodes below a level gave goes through its nodes.
    fn merge(&mut self, level: u32) {
        let (above, below) = self.rows.split_at_mut(level as usize + 1);
        let (outs, ins) = (&mut above[level as usize], &mut below[0]);
        for (path, (out, pair)) in outs.iter_mut().zip(ins.chunks_exact_mut(2)).enumerate() {
            let state = &mut self.states[(1 << level) - 1 + path];
            let [low, high] = pair else { continue };
            for (low, high) in low.chunks_exact(self.line).zip(high.chunks_exact(self.line)) {
                let before = out.len();
                out.resize(before + 2 * self.line, 0.0);
                let (even, odd) = out[before..].split_at_mut(self.line);
                if !state.push(low, high, even, odd) {
                    out.truncate(before);
                }
            }
            low.clear();
            high.clear();
        }
    }
}
