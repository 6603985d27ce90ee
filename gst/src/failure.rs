//! Errors of the library as messages of GStreamer: a domain and a code for programs, and a sentence for people.

use wavern::Error;
use wavern::errors::ContainerError;

/// Why a file could not be decoded.
pub(crate) fn decoding(error: &Error) -> gst::ErrorMessage {
    let text = sentence("decoded", error);
    match error {
        Error::Kind { .. } => gst::error_msg!(gst::StreamError::WrongType, ("{text}")),
        Error::Container(ContainerError::Unsupported { .. }) => {
            gst::error_msg!(gst::StreamError::NotImplemented, ("{text}"))
        }
        Error::WeightsMissing { .. } => gst::error_msg!(gst::StreamError::CodecNotFound, ("{text}")),
        Error::Io(_) => gst::error_msg!(gst::ResourceError::Read, ("{text}")),
        _ => gst::error_msg!(gst::StreamError::Decode, ("{text}")),
    }
}

/// Why a signal could not be encoded.
pub(crate) fn encoding(error: &Error) -> gst::ErrorMessage {
    let text = sentence("encoded", error);
    match error {
        Error::Option { .. } => gst::error_msg!(gst::LibraryError::Settings, ("{text}")),
        Error::Signal(_) => gst::error_msg!(gst::StreamError::Format, ("{text}")),
        _ => gst::error_msg!(gst::StreamError::Encode, ("{text}")),
    }
}

/// Neither the file nor the library is at fault.
pub(crate) fn gstreamer(text: impl std::fmt::Display) -> gst::ErrorMessage {
    gst::error_msg!(gst::CoreError::Failed, ("GStreamer refused: {text}"))
}

fn sentence(what: &str, error: &Error) -> String {
    format!("This cannot be {what}: {error}.")
}
