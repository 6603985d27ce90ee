//! Pointwise layers on codes of 16 bits, and what they share with those of 8 bits in `integer.rs`.

use super::run::split;
use crate::weight_file::{Error, TensorMap};
use rayon::prelude::*;
use std::cell::RefCell;
use wavern_kernel::codes;
use wavern_kernel::float;
use wavern_kernel::integer::Results;
use wavern_kernel::wide::Wide;

/// A pointwise layer on codes of 16 bits, from reals to reals.
#[derive(Debug)]
pub struct Pointwise {
    /// Codes for each unit of an input.
    factors: Vec<f32>,
    layer: Wide,
    /// Of the sums.
    scale: Vec<f32>,
}

impl Pointwise {
    /// Takes the tensors of this prefix; no ReLU may follow.
    ///
    /// # Errors
    /// If one does not fit, or a sum could overflow.
    pub fn load(
        map: &TensorMap<'_>,
        prefix: &str,
        [inputs, outputs]: [usize; 2],
        relu: bool,
    ) -> Result<Self, Error> {
        if relu {
            return Err(Error::Config(format!("{prefix}* is quantized and has a ReLU")));
        }
        let weight = map.i16s(&format!("{prefix}weight"), &[outputs, inputs])?;
        let bias = bias(map, prefix, &weight, outputs, codes::WIDE_LIMIT as i64)?;
        Ok(Self {
            factors: map.floats(&format!("{prefix}factor"), &[inputs])?,
            layer: Wide::new(&weight, &bias, inputs),
            scale: map.floats(&format!("{prefix}scale"), &[outputs])?,
        })
    }

    /// Channels out.
    pub fn outputs(&self) -> usize {
        self.layer.outputs()
    }

    /// The layer that the codes stand for.
    pub fn real(&self) -> float::Pointwise {
        let weight: Vec<f32> = self.layer.weight().iter().map(|&w| w.into()).collect();
        real(&weight, self.layer.bias(), Some(&self.factors), &self.scale)
    }

    /// The layer at every position.
    pub fn run(&self, x: &[f32], out: &mut [f32]) {
        let (inputs, outputs, stride) = (self.factors.len(), self.scale.len(), self.layer.stride());
        let run = split(out.len() / outputs);
        let runs = out.par_chunks_mut(run * outputs).zip(x.par_chunks(run * inputs));
        runs.for_each(|(out, x)| {
            WORDS.with_borrow_mut(|words| {
                words.resize(x.len() / inputs * stride, 0);
                codes::words(x, &self.factors, stride, words);
                self.layer.run(words, Results::Reals(&self.scale, out));
            });
        });
    }
}

/// A [`Pointwise`] at work.
#[derive(Debug)]
pub(super) struct PointwiseStage<'a> {
    layer: &'a Pointwise,
    out: Vec<f32>,
}

impl<'a> PointwiseStage<'a> {
    pub fn new(layer: &'a Pointwise) -> Self {
        Self { layer, out: Vec::new() }
    }

    pub fn push(&mut self, x: &[f32]) -> &[f32] {
        self.out.resize(x.len() / self.layer.factors.len() * self.layer.outputs(), 0.0);
        self.layer.run(x, &mut self.out);
        &self.out
    }
}

thread_local! {
    /// Codes of a run of positions.
    static WORDS: RefCell<Vec<i16>> = const { RefCell::new(Vec::new()) };
}

/// The biases of a layer, once no sum can overflow.
pub(super) fn bias(
    map: &TensorMap<'_>,
    prefix: &str,
    weight: &[impl Copy + Into<i64>],
    outputs: usize,
    largest: i64,
) -> Result<Vec<i32>, Error> {
    let bias = map.i32s(&format!("{prefix}bias"), &[outputs])?;
    let mut bounds: Vec<i64> = bias.iter().map(|&b| i64::from(b).abs()).collect();
    let limit = i64::from(i32::MAX);
    for (channel, (bound, row)) in
        bounds.iter_mut().zip(weight.chunks(weight.len() / outputs.max(1))).enumerate()
    {
        *bound += row.iter().map(|&w| w.into().abs()).sum::<i64>() * largest;
        if *bound >= limit {
            return Err(Error::Inexact { name: prefix.to_owned(), channel, bound: *bound, limit });
        }
    }
    Ok(bias)
}

/// Real weights, and sums in units of the output.
pub(super) fn real(weight: &[f32], bias: &[i32], factors: Option<&[f32]>, scale: &[f32]) -> float::Pointwise {
    let inputs = weight.len() / scale.len();
    let factor = |i: usize| factors.map_or(1.0, |factors| factors[i]);
    let rows = weight.chunks_exact(inputs).zip(scale);
    let weight: Vec<f32> = rows
        .flat_map(|(row, scale)| row.iter().enumerate().map(move |(i, w)| w * factor(i) * scale))
        .collect();
    let bias: Vec<f32> = bias.iter().zip(scale).map(|(b, scale)| *b as f32 * scale).collect();
    float::Pointwise::new(&weight, &bias, inputs)
}
