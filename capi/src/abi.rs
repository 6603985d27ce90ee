//! What every function needs at the boundary: errors, structs that grow, buffers that are handed out, panics that stay.

use crate::status::{Failure, WavernStatus};
use std::ffi::c_char;
use std::mem::size_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// Why a call failed. It lies with the caller and needs no freeing; every call that is given one fills it, with
/// `WAVERN_OK` and an empty text if nothing was wrong. Its size never changes.
#[repr(C)]
pub struct WavernError {
    /// What the call returned.
    pub code: WavernStatus,
    /// The reason in UTF-8, ended by a 0 byte; cut if it is longer.
    pub text: [c_char; 508],
}

/// Bytes of its text.
const TEXT: usize = 508;

/// Bytes that the library hands out.
pub struct WavernBuffer {
    bytes: Box<[u8]>,
}

/// A code in words. Static; of an unknown code, too.
#[unsafe(no_mangle)]
pub extern "C" fn wavern_status_text(code: i32) -> *const c_char {
    WavernStatus::words(code.into()).as_ptr().cast()
}

/// The bytes of a buffer, until it is freed; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_buffer_data(buffer: *const WavernBuffer) -> *const u8 {
    // SAFETY: NULL, or a buffer from this library that has not been freed.
    unsafe { buffer.as_ref() }.map_or(ptr::null(), |buffer| buffer.bytes.as_ptr())
}

/// How many bytes a buffer has; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_buffer_size(buffer: *const WavernBuffer) -> usize {
    // SAFETY: as above.
    unsafe { buffer.as_ref() }.map_or(0, |buffer| buffer.bytes.len())
}

/// Frees a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_buffer_free(buffer: *mut WavernBuffer) {
    // SAFETY: NULL, or a buffer from this library that has not been freed.
    unsafe { free(buffer) };
}

/// A struct of C that begins with its size and may get more fields.
///
/// # Safety
/// `repr(C)`, the first field is `size: usize`, every pattern of bits is a value, no padding at the end (what is added
/// later must not lie where older programs have left anything).
pub(crate) unsafe trait Sized_: Copy {
    /// Its name.
    const NAME: &'static str;
    /// Its size when it was first published.
    const FIRST: usize = size_of::<Self>();
    /// What the fields are that a caller does not have; `size` is that of the library.
    fn defaults() -> Self;
}

/// Runs a call. Nothing leaves it but its status, and the reason if there is a place for it.
///
/// # Safety
/// `error` is NULL or can be written.
pub(crate) unsafe fn call(
    error: *mut WavernError,
    body: impl FnOnce() -> Result<(), Failure>,
) -> WavernStatus {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(Failure::panic(&*panic)));
    let (code, text) = match &result {
        Ok(()) => (WavernStatus::WAVERN_OK, ""),
        Err(failure) => (failure.code, &*failure.text),
    };
    if !error.is_null() {
        // SAFETY: by the contract of this function. All of it is written, nothing of it is read.
        unsafe { error.write(WavernError { code, text: cut(text) }) };
    }
    code
}

/// A handle that a panic makes useless.
pub(crate) trait Handle {
    /// Whether it is.
    fn broken(&self) -> bool;
    fn set_broken(&mut self, broken: bool);
}

/// A handle that is only looked at.
///
/// # Safety
/// `handle` is NULL or a handle that has not been freed, which nobody changes meanwhile.
pub(crate) unsafe fn look_at<'a, H: Handle>(handle: *const H) -> Result<&'a H, Failure> {
    // SAFETY: by the contract of this function.
    let handle = unsafe { handle.as_ref() }.ok_or_else(|| null("the handle"))?;
    if handle.broken() {
        return Err(Failure::internal("an earlier call was stopped by a fault of the library"));
    }
    Ok(handle)
}

/// Runs a call on a handle. After a panic nothing is known about the handle.
///
/// # Safety
/// `error` is NULL or can be written; `handle` is NULL or a handle that has not been freed, which nobody else uses.
pub(crate) unsafe fn call_on<H: Handle>(
    handle: *mut H,
    error: *mut WavernError,
    body: impl FnOnce(&mut H) -> Result<(), Failure>,
) -> WavernStatus {
    let run = || {
        // SAFETY: by the contract of this function.
        unsafe { look_at(handle) }?;
        // SAFETY: as above, and not NULL, as was just seen.
        let handle = unsafe { &mut *handle };
        handle.set_broken(true);
        let result = body(handle);
        handle.set_broken(false);
        result
    };
    // SAFETY: by the contract of this function.
    unsafe { call(error, run) }
}

/// What is NULL and must not be.
pub(crate) fn null(what: &str) -> Failure {
    Failure::argument(format!("{what} is NULL"))
}

