//! What can go wrong, sorted by who can act on it.

use core::fmt;

/// Why symbols could not be encoded or decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The caller passed slices or numbers that do not fit together.
    Parameter {
        /// Which argument.
        what: &'static str,
        /// The value that was found.
        found: usize,
        /// The value, or the largest value, that was expected.
        expected: usize,
    },
    /// The symbol has no probability in a table that has no escape.
    ImpossibleSymbol {
        /// The symbol.
        symbol: i32,
    },
    /// The processor, or the build, lacks the instructions of the path that was asked for.
    PathUnavailable {
        /// Name of the path.
        path: &'static str,
    },
    /// The bytes end before the symbols do.
    UnexpectedEnd,
    /// The bytes are no stream of this coder.
    Malformed {
        /// What is wrong with them.
        what: &'static str,
    },
    /// The coder did not arrive at its starting point: bytes or parameters differ from the encoder's.
    FinalState,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter { what, found, expected } => write!(f, "{what} is {found} (expected {expected})"),
            Self::ImpossibleSymbol { symbol } => {
                write!(f, "symbol {symbol} has no probability and no escape")
            }
            Self::PathUnavailable { path } => write!(f, "this machine has no {path} path"),
            Self::UnexpectedEnd => write!(f, "the entropy-coded stream ends early"),
            Self::Malformed { what } => write!(f, "not an entropy-coded stream: {what}"),
            Self::FinalState => write!(f, "the entropy-coded stream is damaged: wrong final state"),
        }
    }
}

impl core::error::Error for Error {}

/// `Ok` if `found == expected`.
pub(crate) fn expect_length(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Parameter { what, found, expected }) }
}
