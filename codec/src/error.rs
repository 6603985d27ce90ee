//! What can go wrong between a signal and a file.

use crate::config::Kind;
use crate::signal::SignalError;
use wavern_bitstream::WeightsId;

/// Why a signal could not be coded, or a file not be decoded. Each variant says who can act: the file is at fault for
/// [`Container`](Self::Container) to [`Alpha`](Self::Alpha) and [`Field`](Self::Field), the caller for
/// [`Signal`](Self::Signal) and [`Option`](Self::Option), the machine for [`Io`](Self::Io) and
/// [`Backend`](Self::Backend).
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
    /// The networks that a picture without loss brings do not decode.
    #[error("fitted networks: {0}")]
    Fitted(wavern_entropy::Error),
    /// The entropy coder refused what it was given to write.
    #[error("entropy coder: {0}")]
    Entropy(wavern_entropy::Error),
    /// The alpha channel does not decode.
    #[error("alpha: {0}")]
    Alpha(String),
    /// The file was made with weights that are not here.
    #[error("the file needs {kind} weights {needed}, which are not here; looked at {}", looked.join(", "))]
    WeightsMissing {
        /// Named by the file.
        needed: WeightsId,
        /// What the file holds.
        kind: Kind,
        /// Where they were looked for: weights of this kind at hand, and folders.
        looked: Vec<String>,
    },
    /// The file holds the other kind of signal.
    #[error("the file holds {}", match found { Kind::Image => "a picture, not a sound", Kind::Audio => "a sound, not a picture" })]
    Kind {
        /// What it holds.
        found: Kind,
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
    Weights(#[from] crate::weight_file::Error),
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
