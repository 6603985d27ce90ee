//! Pictures whose file ends too early: an error that says where, or, if the user wants it, what is there.

use crate::error::Error;

/// A picture of which only the first rows are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The name of its format.
    pub format: &'static str,
    /// Rows that are whole.
    pub rows: u32,
    /// Rows that there should be.
    pub height: u32,
}

impl Cut {
    /// The error, for who did not ask for a part.
    pub fn error(self) -> Error {
        let Self { format, rows, height } = self;
        Error::corrupt(format!(
            "{format} ends too early, in row {rows} of {height} (--partial takes what is there)"
        ))
    }

    /// The error, with what its decoder said, unless that is only that it ended.
    pub fn because(self, error: &Error) -> Error {
        let Self { format, rows, height } = self;
        match error.to_string() {
            why if why.ends_with("ends too early") => self.error(),
            why => Error::corrupt(format!(
                "{why}, in row {rows} of {height} of the {format} (--partial takes what is there)"
            )),
        }
    }

    /// What to tell who did.
    pub fn note(self) -> String {
        let Self { format, rows, height } = self;
        format!("{format} ends too early: rows {rows} to {} of {height} are gray", height.saturating_sub(1))
    }
}
