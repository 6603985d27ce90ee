//! What a hostile file says about its size reserves no memory.

mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use support::{checked, chunk, chunk_of_length, file, raw_audio_header, raw_image_header, varint};
use wavern_bitstream::{Container, Limits, describe};

/// The system's allocator, which remembers the largest request.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Relaxed);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `alloc` above, so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

#[test]
fn declared_sizes_reserve_nothing() {
    let large_picture = raw_image_header(1, 1 << 12, 1 << 14, 1 << 14);
    let sound = raw_audio_header(0, 48_000, 1, 1);
    let entries = |count: u64| [varint(count), vec![0; 4]].concat().repeat(20);
    let mut files = vec![
        // 4,096 tiles, 2^40 segments of one frame; tables of 20 entries.
        file(&[large_picture.clone(), chunk(b"TABL", &entries(1)), chunk(b"DATA", &[0; 20])]),
        file(&[sound.clone(), checked(b"SEGT", &[1 << 40, 1 << 40, 40], &[1; 20])]),
        file(&[sound.clone(), checked(b"SEGM", &[u64::MAX, 1, 0], b"")]),
        file(&[sound.clone(), chunk_of_length(b"SEGM", 1 << 42, b"")]),
        file(&[sound, chunk_of_length(b"riff", (1 << 24) - 1, b"")]),
        file(&[large_picture.clone(), chunk_of_length(b"ALPH", u64::MAX, b"")]),
        file(&[large_picture, chunk_of_length(b"DATA", u64::MAX, b"")]),
        file(&[raw_image_header(1, 0, 1 << 20, 256), chunk(b"DATA", b"1")]),
    ];
    files.push(file(&[raw_image_header(1, 0, 64, 64), chunk(b"note", b"").repeat(100), chunk(b"DATA", b"")]));

    let mut unlimited = Limits::default();
    (unlimited.pixels, unlimited.samples, unlimited.work_per_byte) = (u64::MAX, u64::MAX, u64::MAX);
    (unlimited.side, unlimited.metadata_bytes, unlimited.chunks) = (u32::MAX, u64::MAX, u32::MAX);
    for bytes in files {
        // A list of chunks takes up to four times the bytes of empty ones, and grows by doubling.
        let allowed = 8 * bytes.len() + 512;
        LARGEST.store(0, Relaxed);
        for limits in [&Limits::default(), &unlimited] {
            let _ = Container::parse(&bytes, limits);
            let _ = Container::parse_damaged(&bytes, limits);
            let _ = describe(&bytes).map(Iterator::count);
        }
        let largest = LARGEST.load(Relaxed);
        assert!(largest <= allowed, "{largest} bytes reserved at once for a file of {}", bytes.len());
    }
}
