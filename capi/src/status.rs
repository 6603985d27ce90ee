//! What a call returns, and how errors of the library become that.
#![forbid(unsafe_code)]

use std::any::Any;
use wavern::Error;
use wavern::errors::ContainerError;

/// How a call ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "names of C")]
pub enum WavernStatus {
    /// As asked.
    WAVERN_OK = 0,
    /// The caller is at fault: NULL, a size, an option out of range, samples that are no numbers.
    WAVERN_ERROR_ARGUMENT = 1,
    /// Not a Wavern file, or a damaged one.
    WAVERN_ERROR_FORMAT = 2,
    /// The file, or what is there of it, ends too early.
    WAVERN_ERROR_TRUNCATED = 3,
    /// The file needs a later version of the library.
    WAVERN_ERROR_UNSUPPORTED = 4,
    /// More than the limits allow.
    WAVERN_ERROR_LIMIT = 5,
    /// The file was made with weights that are not here.
    WAVERN_ERROR_WEIGHTS = 6,
    /// A picture where a sound was expected, or the reverse.
    WAVERN_ERROR_KIND = 7,
    /// A callback returned something other than 0.
    WAVERN_ERROR_STOPPED = 8,
    /// The system refused: a folder of weights could not be read, a thread not be started.
    WAVERN_ERROR_SYSTEM = 9,
    /// A fault of the library; please report it.
    WAVERN_ERROR_INTERNAL = 10,
}

use WavernStatus::*;

impl WavernStatus {
    /// In words, ended by a 0 byte.
    pub(crate) fn words(code: i64) -> &'static str {
        const WORDS: [&str; 11] = [
            "no error\0",
            "a wrong argument\0",
            "not a Wavern file, or a damaged one\0",
            "the file ends too early\0",
            "the file needs a later version\0",
            "more than the limits allow\0",
            "the weights that the file needs are missing\0",
            "the file holds the other kind of signal\0",
            "stopped by a callback\0",
            "refused by the system\0",
            "a fault of the library\0",
        ];
        let index = usize::try_from(code).unwrap_or(usize::MAX);
        WORDS.get(index).copied().unwrap_or("an unknown error\0")
    }
}

/// A callback did not return 0; for where only an [`std::io::Error`] can say it.
#[derive(Debug)]
pub(crate) struct Stopped(pub String);

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Stopped {}

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub code: WavernStatus,
    pub text: String,
}

impl Failure {
    /// The caller is at fault.
    pub fn argument(text: impl Into<String>) -> Self {
        Self { code: WAVERN_ERROR_ARGUMENT, text: text.into() }
    }

    /// A callback did not return 0.
    pub fn stopped(callback: &str, value: i32) -> Self {
        Self { code: WAVERN_ERROR_STOPPED, text: format!("{callback}: stopped, it returned {value}") }
    }

    /// The system refused.
    pub fn system(text: impl Into<String>) -> Self {
        Self { code: WAVERN_ERROR_SYSTEM, text: text.into() }
    }

    /// A fault of the library.
    pub fn internal(text: impl Into<String>) -> Self {
        Self { code: WAVERN_ERROR_INTERNAL, text: text.into() }
    }

    /// What a panic said.
    pub fn panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::internal(format!("panic: {}", text.unwrap_or("without a message")))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Container(error) => container(error),
            Error::Payload { .. } | Error::Symbols { .. } | Error::Fitted(_) => WAVERN_ERROR_FORMAT,
            Error::Alpha(_) | Error::Field { .. } => WAVERN_ERROR_FORMAT,
            Error::WeightsMissing { .. } | Error::Weights(_) => WAVERN_ERROR_WEIGHTS,
            Error::Kind { .. } => WAVERN_ERROR_KIND,
            Error::Signal(_) | Error::Option { .. } => WAVERN_ERROR_ARGUMENT,
            Error::Rows(_) => WAVERN_ERROR_STOPPED,
            Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<Stopped>()) => {
                WAVERN_ERROR_STOPPED
            }
            Error::Io(_) => WAVERN_ERROR_SYSTEM,
            _ => WAVERN_ERROR_INTERNAL,
        };
        Self { code, text: error.to_string() }
    }
}

impl From<ContainerError> for Failure {
    fn from(error: ContainerError) -> Self {
        Error::from(error).into()
    }
}

fn container(error: &ContainerError) -> WavernStatus {
    match error {
        ContainerError::Truncated { .. } => WAVERN_ERROR_TRUNCATED,
        ContainerError::Unsupported { .. } => WAVERN_ERROR_UNSUPPORTED,
        ContainerError::Limit { .. } => WAVERN_ERROR_LIMIT,
        ContainerError::Parameter { .. } => WAVERN_ERROR_ARGUMENT,
        _ => WAVERN_ERROR_FORMAT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words() {
        let words: Vec<&str> = (0..=11).map(WavernStatus::words).collect();
        assert_eq!((words[0], words[10]), ("no error\0", "a fault of the library\0"));
        assert_eq!((words[11], WavernStatus::words(-1)), ("an unknown error\0", "an unknown error\0"));
        assert!(words.iter().all(|text| text.ends_with('\0') && text.matches('\0').count() == 1));
    }
}
