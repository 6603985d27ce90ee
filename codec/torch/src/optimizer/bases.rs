//! The coordinates of SOAP.

use crate::params::{Flat, Span};
use std::collections::BTreeMap;
use tch::{Kind, Tensor};

/// Decay of the mean G Gᵀ and Gᵀ G.
const DECAY: f64 = 0.95;
/// Steps between two improvements of the bases, on a CPU and on a GPU, where a decomposition takes as long as a step.
const EVERY: i64 = 25;
const EVERY_ON_GPU: i64 = 100;
/// Steps of the power method that make the first bases out of axes.
const FIRST: usize = 4;
/// Longer sides of a matrix keep their axes: a basis costs the cube of its side.
const LONGEST: i64 = 512;
/// So do shorter ones, with less to gain than a call costs.
const SHORTEST: i64 = 16;

/// A basis for each side of each matrix.
#[derive(Debug)]
pub struct Bases {
    matrices: Vec<Matrix>,
    found: bool,
    on_gpu: bool,
}

#[derive(Debug)]
struct Matrix {
    span: Span,
    /// Of rows and columns.
    sides: [Option<Side>; 2],
}

#[derive(Debug)]
struct Side {
    /// Mean of G Gᵀ or Gᵀ G.
    mean: Tensor,
    /// Its eigenvectors, nearly, as columns.
    basis: Tensor,
}

impl Bases {
    /// The axes, for all matrices of `flat`.
    pub fn new(flat: &Flat) -> Self {
        let values = flat.values();
        let side = |n: i64| {
            (SHORTEST..=LONGEST).contains(&n).then(|| {
                let options = (Kind::Float, values.device());
                Side { mean: Tensor::zeros([n, n], options), basis: Tensor::eye(n, options) }
            })
        };
        let matrices = flat.spans().iter().filter(|span| is_matrix(span));
        let matrices = matrices.map(|span| {
            let sides = [0, 1].map(|i| side(span.shape[i]));
            Matrix { span: span.clone(), sides }
        });
        Self { matrices: matrices.collect(), found: false, on_gpu: values.device().is_cuda() }
    }

    /// Whether the bases are to be improved after this step.
    pub fn are_due(&self, step: i64) -> bool {
        step % if self.on_gpu { EVERY_ON_GPU } else { EVERY } == 0
    }

    /// Takes a gradient into the means.
    pub fn gather(&mut self, gradient: &Tensor) {
        let weight = if self.found { 1.0 - DECAY } else { 1.0 };
        for matrix in &mut self.matrices {
            let g = matrix.span.of(gradient);
            let [rows, columns] = &mut matrix.sides;
            if let Some(side) = rows {
                let _ = side.mean.lerp_(&g.matmul(&g.tr()), weight);
            }
            if let Some(side) = columns {
                let _ = side.mean.lerp_(&g.tr().matmul(&g), weight);
            }
        }
    }

    /// Turns all matrices of a flat tensor into their bases.
    pub fn enter(&self, flat: &mut Tensor) {
        self.turn(flat, |side| side.basis.shallow_clone());
    }

    /// Undoes [`Self::enter`].
    pub fn leave(&self, flat: &mut Tensor) {
        self.turn(flat, |side| side.basis.tr());
    }

    /// Each matrix X becomes Rᵀ X C.
    fn turn(&self, flat: &mut Tensor, basis: impl Fn(&Side) -> Tensor) {
        for matrix in &self.matrices {
            let mut place = matrix.span.of(flat);
            let [rows, columns] = &matrix.sides;
            let mut x = place.shallow_clone();
            if let Some(side) = rows {
                x = basis(side).tr().matmul(&x);
            }
            if let Some(side) = columns {
                x = x.matmul(&basis(side));
            }
            place.copy_(&x);
        }
    }

    /// Improves the bases by a step of the power method (by several the first time), and takes the moments along: the
    /// first is turned, the second follows the order of its coordinates. An eigendecomposition would not do: it gives
    /// up on matrices of low rank.
    pub fn find(&mut self, first: &mut Tensor, second: &mut Tensor) {
        self.leave(first);
        for matrix in &mut self.matrices {
            for (dim, side) in matrix.sides.iter_mut().enumerate() {
                let Some(side) = side else { continue };
                for _ in 0..if self.found { 1 } else { FIRST } {
                    let image = side.mean.matmul(&side.basis);
                    let strengths =
                        (&side.basis * &image).sum_dim_intlist([0i64].as_slice(), false, Kind::Float);
                    let order = strengths.argsort(0, true);
                    let mut second = matrix.span.of(second);
                    let sorted = second.index_select(dim as i64, &order);
                    second.copy_(&sorted);
                    side.basis = Tensor::linalg_qr(&image.index_select(1, &order), "reduced").0;
                }
            }
        }
        self.found = true;
        self.enter(first);
    }

    /// All state, for a checkpoint.
    pub fn collect(&self, prefix: &str, out: &mut Vec<(String, Tensor)>) {
        let cpu = |t: &Tensor| t.to_device(tch::Device::Cpu).contiguous();
        for matrix in &self.matrices {
            for (dim, side) in matrix.sides.iter().enumerate() {
                let Some(side) = side else { continue };
                out.push((format!("{prefix}{}.{dim}.mean", matrix.span.name), cpu(&side.mean)));
                out.push((format!("{prefix}{}.{dim}.basis", matrix.span.name), cpu(&side.basis)));
            }
        }
    }

    /// Restores [`Self::collect`]. False, and nothing done, if something is missing.
    pub fn restore(&mut self, prefix: &str, from: &BTreeMap<String, Tensor>) -> bool {
        let mut restored = Vec::new();
        for matrix in &self.matrices {
            for (dim, side) in matrix.sides.iter().enumerate() {
                let Some(side) = side else { continue };
                for (part, own) in [("mean", &side.mean), ("basis", &side.basis)] {
                    match from.get(&format!("{prefix}{}.{dim}.{part}", matrix.span.name)) {
                        Some(saved) if saved.size() == own.size() => {
                            restored.push(saved.to_device(own.device()))
                        }
                        _ => return false,
                    }
                }
            }
        }
        let mut restored = restored.into_iter();
        let sides = self.matrices.iter_mut().flat_map(|matrix| matrix.sides.iter_mut().flatten());
        for side in sides {
            if let (Some(mean), Some(basis)) = (restored.next(), restored.next()) {
                (side.mean, side.basis) = (mean, basis);
            }
        }
        self.found = true;
        true
    }
}

/// Weights of pointwise layers; tables of gains and biases by level are two-dimensional, but no maps.
fn is_matrix(span: &Span) -> bool {
    span.shape.len() == 2 && (span.name.ends_with("weight"))
}