/// A text for [`WavernError`], cut between two characters.
fn cut(text: &str) -> [c_char; TEXT] {
    let mut out = [0; TEXT];
    let mut end = text.len().min(TEXT - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // A 0 byte would end it for a reader of C.
    let bytes = text.as_bytes()[..end].iter().map(|&byte| if byte == 0 { b'?' } else { byte });
    out.iter_mut().zip(bytes).for_each(|(out, byte)| *out = byte as c_char);
    out
}

/// Reads a struct of the caller; what it does not have gets its default.
///
/// # Safety
/// `from` is NULL or can be read for as many bytes as its first field says.
pub(crate) unsafe fn read<T: Sized_>(from: *const T) -> Result<T, Failure> {
    if from.is_null() {
        return Err(null(T::NAME));
    }
    // SAFETY: `size` is the first field of every such struct.
    let size = unsafe { from.cast::<usize>().read_unaligned() };
    check_size::<T>(size)?;
    let mut value = T::defaults();
    let shared = size.min(size_of::<T>());
    // SAFETY: both have that many bytes, and they are not the same memory.
    unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), (&raw mut value).cast(), shared) };
    for at in shared..size {
        // SAFETY: the caller says that there are `size` bytes.
        if unsafe { from.cast::<u8>().add(at).read() } != 0 {
            let text = format!("{} has a field that this version of the library does not know", T::NAME);
            return Err(Failure::argument(text));
        }
    }
    Ok(value)
}

/// Writes a struct of the caller, as far as the caller knows it, with the size that the caller gave.
///
/// # Safety
/// `to` is NULL or can be written for `size` bytes.
pub(crate) unsafe fn write<T: Sized_>(to: *mut T, size: usize, value: &T) -> Result<(), Failure> {
    if to.is_null() {
        return Err(null(T::NAME));
    }
    check_size::<T>(size)?;
    let shared = size.min(size_of::<T>());
    // SAFETY: both have that many bytes, and they are not the same memory.
    unsafe { ptr::copy_nonoverlapping((&raw const *value).cast::<u8>(), to.cast(), shared) };
    // SAFETY: the caller says that there are `size` bytes.
    unsafe { ptr::write_bytes(to.cast::<u8>().add(shared), 0, size - shared) };
    // SAFETY: `size` is the first field of every such struct.
    unsafe { to.cast::<usize>().write_unaligned(size) };
    Ok(())
}

/// [`write`] with the size that stands in the struct.
///
/// # Safety
/// `to` is NULL or can be read and written for as many bytes as its first field says.
pub(crate) unsafe fn fill<T: Sized_>(to: *mut T, value: &T) -> Result<(), Failure> {
    if to.is_null() {
        return Err(null(T::NAME));
    }
    // SAFETY: `size` is the first field of every such struct.
    let size = unsafe { to.cast::<usize>().read_unaligned() };
    // SAFETY: by the contract of this function.
    unsafe { write(to, size, value) }
}

fn check_size<T: Sized_>(size: usize) -> Result<(), Failure> {
    // A page is more than any such struct will have: a size beyond it was never set.
    if (T::FIRST..=4096).contains(&size) {
        return Ok(());
    }
    let text = format!("{}.size is {size} (expected sizeof, at least {})", T::NAME, T::FIRST);
    Err(Failure::argument(text))
}

/// Hands a value out, NULL first.
///
/// # Safety
/// `out` is NULL or can be written.
pub(crate) unsafe fn hand_out<T>(
    out: *mut *mut T,
    what: &str,
    make: impl FnOnce() -> Result<T, Failure>,
) -> Result<(), Failure> {
    if out.is_null() {
        return Err(null(what));
    }
    // SAFETY: by the contract of this function.
    unsafe { clear(out) };
    let made = Box::into_raw(Box::new(make()?));
    // SAFETY: as above.
    unsafe { out.write(made) };
    Ok(())
}

/// Sets what a call hands out to NULL, in case that nothing comes.
///
/// # Safety
/// `out` is NULL or can be written.
pub(crate) unsafe fn clear<T>(out: *mut *mut T) {
    if !out.is_null() {
        // SAFETY: by the contract of this function.
        unsafe { out.write(ptr::null_mut()) };
    }
}

/// Takes back what was handed out. What its destructor does not survive is lost, and the caller goes on.
///
/// # Safety
/// `value` is NULL or from [`hand_out`] and has not been freed.
pub(crate) unsafe fn free<T>(value: *mut T) {
    if !value.is_null() {
        // SAFETY: by the contract of this function.
        let value = unsafe { Box::from_raw(value) };
        let _ = catch_unwind(AssertUnwindSafe(move || drop(value)));
    }
}

/// Bytes as a buffer to be handed out.
pub(crate) fn buffer(bytes: Vec<u8>) -> WavernBuffer {
    WavernBuffer { bytes: bytes.into_boxed_slice() }
}

