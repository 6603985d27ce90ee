//! The `wavern` command.

/// Buffers of pictures come and go in strips, on several threads. The system's allocator gives them back to the kernel
/// and fetches them again, page by page: a fifth of the time of a decode.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    wavern_cli::run()
}
