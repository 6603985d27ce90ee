//! The network of a plane in reals, and the slope of the bits of samples by its parameters.

use super::batch::Batch;
use crate::lossless::network::shape::{ACTIVATION, OUTPUTS, Shape};
use wavern_kernel::causal::LANES;
use wavern_kernel::float::{After, Pointwise};
use wavern_kernel::gradient;

/// Reused memory.
#[derive(Default)]
pub struct Memory {
    look: Vec<f32>,
    mix: Vec<f32>,
    joined: Vec<f32>,
    out: Vec<f32>,
    by_out: Vec<f32>,
    by_joined: Vec<f32>,
    by_mix: Vec<f32>,
    by_look: Vec<f32>,
}

/// Parts of parameters in the order of [`Shape::layers`]: weights and biases of each layer.
fn parts(shape: Shape, mut parameters: &[f32]) -> [(&[f32], &[f32]); 3] {
    shape.layers().map(|(outputs, inputs)| {
        let (weight, rest) = parameters.split_at(outputs * inputs);
        let (bias, rest) = rest.split_at(outputs);
        parameters = rest;
        (weight, bias)
    })
}

/// The mean slope of the bits of a batch, a multiple of [`LANES`] samples, by the parameters, into `slope`.
pub fn slope(shape: Shape, parameters: &[f32], batch: &Batch, slope: &mut [f32], memory: &mut Memory) {
    let (n, Shape { inputs, width }) = (batch.residual.len(), shape);
    assert!(n.is_multiple_of(LANES) && batch.inputs.len() == n * inputs);
    let m = memory;
    let joined = inputs + width;
    for (buffer, channels) in [
        (&mut m.look, width),
        (&mut m.mix, width),
        (&mut m.joined, joined),
        (&mut m.out, OUTPUTS),
        (&mut m.by_out, OUTPUTS),
        (&mut m.by_joined, joined),
        (&mut m.by_mix, width),
        (&mut m.by_look, width),
    ] {
        buffer.resize(n * channels, 0.0);
    }
    let layers = parts(shape, parameters);
    let [look, mix, head] = [0, 1, 2].map(|l| Pointwise::new(layers[l].0, layers[l].1, shape.layers()[l].1));
    // An activation that is at a limit does not move.
    let limit = |values: &mut [f32]| values.iter_mut().for_each(|v| *v = v.min(255.0 / ACTIVATION));
    look.run(&batch.inputs, &mut m.look, After::Relu);
    limit(&mut m.look);
    mix.run(&m.look, &mut m.mix, After::Relu);
    limit(&mut m.mix);
    let rows = m.joined.chunks_exact_mut(joined);
    for ((row, x), z) in rows.zip(batch.inputs.chunks_exact(inputs)).zip(m.mix.chunks_exact(width)) {
        row[..inputs].copy_from_slice(x);
        row[inputs..].copy_from_slice(z);
    }
    head.run(&m.joined, &mut m.out, After::Store);
    gradient::mixture_slopes(&m.out, &batch.residual, &batch.unit, &mut m.by_out);

    let [by_look, by_mix, by_head] = &mut parts_mut(shape, slope);
    let through = |by: &mut [f32], activations: &[f32]| {
        let moves = |a: f32| a > 0.0 && a < 255.0 / ACTIVATION;
        by.iter_mut().zip(activations).for_each(|(by, a)| *by = if moves(*a) { *by } else { 0.0 });
    };
    sums(&m.by_out, &m.joined, by_head);
    head.transposed().run(&m.by_out, &mut m.by_joined, After::Store);
    for (by, joined) in m.by_mix.chunks_exact_mut(width).zip(m.by_joined.chunks_exact(joined)) {
        by.copy_from_slice(&joined[inputs..]);
    }
    through(&mut m.by_mix, &m.mix);
    sums(&m.by_mix, &m.look, by_mix);
    mix.transposed().run(&m.by_mix, &mut m.by_look, After::Store);
    through(&mut m.by_look, &m.look);
    sums(&m.by_look, &batch.inputs, by_look);
    let share = 1.0 / n as f32;
    slope.iter_mut().for_each(|v| *v *= share);
}

fn parts_mut(shape: Shape, mut slope: &mut [f32]) -> [(&mut [f32], &mut [f32]); 3] {
    shape.layers().map(|(outputs, inputs)| {
        let (weight, rest) = std::mem::take(&mut slope).split_at_mut(outputs * inputs);
        let (bias, rest) = rest.split_at_mut(outputs);
        slope = rest;
        (weight, bias)
    })
}

/// The slopes by weights and biases of a layer, from those by its outputs and from its inputs.
fn sums(by_output: &[f32], x: &[f32], (weight, bias): &mut (&mut [f32], &mut [f32])) {
    let (outputs, inputs) = (bias.len(), weight.len() / bias.len());
    weight.fill(0.0);
    bias.fill(0.0);
    gradient::outer(by_output, x, outputs, inputs, weight);
    for row in by_output.chunks_exact(outputs) {
        bias.iter_mut().zip(row).for_each(|(bias, by)| *bias += by);
    }
}
