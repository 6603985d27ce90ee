//! The errors of the library, as the host reports them.

use serde_json::{Map, Value, json};
use wavern::Error;
use wavern::errors::ContainerError;

/// What went wrong: a kind that a program can act on, a sentence, and what else is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// `format`, `unsupported`, `limit`, `weights`, `kind`, `signal`, `option`, `memory` or `internal`.
    pub kind: &'static str,
    /// A sentence without a full stop.
    pub message: String,
    /// Other fields: `offset` of the fault in bytes, the `tile` or `segment`, the weights that are `needed` and the
    /// kind they are `of`, the `option`.
    pub fields: Map<String, Value>,
}

impl Failure {
    /// Of a kind.
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), fields: Map::new() }
    }

    /// An argument out of range.
    pub fn option(option: &str, problem: impl std::fmt::Display) -> Self {
        Self::new("option", format!("{option}: {problem}")).with("option", option)
    }

    /// With one more field.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Weights for a kind of signal that are not here; `who` needs them.
    pub(crate) fn weights(needed: &str, of: wavern::Kind, who: &str) -> Self {
        Self::new("weights", format!("{who} needs {of} weights {needed}, which are not here"))
            .with("needed", needed)
            .with("of", of.to_string())
    }

    /// As JSON.
    pub fn to_json(&self) -> Value {
        let mut object = self.fields.clone();
        object.insert("kind".into(), self.kind.into());
        object.insert("message".into(), self.message.clone().into());
        json!({ "error": object })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Container(error) => container(&error, message),
            Error::Payload { unit, index, .. } | Error::Symbols { unit, index, .. } => {
                Self::new("format", message).with(unit, index)
            }
            Error::Fitted(_) | Error::Alpha(_) | Error::Field { .. } => Self::new("format", message),
            Error::WeightsMissing { needed, kind, .. } => {
                Self::weights(&needed.to_string(), kind, "the file")
            }
            Error::Weights(_) => Self::new("weights", message),
            Error::Kind { .. } => Self::new("kind", message),
            Error::Signal(_) => Self::new("signal", message),
            Error::Option { option, problem } => Self::option(option, problem),
            _ => Self::new("internal", message),
        }
    }
}

fn container(error: &ContainerError, message: String) -> Failure {
    use ContainerError as E;
    match *error {
        E::NotWavern { .. } => Failure::new("format", message).with("offset", 0),
        E::Limit { .. } => Failure::new("limit", message),
        E::Unsupported { offset, .. } => Failure::new("unsupported", message).with("offset", offset),
        E::Truncated { offset, .. } | E::ChunkChecksum { offset, .. } | E::Malformed { offset, .. } => {
            Failure::new("format", message).with("offset", offset)
        }
        E::TileChecksum { offset, tile, .. } => {
            Failure::new("format", message).with("offset", offset).with("tile", tile)
        }
        E::SegmentLost { segment } => Failure::new("format", message).with("segment", segment),
        E::Parameter { what, .. } => Failure::new("option", message).with("option", what),
        _ => Failure::new("format", message),
    }
}
