//! What becomes of the sums of a layer.

/// What becomes of the sums of a layer of floats.
#[derive(Clone, Copy, Debug)]
pub enum After<'a> {
    /// They are the output.
    Store,
    /// `max(0, sum)` is the output.
    Relu,
    /// They are added to the output.
    Add,
    /// `sum · gain`, one gain a channel, is added to the output.
    AddScaled(&'a [f32]),
}

/// Where the results of a layer of integers go, `[rows, outputs]`.
#[derive(Debug)]
pub enum Results<'a> {
    /// Limited to 0..=255.
    Activations(&'a mut [u8]),
    /// As they are.
    Integers(&'a mut [i32]),
    /// Times a factor for each output in place of the shift, rounded (halves to even), limited to 0..=255.
    Codes(&'a [f32], &'a mut [u8]),
    /// Times a factor for each output in place of the shift.
    Reals(&'a [f32], &'a mut [f32]),
    /// The same, added to what is there; product and sum are rounded one after the other.
    Added(&'a [f32], &'a mut [f32]),
}

impl Results<'_> {
    /// Elements of the results, once there are as many factors as outputs.
    pub(crate) fn len(&self, outputs: usize) -> usize {
        let (factors, length) = match self {
            Self::Activations(out) => (outputs, out.len()),
            Self::Integers(out) => (outputs, out.len()),
            Self::Codes(factors, out) => (factors.len(), out.len()),
            Self::Reals(factors, out) | Self::Added(factors, out) => (factors.len(), out.len()),
        };
        assert!(factors == outputs && length.is_multiple_of(outputs));
        length
    }
}
