//! The one door to the GEMM crate, whose entry point is unsafe.
#![allow(unsafe_code)]

/// `out[m, n] += x[m, k] · w[k, n]`, all row-major.
///
/// The order of summation is fixed by the shape alone, so equal shapes give equal bits on one machine.
///
/// # Panics
/// If a slice has not the length of its shape.
pub fn multiply_add(out: &mut [f32], x: &[f32], w: &[f32], [m, n, k]: [usize; 3]) {
    assert!(out.len() == m * n && x.len() == m * k && w.len() == k * n);
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    // SAFETY: the three slices hold m·n, m·k and k·n elements (asserted), which is what row strides n, k and n with
    // column stride 1 address; `out` is borrowed mutably and so overlaps neither input.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            true,
            x.as_ptr(),
            1,
            k as isize,
            w.as_ptr(),
            1,
            n as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_definition_in_exact_arithmetic() {
        for [m, n, k] in [[1, 1, 1], [3, 5, 7], [256, 33, 40], [17, 160, 352]] {
            let x: Vec<f32> = (0..m * k).map(|i| ((i * 7 + 3) % 255) as f32).collect();
            let w: Vec<f32> = (0..k * n).map(|i| ((i * 5 + 1) % 21) as f32 - 10.0).collect();
            let mut out = vec![2.0; m * n];
            multiply_add(&mut out, &x, &w, [m, n, k]);
            for i in 0..m {
                for j in 0..n {
                    let sum: i64 = (0..k).map(|l| x[i * k + l] as i64 * w[l * n + j] as i64).sum();
                    assert_eq!(out[i * n + j] as i64, sum + 2);
                }
            }
        }
        multiply_add(&mut [], &[], &[1.0, 2.0], [0, 2, 1]);
    }
}
