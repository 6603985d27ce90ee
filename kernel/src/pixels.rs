//! Pixels ↔ planes of opponent colours, in units of the networks.

use super::multiversion;
use crate::color::{CENTRE, UNIT, from_opponent, to_opponent};

/// 16-bit samples per 8-bit step.
const STEP_16: f32 = 257.0;

multiversion! {
    /// Interleaved RGB of 8 bits → planes.
    pub fn rgb8_to_planes(pixels: &[u8], planes: [&mut [f32]; 3]) {
        to_planes(pixels.as_chunks::<3>().0, |p| p.map(f32::from), planes);
    }

    /// Interleaved RGB of 16 bits → planes.
    pub fn rgb16_to_planes(pixels: &[u16], planes: [&mut [f32]; 3]) {
        to_planes(pixels.as_chunks::<3>().0, |p| p.map(|v| f32::from(v) / STEP_16), planes);
    }

    /// Gray of 8 bits, R = G = B, → planes.
    pub fn gray8_to_planes(pixels: &[u8], planes: [&mut [f32]; 3]) {
        to_planes(pixels, |v| [f32::from(v); 3], planes);
    }

    /// Gray of 16 bits, R = G = B, → planes.
    pub fn gray16_to_planes(pixels: &[u16], planes: [&mut [f32]; 3]) {
        to_planes(pixels, |v| [f32::from(v) / STEP_16; 3], planes);
    }

    /// Planes → interleaved RGB of 8 bits: rounded, halves upwards, and limited.
    pub fn planes_to_rgb8(planes: [&[f32]; 3], gain: f32, pixels: &mut [u8]) {
        from_planes(planes, gain, pixels.as_chunks_mut::<3>().0, |v| (v + 0.5) as u8);
    }

    /// Planes → interleaved RGB of 16 bits.
    pub fn planes_to_rgb16(planes: [&[f32]; 3], gain: f32, pixels: &mut [u16]) {
        from_planes(planes, gain, pixels.as_chunks_mut::<3>().0, |v| (v * STEP_16 + 0.5) as u16);
    }

    /// Planes → gray of 8 bits, the mean of R, G and B.
    pub fn planes_to_gray8(planes: [&[f32]; 3], gain: f32, pixels: &mut [u8]) {
        let luma = |planes: [&[f32]; 3], x: usize| from_opponent([planes[0][x] * gain, 0.0, 0.0])[0] * UNIT + CENTRE;
        pixels.iter_mut().enumerate().for_each(|(x, out)| *out = (luma(planes, x) + 0.5) as u8);
    }

    /// Planes → gray of 16 bits, the mean of R, G and B.
    pub fn planes_to_gray16(planes: [&[f32]; 3], gain: f32, pixels: &mut [u16]) {
        let luma = |planes: [&[f32]; 3], x: usize| from_opponent([planes[0][x] * gain, 0.0, 0.0])[0] * UNIT + CENTRE;
        pixels.iter_mut().enumerate().for_each(|(x, out)| *out = (luma(planes, x) * STEP_16 + 0.5) as u16);
    }
}

#[inline(always)]
fn to_planes<P: Copy>(pixels: &[P], value: impl Fn(P) -> [f32; 3], planes: [&mut [f32]; 3]) {
    let [a, b, c] = planes.map(|plane| &mut plane[..pixels.len()]);
    for (x, pixel) in pixels.iter().enumerate() {
        [a[x], b[x], c[x]] = to_opponent(value(*pixel).map(|v| (v - CENTRE) / UNIT));
    }
}

/// Pixels that are computed plane by plane before they are interleaved: three bytes at a time, the arithmetic would not
/// become vector instructions.
const BLOCK: usize = 64;

#[inline(always)]
fn from_planes<T: Copy + Default>(
    planes: [&[f32]; 3],
    gain: f32,
    pixels: &mut [[T; 3]],
    store: impl Fn(f32) -> T,
) {
    for (index, pixels) in pixels.chunks_mut(BLOCK).enumerate() {
        let [a, b, c] = planes.map(|plane| &plane[index * BLOCK..][..pixels.len()]);
        let mut block = [[T::default(); BLOCK]; 3];
        let [red, green, blue] = block.each_mut().map(|plane| &mut plane[..pixels.len()]);
        for x in 0..a.len() {
            let [r, g, b] = from_opponent([a[x] * gain, b[x] * gain, c[x] * gain]);
            red[x] = store(r * UNIT + CENTRE);
            green[x] = store(g * UNIT + CENTRE);
            blue[x] = store(b * UNIT + CENTRE);
        }
        for (((pixel, red), green), blue) in pixels.iter_mut().zip(red).zip(green).zip(blue) {
            *pixel = [*red, *green, *blue];
        }
    }
}
