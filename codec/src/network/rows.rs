//! What a layer keeps of its input while rows come and go.

use crate::config::layer::MAX_KERNEL;

/// The latest rows of a picture.
#[derive(Debug)]
pub(super) struct Rows<T> {
    pub data: Vec<T>,
    /// Length of a row.
    pub row: usize,
    /// Index of the first row that is held.
    pub first: usize,
}

impl<T: Copy + Default> Rows<T> {
    /// For rows of this length.
    pub fn new(row: usize) -> Self {
        Self { data: Vec::new(), row: row.max(1), first: 0 }
    }

    /// Rows that are held.
    pub fn count(&self) -> usize {
        self.data.len() / self.row
    }

    /// Index of the row after the last one that is held.
    pub fn end(&self) -> usize {
        self.first + self.count()
    }

    /// The next rows.
    pub fn append(&mut self, x: &[T]) {
        assert!(x.len().is_multiple_of(self.row));
        self.data.extend_from_slice(x);
    }

    /// Room for as many rows more.
    pub fn grow(&mut self, rows: usize) -> &mut [T] {
        let before = self.data.len();
        self.data.resize(before + rows * self.row, T::default());
        &mut self.data[before..]
    }

    /// Forgets the first rows.
    pub fn forget(&mut self, rows: usize) {
        self.data.drain(..rows * self.row);
        self.first += rows;
    }

    /// Forgets what is before row `index`.
    pub fn forget_before(&mut self, index: usize) {
        self.forget(index.saturating_sub(self.first).min(self.count()));
    }

    /// The rows that a filter of `count` rows covers around row `center`; those outside are empty.
    pub fn around(&self, center: usize, count: usize) -> [&[T]; MAX_KERNEL] {
        let mut rows: [&[T]; MAX_KERNEL] = [&[]; MAX_KERNEL];
        for (v, row) in rows[..count].iter_mut().enumerate() {
            if let Some(index) = (center + v).checked_sub(count / 2 + self.first) {
                *row = self.data.get(index * self.row..(index + 1) * self.row).unwrap_or_default();
            }
        }
        rows
    }

    /// Cuts `out`, `channels` values for each of consecutive positions from `first` on, where rows end. `run` fills a
    /// part: it gets the rows that a filter of `count` rows covers there, and the column of the part's first position.
    /// Positions are counted from the first row of the picture.
    pub fn filtered<U>(
        &self,
        count: usize,
        channels: usize,
        first: usize,
        out: &mut [U],
        mut run: impl FnMut(&[&[T]], usize, &mut [U]),
    ) {
        let width = self.row / channels;
        let (mut position, mut out) = (first, out);
        while !out.is_empty() {
            let (row, column) = (position / width, position % width);
            let length = (width - column).min(out.len() / channels);
            let (part, rest) = out.split_at_mut(length * channels);
            run(&self.around(row, count)[..count], column, part);
            (position, out) = (position + length, rest);
        }
    }
}
