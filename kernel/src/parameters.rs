//! Outputs of the context networks → parameters, and symbols → their inputs.

use super::multiversion;

multiversion! {
    /// Limited to 16 bits.
    pub fn means(outputs: &[i32], out: &mut [i16]) {
        for (out, v) in out.iter_mut().zip(outputs) {
            *out = (*v).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
    }

    /// Limited to 0..=255.
    pub fn scales(outputs: &[i32], out: &mut [u8]) {
        for (out, v) in out.iter_mut().zip(outputs) {
            *out = (*v).clamp(0, 255) as u8;
        }
    }

    /// Limited to `-limit..=limit`, which fits 8 bits.
    pub fn residuals(outputs: &[i32], limit: i32, out: &mut [i8]) {
        for (out, v) in out.iter_mut().zip(outputs) {
            *out = (*v).clamp(-limit, limit) as i8;
        }
    }

    /// `zero` + [`crate::compand::compand`] of each symbol.
    pub fn compand(symbols: &[i32], zero: i32, out: &mut [u8]) {
        for (out, &symbol) in out.iter_mut().zip(symbols) {
            let magnitude = symbol.unsigned_abs().min(2047);
            let octave: u32 = [32, 64, 128, 256, 512, 1024].map(|from| u32::from(magnitude >= from)).iter().sum();
            let value = (16 * octave + (magnitude >> octave)).min(127) as i32;
            *out = (zero + if symbol < 0 { -value } else { value }) as u8;
        }
    }
}
