//! Dense `[row, column, channel]` arrays, channels innermost, and windows of them.

/// Signals, packets and activations of the float networks.
pub type Tensor = Array<f32>;

/// Integers: ŷ or ẑ.
pub type Symbols = Array<i32>;

/// An array of three axes, `[rows, columns, channels]`, in row-major order. Sound has one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array<T> {
    shape: [usize; 3],
    data: Vec<T>,
}

/// A rectangle of positions of ŷ: of a picture, or of a sound, which has one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first row.
    pub row: usize,
    /// The first column.
    pub column: usize,
    /// How many rows.
    pub rows: usize,
    /// How many columns.
    pub columns: usize,
}

impl Window {
    /// Its first position, `[row, column]`.
    pub fn origin(self) -> [usize; 2] {
        [self.row, self.column]
    }

    /// The same positions counted from `origin`, which must not lie behind the window's own.
    pub fn relative_to(self, [row, column]: [usize; 2]) -> Self {
        Self { row: self.row - row, column: self.column - column, ..self }
    }

    /// What both cover; `None` if that is nothing.
    pub(crate) fn intersection(self, other: Self) -> Option<Self> {
        let overlap = |a: usize, a_len: usize, b: usize, b_len: usize| {
            let first = a.max(b);
            let end = (a + a_len).min(b + b_len);
            (first < end).then(|| (first, end - first))
        };
        let (row, rows) = overlap(self.row, self.rows, other.row, other.rows)?;
        let (column, columns) = overlap(self.column, self.columns, other.column, other.columns)?;
        Some(Self { row, column, rows, columns })
    }

    /// The rows it covers.
    pub fn row_range(self) -> std::ops::Range<usize> {
        self.row..self.row + self.rows
    }

    /// The columns it covers.
    pub fn column_range(self) -> std::ops::Range<usize> {
        self.column..self.column + self.columns
    }
}

impl<T: Copy + Default> Array<T> {
    /// All zeros.
    pub fn zeros(shape: [usize; 3]) -> Self {
        Self::filled(shape, T::default())
    }

    /// All equal.
    pub fn filled(shape: [usize; 3], value: T) -> Self {
        Self { shape, data: vec![value; shape.iter().product()] }
    }

    /// Wraps values in row-major order.
    ///
    /// # Panics
    /// If the number of values is not the product of the shape.
    pub fn from_vec(shape: [usize; 3], data: Vec<T>) -> Self {
        assert_eq!(data.len(), shape.iter().product::<usize>());
        Self { shape, data }
    }

    /// `[rows, columns, channels]`.
    #[inline]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Number of positions, rows × columns.
    #[inline]
    pub fn positions(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Number of channels.
    #[inline]
    pub fn channels(&self) -> usize {
        self.shape[2]
    }

    /// The values in row-major order.
    #[inline]
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The values in row-major order.
    #[inline]
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The values in row-major order.
    pub fn into_vec(self) -> Vec<T> {
        self.data
    }

    /// The values at the positions of `window`.
    ///
    /// # Panics
    /// If the window does not lie inside.
    pub(crate) fn window(&self, window: Window) -> Self {
        let mut out = Self::zeros([window.rows, window.columns, self.shape[2]]);
        self.copy_window(window.origin(), &mut out);
        out
    }

    /// Fills `window` with the values from position `[row, column]` on.
    ///
    /// # Panics
    /// If the window does not lie inside, or has another number of channels.
    pub(crate) fn copy_window(&self, [row, column]: [usize; 2], window: &mut Self) {
        let [height, width, channels] = self.shape;
        let [rows, columns, _] = window.shape;
        assert!(row + rows <= height && column + columns <= width && channels == window.shape[2]);
        for y in 0..rows {
            window.data[y * columns * channels..][..columns * channels]
                .copy_from_slice(&self.data[((row + y) * width + column) * channels..][..columns * channels]);
        }
    }

    /// Writes `window` at position `[row, column]`.
    ///
    /// # Panics
    /// If the window does not lie inside, or has another number of channels.
    pub(crate) fn set_window(&mut self, [row, column]: [usize; 2], window: &Self) {
        let [height, width, channels] = self.shape;
        let [rows, columns, _] = window.shape;
        assert!(row + rows <= height && column + columns <= width && channels == window.shape[2]);
        for y in 0..rows {
            self.data[((row + y) * width + column) * channels..][..columns * channels]
                .copy_from_slice(&window.data[y * columns * channels..][..columns * channels]);
        }
    }

    /// Writes those values of `part`, which stands at `place`, that lie in `window`; this array is the values of
    /// `window`.
    ///
    /// # Panics
    /// If a shape is another one than its window's, or the numbers of channels differ.
    pub(crate) fn set_overlap(&mut self, window: Window, part: &Self, place: Window) {
        if let Some(both) = window.intersection(place) {
            let from = part.window(both.relative_to(place.origin()));
            self.set_window(both.relative_to(window.origin()).origin(), &from);
        }
    }

    /// The same memory with another shape; the values are those from before, or zero.
    pub(crate) fn reuse(&mut self, shape: [usize; 3]) {
        self.shape = shape;
        self.data.resize(shape.iter().product(), T::default());
    }
}

impl Array<i32> {
    /// The same values as floats.
    pub(crate) fn to_tensor(&self) -> Tensor {
        Tensor::from_vec(self.shape, self.data.iter().map(|&v| v as f32).collect())
    }
}
