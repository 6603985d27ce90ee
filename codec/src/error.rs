//! What can go wrong between a signal and a file.

use crate::network::Kind;
use crate::signal::SignalError;
use wavern_bitstream::WeightsId;

/// Errors of [`crate::Encoder`] and [`crate::Decoder`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The container is damaged, unsupported or beyond a limit.
    #[error(transparent)]
    Container(#[from] wavern_bitstream::Error),
    /// A tile or segment does not decode.
    #[error("{unit} {index}: {source}")]
    Payload {
        /// "tile" or "segment".
        unit: &'static str,
        /// Which one, from 0.
        index: usize,
        /// What the entropy coder found.
        source: wavern_entropy::Error,
    },
    /// The symbols of a tile or segment are not those that were written although its bytes are: a faulty reader or
    /// writer.
    #[error(
        "{unit} {index}: its symbols check as {computed:04x} (expected {stored:04x}) although its bytes are whole: \
         a probability came out differently here; please report it with the file"
    )]
    Symbols {
        /// "tile" or "segment".
        unit: &'static str,
        /// Which one, from 0.
        index: usize,
        /// The check value in the file.
        stored: u16,
        /// That of the symbols.
        computed: u16,
    },
    /// The entropy coder refused what it was given to write.
    #[error("entropy coder: {0}")]
    Entropy(wavern_entropy::Error),
    /// The alpha channel does not decode.
    #[error("alpha: {0}")]
    Alpha(String),
    /// The file was made with other weights.
    #[error("the file needs weights {needed}, but the {kind} weights here are {have}")]
    WeightsMismatch {
        /// Named by the file.
        needed: WeightsId,
        /// Those at hand.
        have: WeightsId,
        /// What the file holds.
        kind: Kind,
    },
    /// A header field has a value that the weights do not know.
    #[error("{field} {value} (expected {expected})")]
    Field {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// What it may be.
        expected: String,
    },
    /// A weight file was refused.
    #[error(transparent)]
    Weights(#[from] crate::weights::Error),
    /// The signal contradicts itself.
    #[error(transparent)]
    Signal(#[from] SignalError),
    /// An option is out of range or does not apply.
    #[error("{option}: {problem}")]
    Option {
        /// The option.
        option: &'static str,
        /// What is wrong, with the bound.
        problem: String,
    },
    /// The file of a sound could not be read or written while it was decoded or coded.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Rows of a picture could not be read or written.
    #[error(transparent)]
    Rows(Box<dyn std::error::Error + Send + Sync>),
    /// The float networks could not run.
    #[error("backend: {0}")]
    Backend(String),
}
