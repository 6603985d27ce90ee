//! The pixels around the one that is coded.

use super::slots::{finish, key, mix};

/// Columns on each side of a row that repeat its end.
const MARGIN: usize = 4;

/// The row being coded and two above. A pixel is its samples, 16 bits each, the first one lowest.
#[derive(Clone, Debug)]
pub(super) struct Window {
    width: usize,
    rows: [Vec<u64>; 3],
}

/// Known pixels around one: west (left), north (above) and so on; `ww` is two to the left.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Around {
    pub(super) w: u64,
    pub(super) ww: u64,
    pub(super) www: u64,
    pub(super) nww: u64,
    pub(super) nw: u64,
    pub(super) n: u64,
    pub(super) ne: u64,
    pub(super) nee: u64,
    pub(super) nnw: u64,
    pub(super) nn: u64,
    pub(super) nne: u64,
}

impl Window {
    pub(super) fn new(width: usize) -> Self {
        let row = vec![0; width + 2 * MARGIN];
        Self { width, rows: [row.clone(), row.clone(), row] }
    }

    /// Begins a row: left of it lies the pixel above its first.
    pub(super) fn start_row(&mut self) {
        self.rows.rotate_right(1);
        let above = self.rows[1][MARGIN];
        self.rows[0][..MARGIN].fill(above);
    }

    /// Ends a row: right of it lies its last pixel.
    pub(super) fn end_row(&mut self) {
        let end = MARGIN + self.width;
        let last = self.rows[0][end - 1];
        self.rows[0][end..].fill(last);
    }

    /// What surrounds the first pixel of the row.
    pub(super) fn around(&self) -> Around {
        let (row, n, nn) = (&self.rows[0], &self.rows[1], &self.rows[2]);
        Around {
            w: row[3],
            ww: row[2],
            www: row[1],
            nww: n[2],
            nw: n[3],
            n: n[4],
            ne: n[5],
            nee: n[6],
            nnw: nn[3],
            nn: nn[4],
            nne: nn[5],
        }
    }

    /// Takes in the pixel of a column and moves on to the next.
    #[inline]
    pub(super) fn advance(&mut self, column: usize, pixel: u64, a: &mut Around) {
        self.rows[0][column + MARGIN] = pixel;
        *a = Around {
            w: pixel,
            ww: a.w,
            www: a.ww,
            nww: a.nw,
            nw: a.n,
            n: a.ne,
            ne: a.nee,
            nee: self.rows[1][column + MARGIN + 3],
            nnw: a.nn,
            nn: a.nne,
            nne: self.rows[2][column + MARGIN + 2],
        };
    }
}

impl Around {
    /// Whether eight neighbours are all the same.
    #[inline]
    pub(super) fn is_flat(&self) -> bool {
        let same = |pixel: u64| pixel ^ self.w;
        let near = same(self.nw) | same(self.n) | same(self.ne);
        near | same(self.ww) | same(self.nww) | same(self.nee) | same(self.nn) == 0
    }

    /// Hash of all eleven.
    #[inline]
    pub(super) fn far_hash(&self) -> u64 {
        // Three chains side by side take less time than one.
        let row = mix(mix(mix(key(4), self.w), self.ww), self.www);
        let above = mix(mix(mix(mix(key(5), self.nw), self.n), self.ne), self.nww);
        let rest = mix(mix(mix(mix(key(6), self.nn), self.nne), self.nnw), self.nee);
        finish(mix(mix(row, above), rest))
    }

    /// Which neighbours are equal to each other, a bit for each of ten pairs.
    #[inline]
    pub(super) fn pattern(&self) -> u64 {
        let Self { w, ww, nww, nw, n, ne, nee, nn, nne, .. } = *self;
        let pairs =
            [(w, n), (w, nw), (n, nw), (n, ne), (w, ww), (n, nn), (ne, nee), (w, ne), (nw, nww), (ne, nne)];
        pairs.iter().rev().fold(0, |bits, (a, b)| bits << 1 | u64::from(a == b))
    }
}
