//! What the host sees: functions of numbers, and memory.
#![allow(unsafe_code, reason = "pointers of the host; every block says why it is sound")]

use crate::codec::Codec;
use crate::reply::{Host, Reply};
use serde_json::Value;
use std::alloc::{Layout, alloc};
use std::cell::RefCell;
use std::ptr::{NonNull, null_mut};

#[link(wasm_import_module = "wavern")]
unsafe extern "C" {
    safe fn begin(head: *const u8, length: usize);
    safe fn rows(bytes: *const u8, length: usize);
    safe fn progress(part: f32);
    safe fn panicked(message: *const u8, length: usize);
}

/// The host of this instance.
struct Imports;

impl Host for Imports {
    fn begin(&mut self, head: &Value) {
        let head = head.to_string();
        begin(head.as_ptr(), head.len());
    }

    fn rows(&mut self, bytes: &[u8]) {
        rows(bytes.as_ptr(), bytes.len());
    }
}

/// Where a reply lies, for the host: four numbers of 32 bits.
#[repr(C)]
struct Place {
    head: *const u8,
    head_length: usize,
    body: *const u8,
    body_length: usize,
}

/// The last reply, until the host is done with it: where it lies, and what lies there.
struct Answer {
    place: Place,
    _head: String,
    _body: Vec<u8>,
}

thread_local! {
    static CODEC: RefCell<Codec> = RefCell::new(new_codec());
    static ANSWER: RefCell<Option<Box<Answer>>> = const { RefCell::new(None) };
}

fn new_codec() -> Codec {
    std::panic::set_hook(Box::new(|info| {
        let message = info.to_string();
        panicked(message.as_ptr(), message.len());
    }));
    Codec::new(|part| progress(part))
}

/// Memory for `length` bytes, which [`wavern_call`] takes; null if there is none.
#[unsafe(no_mangle)]
extern "C" fn wavern_alloc(length: usize) -> *mut u8 {
    match Layout::array::<u8>(length) {
        Ok(layout) if length > 0 => {
            // SAFETY: the layout has a size above 0.
            unsafe { alloc(layout) }
        }
        Ok(_) => NonNull::dangling().as_ptr(),
        Err(_) => null_mut(),
    }
}

/// Answers a request. Both parts must come from [`wavern_alloc`] with these lengths; they are taken.
///
/// # Safety
/// The pointers are those of the host, which hands over what it got.
#[unsafe(no_mangle)]
unsafe extern "C" fn wavern_call(
    head: *mut u8,
    head_length: usize,
    body: *mut u8,
    body_length: usize,
) -> *const u32 {
    // SAFETY: `wavern_alloc` allocated exactly this many bytes with the alignment of bytes, the host filled them (the
    // memory of WebAssembly is never uninitialised), and it does not use them again.
    let (head, body) = unsafe {
        (
            Vec::from_raw_parts(head, head_length, head_length),
            Vec::from_raw_parts(body, body_length, body_length),
        )
    };
    let Reply { head, body } = CODEC.with_borrow_mut(|codec| codec.answer(&head, body, &mut Imports));
    let head = head.to_string();
    let place =
        Place { head: head.as_ptr(), head_length: head.len(), body: body.as_ptr(), body_length: body.len() };
    ANSWER.with_borrow_mut(|answer| {
        let answer = answer.insert(Box::new(Answer { place, _head: head, _body: body }));
        (&raw const answer.place).cast()
    })
}

/// Frees the last reply.
#[unsafe(no_mangle)]
extern "C" fn wavern_done() {
    ANSWER.with_borrow_mut(|answer| drop(answer.take()));
}
