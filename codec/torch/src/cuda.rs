//! Makes libtorch see a GPU.
#![allow(unsafe_code)]

/// Loads libtorch_cuda.so, once: the linker drops it because nothing refers to it, and libtorch finds no device until
/// it is loaded. Where it is missing (a libtorch without CUDA), no device is found and the caller says so.
pub fn load_library() {
    static LOADED: std::sync::Once = std::sync::Once::new();
    LOADED.call_once(|| {
        // SAFETY: the library is libtorch's own; its initialisers only register kernels and may run on any thread. It
        // is never unloaded, so nothing it registered can dangle.
        if let Ok(library) = unsafe { libloading::Library::new("libtorch_cuda.so") } {
            std::mem::forget(library);
        }
    });
}
