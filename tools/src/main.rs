//! The `wavern` command.

/// Buffers of pictures come and go in strips, on several threads. The system's allocator gives them back to the kernel
/// and fetches them again, page by page: a fifth of the time of a decode. Version 2 of mimalloc takes a quarter less
/// memory for them than version 3, and so has fewer pages to be cleared.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    wavern_cli::run()
}
