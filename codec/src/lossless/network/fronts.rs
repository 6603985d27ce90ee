//! The last wave fronts of a plane: front `t` holds the samples with column + 2 · row = `t`, row by row.
//!
//! So every neighbour of the samples of a front is another stretch of memory, and no sample of a front is a neighbour
//! of another. What lies outside the plane has the values that this file gives it.

use super::inputs::Tap;
use wavern_kernel::planar::BLOCK;

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
    /// `[KEPT, stride]`, and a block.
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
        Self { samples: vec![middle; KEPT * stride + BLOCK], stride, size, top: middle }
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

    /// The samples at a tap of the `rows` of front `t`, and others to the end of a block.
    pub fn tap(&self, t: usize, rows: std::ops::Range<usize>, (down, right): Tap) -> &[i32] {
        let from = self.at(t as isize + (right + 2 * down) as isize, rows.start as isize + down as isize);
        &self.samples[from..from + rows.len().next_multiple_of(BLOCK)]
    }

    /// Takes in the samples of front `t`, one for each of its rows. Fronts come in order.
    pub fn set(&mut self, t: usize, samples: &[i32]) {
        let (rows, [height, width], t) = (Self::rows(self.size, t), self.size, t as isize);
        let from = self.at(t, rows.start as isize);
        self.samples[from..from + rows.len()].copy_from_slice(samples);
        if rows.start == 0 {
            self.top = samples[0];
        }
        for above in 1..=ABOVE as isize {
            let at = self.at(t, -above);
            self.samples[at] = self.top;
        }
        // Every second front of a plane of one column has no sample.
        let (Some(&first), Some(&last)) = (samples.first(), samples.last()) else { return };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lossless::network::inputs::{AROUND, OWN};

    const MIDDLE: i32 = -7;

    /// What FORMAT.md says of any place, from the whole plane.
    fn place(plane: &[i32], [height, width]: [usize; 2], row: isize, column: isize) -> i32 {
        let (h, w) = (height as isize, width as isize);
        let at = |row: isize, column: isize| plane[(row * w + column) as usize];
        if row < 0 {
            let front = column + 2 * row;
            return if front < 0 { MIDDLE } else { at(0, front.min(w - 1)) };
        }
        match column {
            ..0 if row == 0 => MIDDLE,
            ..0 => at(row - 1, 0),
            _ => at(row.min(h - 1), column.min(w - 1)),
        }
    }

    #[test]
    fn every_tap_finds_what_the_format_says() {
        for size in [[1, 1], [1, 9], [9, 1], [2, 2], [3, 5], [5, 3], [40, 17], [17, 40]] {
            let [height, width] = size;
            let plane: Vec<i32> = (0..(height * width) as i32).map(|i| i * 31 % 101).collect();
            let mut fronts = Fronts::new(size, MIDDLE);
            let check = |fronts: &Fronts, t: usize, taps: &[Tap]| {
                let rows = Fronts::rows(size, t);
                for &tap in taps {
                    let values = fronts.tap(t, rows.clone(), tap);
                    for (row, &value) in rows.clone().zip(values) {
                        let (r, c) = (row as isize + tap.0 as isize, (t - 2 * row) as isize + tap.1 as isize);
                        assert_eq!(value, place(&plane, size, r, c), "{size:?}, {row} of {t}, {tap:?}");
                    }
                }
            };
            let mut seen = 0;
            // A later plane is four fronts behind.
            for t in 0..Fronts::count(size) + 4 {
                if t < Fronts::count(size) {
                    check(&fronts, t, &OWN);
                    let rows = Fronts::rows(size, t);
                    seen += rows.len();
                    let samples: Vec<i32> = rows.map(|row| plane[row * width + t - 2 * row]).collect();
                    fronts.set(t, &samples);
                }
                if let Some(behind) = t.checked_sub(4) {
                    check(&fronts, behind, &AROUND);
                }
            }
            assert_eq!(seen, height * width);
        }
    }
}
