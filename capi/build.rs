//! The name under which programs look for the shared library: with the part of the version that a change of the
//! interface raises. cargo-c, which asks for the feature `capi`, sets it itself.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if var("CARGO_FEATURE_CAPI").is_ok() {
        return;
    }
    let version = format!(
        "{}.{}",
        var("CARGO_PKG_VERSION_MAJOR").unwrap_or_default(),
        var("CARGO_PKG_VERSION_MINOR").unwrap_or_default()
    );
    match var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux" | "android" | "freebsd" | "netbsd" | "openbsd") => {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libwavern.so.{version}");
        }
        Ok("macos") => {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libwavern.{version}.dylib");
        }
        _ => {}
    }
}
