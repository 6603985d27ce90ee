//! What can go wrong with measurements that were made elsewhere.

use std::fmt;

/// A file of measurements that cannot be used, or a chart that cannot be drawn. One line, lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not what they should be: CSV, JSON.
    Malformed(String),
    /// A result could not be written down.
    Output(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(cause) | Self::Output(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    pub(crate) fn malformed(cause: impl fmt::Display) -> Self {
        Self::Malformed(cause.to_string())
    }

    pub(crate) fn output(cause: impl fmt::Display) -> Self {
        Self::Output(cause.to_string())
    }
}
