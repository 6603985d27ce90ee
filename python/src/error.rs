//! The errors of the library as exceptions of `wavern._errors`.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use wavern::Error;
use wavern::errors::ContainerError;

/// An exception that can be made without the interpreter.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The class in `wavern._errors`.
    class: &'static str,
    message: String,
    numbers: Vec<(&'static str, u64)>,
    words: Vec<(&'static str, String)>,
}

impl Failure {
    fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), numbers: Vec::new(), words: Vec::new() }
    }

    fn number(mut self, name: &'static str, value: u64) -> Self {
        self.numbers.push((name, value));
        self
    }

    fn word(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.words.push((name, value.into()));
        self
    }

    /// An argument out of range.
    pub fn option(option: &str, problem: impl std::fmt::Display) -> Self {
        Self::new("OptionError", format!("{option}: {problem}")).word("option", option)
    }

    /// Two signals that cannot be compared, or one that is none.
    pub fn signal(problem: impl Into<String>) -> Self {
        Self::new("SignalError", problem)
    }

    /// Latents of weights that are not here.
    pub fn weights(needed: wavern::WeightsId) -> Self {
        let needed = needed.to_string();
        Self::new("WeightsError", format!("weights {needed} for pictures are not here"))
            .word("needed", needed)
    }

    /// What should not happen.
    pub fn internal(problem: impl Into<String>) -> Self {
        Self::new("WavernError", problem)
    }

    /// The exception itself.
    pub fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let class = py.import("wavern._errors")?.getattr(self.class)?;
        let fields = PyDict::new(py);
        self.numbers.iter().try_for_each(|(name, value)| fields.set_item(name, value))?;
        self.words.iter().try_for_each(|(name, value)| fields.set_item(name, value))?;
        class.call((&self.message,), Some(&fields))
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        Python::attach(|py| failure.object(py).map_or_else(|error| error, PyErr::from_value))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let of = |class| Self::new(class, message.clone());
        match &error {
            Error::Container(error) => container(error, message),
            Error::Payload { unit, index, .. } | Error::Symbols { unit, index, .. } => {
                of("FormatError").word("unit", *unit).number("index", *index as u64)
            }
            Error::Fitted(_) | Error::Alpha(_) | Error::Field { .. } => of("FormatError"),
            Error::WeightsMissing { needed, .. } => of("WeightsError").word("needed", needed.to_string()),
            Error::Kind { found } => of("KindError").word("found", found.to_string()),
            Error::Signal(_) => of("SignalError"),
            Error::Option { option, problem } => Self::option(&option.replace('-', "_"), problem),
            _ => of("WavernError"),
        }
    }
}

impl From<ContainerError> for Failure {
    fn from(error: ContainerError) -> Self {
        Error::from(error).into()
    }
}

fn container(error: &ContainerError, message: String) -> Failure {
    use ContainerError as E;
    match *error {
        E::Limit { what, asked, allowed } => Failure::new("LimitError", message)
            .word("quantity", what)
            .number("asked", asked)
            .number("allowed", allowed),
        E::Unsupported { offset, .. } => Failure::new("UnsupportedError", message).number("offset", offset),
        E::Truncated { offset, .. } | E::ChunkChecksum { offset, .. } | E::Malformed { offset, .. } => {
            Failure::new("FormatError", message).number("offset", offset)
        }
        E::TileChecksum { offset, tile, .. } => Failure::new("FormatError", message)
            .number("offset", offset)
            .word("unit", "tile")
            .number("index", tile as u64),
        E::SegmentLost { segment } => {
            Failure::new("FormatError", message).word("unit", "segment").number("index", segment)
        }
        E::Parameter { what, .. } => Failure::new("OptionError", message).word("option", what),
        _ => Failure::new("FormatError", message).number("offset", 0),
    }
}
