//! What can go wrong in the command, as one line for a person and one exit code for a script.

use std::fmt;
use std::io;

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who can do something about an error. The discriminant is the exit code of the process; 0 is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file could not be read or written.
    Failed = 1,
    /// The command line asks for something impossible.
    Usage = 2,
    /// The file is sound, but uses something this version does not know.
    Unsupported = 3,
    /// The file is damaged, or is not what it claims to be.
    Corrupt = 4,
    /// The file names trained weights that are not here.
    Weights = 5,
    /// The file or the request is larger than a limit allows.
    Limit = 6,
    /// The device asked for is not there.
    Device = 7,
}

/// A cause in one line, the place it belongs to, and an [`ErrorKind`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    place: Option<String>,
    cause: String,
    quiet: bool,
    there: bool,
}

impl Error {
    /// An error of this kind. The cause is lower case, without a full stop, and states the bound that was missed.
    pub fn new(kind: ErrorKind, cause: impl fmt::Display) -> Self {
        Self { kind, place: None, cause: cause.to_string(), quiet: false, there: false }
    }

    /// See [`ErrorKind::Failed`].
    pub fn failed(cause: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Failed, cause)
    }

    /// See [`ErrorKind::Usage`].
    pub fn usage(cause: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Usage, cause)
    }

    /// See [`ErrorKind::Unsupported`].
    pub fn unsupported(cause: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unsupported, cause)
    }

    /// See [`ErrorKind::Corrupt`].
    pub fn corrupt(cause: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Corrupt, cause)
    }

    /// See [`ErrorKind::Limit`].
    pub fn limit(cause: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Limit, cause)
    }

    /// The reader at the other end of standard output went away: nothing to say, nothing more to do.
    pub fn broken_pipe() -> Self {
        Self { quiet: true, ..Self::failed("standard output was closed") }
    }

    /// What should be written is there already.
    pub fn already_there() -> Self {
        Self { there: true, ..Self::failed("exists already (use -f to overwrite)") }
    }

    /// The same error, said of this file, unless it already names one.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place.get_or_insert_with(|| place.to_string());
        self
    }

    /// The same error of a writer that does not know what its bytes go to: `writing PNM` becomes `a.ppm: writing PNM`.
    pub(crate) fn writing_to(mut self, name: &str) -> Self {
        if let Some(place) = self.place.as_mut().filter(|place| place.starts_with("writing ")) {
            *place = format!("{name}: {place}");
        }
        self
    }

    /// Who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Exit code of the process that stops for this error.
    pub fn exit_code(&self) -> u8 {
        self.kind as u8
    }

    /// True if what should be written is there already.
    pub fn is_there(&self) -> bool {
        self.there
    }

    /// True if nothing should be printed.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}: ", one_line(place))?;
        }
        f.write_str(&one_line(&self.cause))
    }
}

impl std::error::Error for Error {}

/// Names of files and messages of parsers can hold anything; an error stays one printable line.
fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Gives an error of the operating system its place.
pub trait At<T> {
    /// The value, or the error said of this file.
    fn at(self, place: impl fmt::Display) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, place: impl fmt::Display) -> Result<T> {
        self.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Error::broken_pipe(),
            _ => Error::failed(error).at(place),
        })
    }
}

impl<T> At<T> for Result<T> {
    fn at(self, place: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.at(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_and_keeps_the_first_place() {
        let error = Error::corrupt("bad\nthing\u{1b}[31m").at("a\nb.png").at("other");
        assert_eq!(error.to_string(), "a b.png: bad thing [31m");
        assert_eq!(error.exit_code(), 4);
    }

    #[test]
    fn operating_system_errors_exit_with_1_and_a_closed_pipe_is_quiet() {
        let missing: io::Result<()> = Err(io::Error::from(io::ErrorKind::NotFound));
        let error = missing.at("x.png").unwrap_err();
        assert_eq!((error.exit_code(), error.is_quiet()), (1, false));
        let closed: io::Result<()> = Err(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(closed.at("-").unwrap_err().is_quiet());
    }
}