/// Bytes of the caller, for as long as the caller has promised.
///
/// # Safety
/// `data` is NULL or `size` bytes that stay as they are during `'a`.
pub(crate) unsafe fn bytes<'a>(data: *const u8, size: usize, what: &str) -> Result<&'a [u8], Failure> {
    if data.is_null() {
        return Err(null(what));
    }
    if size > isize::MAX as usize {
        return Err(Failure::argument(format!("{what} has {size} bytes, which no memory has")));
    }
    // SAFETY: not NULL, of possible size, and the rest by the contract of this function.
    Ok(unsafe { std::slice::from_raw_parts(data, size) })
}

/// Text of the caller; `None` for NULL.
///
/// # Safety
/// `text` is NULL or ended by a 0 byte.
pub(crate) unsafe fn text(text: *const c_char, what: &str) -> Result<Option<String>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: by the contract of this function.
    let text = unsafe { std::ffi::CStr::from_ptr(text) };
    let text = text.to_str().map_err(|_| Failure::argument(format!("{what} is not UTF-8")))?;
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> WavernError {
        WavernError { code: WavernStatus::WAVERN_OK, text: [0; TEXT] }
    }

    fn said(error: &WavernError) -> String {
        let bytes: Vec<u8> = error.text.iter().take_while(|&&c| c != 0).map(|&c| c as u8).collect();
        String::from_utf8(bytes).unwrap()
    }

    struct Thing {
        broken: bool,
    }

    impl Handle for Thing {
        fn broken(&self) -> bool {
            self.broken
        }

        fn set_broken(&mut self, broken: bool) {
            self.broken = broken;
        }
    }

    #[test]
    fn a_panic_is_a_status_and_breaks_its_handle() {
        let (mut thing, mut error) = (Thing { broken: false }, error());
        let mut run = |body: fn(&mut Thing) -> Result<(), Failure>| {
            // SAFETY: both are on the stack.
            let status = unsafe { call_on(&raw mut thing, &raw mut error, body) };
            (status, said(&error))
        };
        assert_eq!(run(|_| Ok(())), (WavernStatus::WAVERN_OK, String::new()));
        let refused = run(|_| Err(Failure::argument("no")));
        assert_eq!(refused, (WavernStatus::WAVERN_ERROR_ARGUMENT, "no".into()));
        assert_eq!(run(|_| Ok(())).0, WavernStatus::WAVERN_OK);
        let fault = run(|_| panic!("number {}", 7));
        assert_eq!(fault, (WavernStatus::WAVERN_ERROR_INTERNAL, "panic: number 7".into()));
        let (status, text) = run(|_| Ok(()));
        assert_eq!(status, WavernStatus::WAVERN_ERROR_INTERNAL);
        assert!(text.contains("earlier call"), "{text}");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut error = error();
        let long = "ü".repeat(400);
        // SAFETY: it is on the stack.
        unsafe { call(&raw mut error, || Err(Failure::argument(long))) };
        assert_eq!(said(&error), "ü".repeat(253));
        assert_eq!(size_of::<WavernError>(), 512);
    }

    #[derive(Clone, Copy)]
    #[repr(C)]
    struct Old {
        size: usize,
        a: u32,
        b: u32,
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    struct New {
        size: usize,
        a: u32,
        b: u32,
        c: u64,
    }

    // SAFETY: integers, of which none lies at the end with padding behind it.
    unsafe impl Sized_ for New {
        const NAME: &'static str = "New";
        const FIRST: usize = size_of::<Old>();
        fn defaults() -> Self {
            Self { size: size_of::<Self>(), a: 1, b: 2, c: 3 }
        }
    }

    #[test]
    fn older_and_newer_structs_are_taken() {
        let mut old = Old { size: size_of::<Old>(), a: 10, b: 20 };
        // SAFETY: the sizes are true.
        let read_old = unsafe { read((&raw const old).cast::<New>()) }.unwrap();
        assert_eq!((read_old.a, read_old.b, read_old.c), (10, 20, 3));
        let value = New { size: 0, a: 5, b: 6, c: 7 };
        // SAFETY: no more is written than the size says.
        unsafe { fill((&raw mut old).cast::<New>(), &value) }.unwrap();
        assert_eq!((old.size, old.a, old.b), (size_of::<Old>(), 5, 6));

        let mut newer = [0usize; 8];
        newer[0] = size_of_val(&newer);
        // SAFETY: as above.
        assert!(unsafe { read(newer.as_ptr().cast::<New>()) }.is_ok());
        newer[7] = 1;
        // SAFETY: as above.
        let refused = unsafe { read(newer.as_ptr().cast::<New>()) }.unwrap_err();
        assert!(refused.text.contains("does not know"), "{}", refused.text);
        newer[0] = 3;
        // SAFETY: as above.
        assert!(unsafe { read(newer.as_ptr().cast::<New>()) }.is_err());
    }
}
