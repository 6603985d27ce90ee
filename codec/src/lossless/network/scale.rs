//! Local scales: what a sum of differences between neighbours says of the differences to come.
//!
//! A *class* is the logarithm of a sum D of eight absolute differences, in eighths of an octave; sums below 16 have a
//! class each. V, the middle of the sums of a class, stands for all of them, and S = (V + 2) / 8 is the difference that
//! is typical among samples of this class.

/// Classes and what follows them: tables are as long as an index of 8 bits may ask for.
const CLASSES: usize = 256;

/// What a class says, by table.
pub struct Tables {
    /// Bits that differences lose before they are multiplied.
    pub shift: [i32; CLASSES],
    /// 2^21 · 2^shift / (V + 2), to the nearest: differences times this, over 2^14, are in 1/16 of S.
    pub factor: [i32; CLASSES],
    /// S in 1/64 sample, over 2^shift, rounded down.
    pub unit: [i32; CLASSES],
    /// 16 log₂ S to the nearest, plus 51: S as the scale of a mixture.
    pub log: [i32; CLASSES],
}

/// V of a class.
const fn middle(class: usize) -> i64 {
    if class == 0 {
        return 0;
    }
    let (octave, eighth) = ((class as i64 - 1) / 8, (class as i64 - 1) % 8);
    ((17 + 2 * eighth) << octave) >> 4
}

/// 16 log₂(v / 8) to the nearest integer, by repeated squaring.
const fn log16(v: i64) -> i32 {
    let octave = v.ilog2() as i32;
    // Between 1 and 2, in 1/2^30.
    let mut mantissa = (v << 30) >> octave;
    let (mut log, mut bit) = (0, 0);
    while bit < 5 {
        mantissa = (mantissa * mantissa) >> 30;
        log *= 2;
        if mantissa >= 2 << 30 {
            mantissa >>= 1;
            log += 1;
        }
        bit += 1;
    }
    16 * (octave - 3) + (log + 1) / 2
}

/// What each class says.
pub static TABLES: Tables = {
    let mut tables =
        Tables { shift: [0; CLASSES], factor: [0; CLASSES], unit: [0; CLASSES], log: [0; CLASSES] };
    let mut class = 0;
    // Sums stay below 2^21: eight differences of samples of 17 bits.
    while class <= 8 * 21 {
        let v = middle(class) + 2;
        let shift = if v >= 2048 { v.ilog2() as i32 - 10 } else { 0 };
        tables.shift[class] = shift;
        tables.factor[class] = (((1i64 << (21 + shift)) + v / 2) / v) as i32;
        tables.unit[class] = ((8 * v) >> shift) as i32;
        tables.log[class] = log16(v) + 51;
        class += 1;
    }
    tables
};

#[cfg(test)]
mod tests {
    use super::*;
    use wavern_kernel::causal::class;

    #[test]
    fn tables_are_what_their_comments_say() {
        for sum in (0..3000).chain((3000..2_097_152).step_by(997)) {
            let class = class(sum) as usize;
            let v = middle(class) as f64;
            assert!(class <= 8 * 21 && (v - f64::from(sum)).abs() <= f64::from(sum) / 16.0, "{sum}: {v}");
            let log = 16.0 * ((v + 2.0) / 8.0).log2() + 51.0;
            assert!((f64::from(TABLES.log[class]) - log).abs() <= 0.5, "{sum}");
            let unit = f64::from(TABLES.unit[class] << TABLES.shift[class]) / 64.0;
            assert!((unit / ((v + 2.0) / 8.0) - 1.0).abs() < 1e-3, "{sum}");
            // No product of a difference that was limited leaves 32 bits.
            assert!(i64::from(TABLES.factor[class]) * 1023 < 1 << 31, "{sum}");
        }
    }
}
