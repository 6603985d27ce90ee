//! The last wave fronts of a plane: front `t` holds the samples with column + 2 · row = `t`, row by row.
//!
//! So every neighbour of the samples of a front is another stretch of memory, and no sample of a front is a neighbour
//! of another. What lies outside the plane has the values that this file gives it.

use super::inputs::Tap;

/// Fronts that are kept: neighbours reach nine back, later planes twelve.
const KEPT: usize = 32;
/// Rows above and below the plane.
const ABOVE: usize = 4;
const BELOW: usize = 1;
/// Columns to the left and right.
const LEFT: usize = 4;
const RIGHT: usize = 4;

/// One plane.
pub struct Fronts {
    /// `[KEPT, stride]`.
    samples: Vec<i32>,
    stride: usize,
    size: [usize; 2],
    /// The last sample of row 0 that is known.
    top: i32,
}

impl Fronts {
    /// A plane of `[height, width]` of which nothing is known; `middle` stands for what came before.
    pub fn new(size: [usize; 2], middle: i32) -> Self {
        let stride = size[0] + ABOVE + BELOW;
        Self { samples: vec![middle; KEPT * stride], stride, size, top: middle }
    }

    /// How many fronts a plane has.
    pub fn count([height, width]: [usize; 2]) -> usize {
        width + 2 * (height - 1)
    }

    /// The rows of front `t`.
    pub fn rows([height, width]: [usize; 2], t: usize) -> std::ops::Range<usize> {
        (t + 1).saturating_sub(width).div_ceil(2)..(t / 2 + 1).min(height)
    }

    fn at(&self, front: isize, row: isize) -> usize {
        front.rem_euclid(KEPT as isize) as usize * self.stride + (row + ABOVE as isize) as usize
    }

    /// The samples at a tap of the `rows` of front `t`.
    pub fn tap(&self, t: usize, rows: std::ops::Range<usize>, (down, right): Tap) -> &[i32] {
        let from = self.at(t as isize + (right + 2 * down) as isize, rows.start as isize + down as isize);
        &self.samples[from..from + rows.len()]
    }

    /// Takes in the samples of front `t`, one for each of its rows. Fronts come in order.
    pub fn set(&mut self, t: usize, samples: &[i32]) {
        let (rows, [height, width], t) = (Self::rows(self.size, t), self.size, t as isize);
        let from = self.at(t, rows.start as isize);
        self.samples[from..from + rows.len()].copy_from_slice(samples);
        let (Some(&first), Some(&last)) = (samples.first(), samples.last()) else { return };
        if rows.start == 0 {
            self.top = first;
        }
        for above in 1..=ABOVE as isize {
            let at = self.at(t, -above);
            self.samples[at] = self.top;
        }
        // A sample of the first column stands for what lies left of the row below.
        if t % 2 == 0 && rows.end as isize == t / 2 + 1 {
            for left in 1..=LEFT as isize {
                let at = self.at(t + 2 - left, rows.end as isize);
                self.samples[at] = last;
            }
        }
        // One of the last column, for what lies right of it.
        let ends_row = t >= width as isize - 1 && (t - (width as isize - 1)) % 2 == 0;
        if ends_row {
            for right in 1..=RIGHT as isize {
                let at = self.at(t + right, rows.start as isize);
                self.samples[at] = first;
            }
        }
        // One of the last row, for what lies below it.
        if rows.end == height {
            let at = self.at(t + 2, height as isize);
            self.samples[at] = last;
            if ends_row && rows.len() == 1 {
                for right in 1..=2 {
                    let at = self.at(t + 2 + right, height as isize);
                    self.samples[at] = last;
                }
            }
        }
    }
}
