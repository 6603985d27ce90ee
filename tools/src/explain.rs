//! Errors of the libraries as errors of the command: what went wrong, what helps, and the exit code.

use crate::error::{Error, ErrorKind};
use crate::limits;

/// An error of the container, with its exit code.
pub(crate) fn explain_container(error: wavern_bitstream::Error) -> Error {
    use wavern_bitstream::Error as Container;
    let kind = match error {
        Container::Unsupported { .. } => ErrorKind::Unsupported,
        Container::Limit { .. } => ErrorKind::Limit,
        Container::Parameter { .. } => ErrorKind::Usage,
        _ => ErrorKind::Corrupt,
    };
    let remedy = match &error {
        Container::Limit { what, .. } => limits::option(what).map(|option| format!("; {option} raises it")),
        Container::ChunkChecksum { .. } | Container::TileChecksum { .. } | Container::Truncated { .. } => {
            Some("; decode --partial recovers what is left".to_owned())
        }
        _ => None,
    };
    Error::new(kind, format!("{}{}", chain(&error), remedy.unwrap_or_default()))
}

/// An error and what caused it, as far as its own words do not say it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| cause.source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// An error of the codec, with its exit code.
pub(crate) fn explain(error: wavern::Error) -> Error {
    use wavern::Error as Codec;
    let kind = match error {
        Codec::Container(error) => return explain_container(error),
        Codec::Payload { .. }
        | Codec::Symbols { .. }
        | Codec::Fitted(_)
        | Codec::Alpha(_)
        | Codec::Field { .. } => ErrorKind::Corrupt,
        Codec::WeightsMissing { .. } | Codec::Weights(_) => ErrorKind::Weights,
        Codec::Option { .. } | Codec::Signal(_) | Codec::Kind { .. } => ErrorKind::Usage,
        // What this crate's own readers and writers of rows said.
        Codec::Rows(error) => match error.downcast::<Error>() {
            Ok(error) => return *error,
            Err(error) => return Error::failed(error),
        },
        Codec::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Error::broken_pipe(),
        Codec::Backend(_) => ErrorKind::Device,
        _ => ErrorKind::Failed,
    };
    Error::new(kind, chain(&error))
}
