//! A fence around parsers written by others: a panic inside becomes an error, without a word on the terminal.

use crate::error::{Error, Result};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Keeps panics that `guarded` catches off the terminal. Called once, when the command starts.
pub fn install_panic_hook() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !GUARDED.get() {
            default(info);
        }
    }));
}

/// Runs a parser; if it panics, the input was malformed in a way the parser did not expect.
pub(crate) fn guarded<T>(what: &str, parse: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(parse));
    GUARDED.set(before);
    result.unwrap_or_else(|_| Err(Error::corrupt(format!("malformed {what}: the parser failed"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_panic_becomes_an_error() {
        let empty: Vec<u8> = Vec::new();
        let error = guarded("PNG", || Ok(empty[empty.len()])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!(error.to_string(), "malformed PNG: the parser failed");
        assert_eq!(guarded("PNG", || Ok(7)), Ok(7));
        assert!(!GUARDED.get());
    }
}
