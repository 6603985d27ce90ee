//! A dense `[row, column, channel]` array of f32.

/// Signals, packet coefficients and activations, channels innermost.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: [usize; 3],
    data: Vec<f32>,
}

impl Tensor {
    /// All zeros.
    pub fn zeros(shape: [usize; 3]) -> Self {
        Self { shape, data: vec![0.0; shape.iter().product()] }
    }

    /// Wraps values in row-major order.
    ///
    /// # Panics
    /// If there are not as many values as the shape has places.
    pub fn from_vec(shape: [usize; 3], data: Vec<f32>) -> Self {
        assert_eq!(data.len(), shape.iter().product::<usize>());
        Self { shape, data }
    }

    /// `[rows, columns, channels]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Number of positions, rows × columns.
    pub fn positions(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.shape[2]
    }

    /// The values in row-major order.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The values in row-major order.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The values in row-major order.
    pub fn into_vec(self) -> Vec<f32> {
        self.data
    }

    /// The window of `rows` × `columns` positions whose first is (`row`, `column`).
    ///
    /// # Panics
    /// If the window does not lie inside the tensor.
    pub fn window(&self, row: usize, column: usize, rows: usize, columns: usize) -> Self {
        let [height, width, channels] = self.shape;
        assert!(row + rows <= height && column + columns <= width);
        let mut out = Self::zeros([rows, columns, channels]);
        for y in 0..rows {
            let from = ((row + y) * width + column) * channels;
            out.data[y * columns * channels..][..columns * channels]
                .copy_from_slice(&self.data[from..][..columns * channels]);
        }
        out
    }

    /// Writes `window` at (`row`, `column`).
    ///
    /// # Panics
    /// If the window does not lie inside the tensor.
    pub fn set_window(&mut self, row: usize, column: usize, window: &Self) {
        let [height, width, channels] = self.shape;
        let [rows, columns, _] = window.shape;
        assert!(row + rows <= height && column + columns <= width && channels == window.shape[2]);
        for y in 0..rows {
            self.data[((row + y) * width + column) * channels..][..columns * channels]
                .copy_from_slice(&window.data[y * columns * channels..][..columns * channels]);
        }
    }
}
