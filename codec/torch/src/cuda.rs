//! Makes libtorch see a GPU, and keeps it busy.
#![allow(unsafe_code)]

use tch::{Device, Tensor};

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

/// A tensor on `device`. From pinned memory nobody waits for the copy; an ordinary one would wait for all that the GPU
/// has yet to do.
pub fn send(tensor: Tensor, device: Device) -> Tensor {
    match device {
        // `pin_memory` itself warns at every call that it is given a device.
        Device::Cuda(_) => tensor.internal_pin_memory(device).to_device_(device, tensor.kind(), true, false),
        _ => tensor,
    }
}
