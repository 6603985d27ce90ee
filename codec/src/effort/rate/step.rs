//! One step of the context networks and its transpose.

use super::layers::{Dense, Filter, saturate};
use crate::array::Tensor;
use crate::config::CodingStep;
use crate::config::units;
use crate::network::run;
use crate::network::whole::filter;
use rayon::prelude::*;
use wavern_kernel::compand::compand_real;
use wavern_kernel::float::After;
use wavern_kernel::likelihood;

/// What `RateNetworks::at` finds at a point.
#[derive(Debug)]
pub struct Slopes {
    /// Derivatives by ŷ, in bits per step, `[rows, columns, M]`.
    pub by_latents: Tensor,
    /// Latent residuals at this point in steps, `[rows, columns, M]`.
    pub residual: Tensor,
}

/// Whose bits count in `RateNetworks::at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Those of all symbols.
    All,
    /// Those of all symbols but the one that moves.
    Others,
}

/// Positions whose networks run together.
const RUN: usize = 48;

/// One step of [`crate::prior::context`].
#[derive(Debug)]
pub(super) struct Step {
    pub step: CodingStep,
    pub look: Option<(Dense, Filter)>,
    pub fuse: Dense,
    pub mix: Dense,
    pub head: Dense,
    pub components: usize,
    /// Outputs of the head for each symbol.
    pub planes: usize,
}

/// Of consecutive positions of a step.
struct Run<'a> {
    positions: &'a [usize],
    /// Derivatives by the inputs of `fuse`.
    by_inputs: &'a mut [f32],
    /// Derivatives of each symbol's bits by itself.
    own: &'a mut [f32],
    residual: &'a mut [f32],
}

/// Activations of a run, from inputs to outputs.
#[derive(Default)]
struct Buffers {
    input: Vec<f32>,
    fused: Vec<f32>,
    mixed: Vec<f32>,
    outputs: Vec<f32>,
    symbols: Vec<f32>,
    likelihood: [Vec<f32>; 4],
}

impl Step {
    /// Adds what the bits and residuals of this step's symbols say about symbols, and puts its residuals in.
    pub fn add_to(
        &self,
        slopes: &mut Slopes,
        features: &Tensor,
        y: &Tensor,
        error_slope: &Tensor,
        counted: Counted,
    ) {
        let [rows, columns, channels] = y.shape();
        let (first, width) = (self.step.channels.start, self.step.channels.len());
        let positions = self.step.positions(rows, columns);
        let seen = self.look.as_ref().map(|(look, around)| {
            let visible = self.visible(y);
            let mut looked = Tensor::zeros([rows, columns, look.outputs()]);
            run::pointwise(&look.forward, visible.data(), looked.data_mut(), After::Relu);
            saturate(looked.data_mut());
            let mut out = filter(&around.forward, &looked, true);
            saturate(out.data_mut());
            (looked, out)
        });
        let context = seen.as_ref().map_or(0, |(_, around)| around.channels());
        let inputs = features.channels() + context;
        let mut by_inputs = vec![0.0; positions.len() * inputs];
        let (mut own, mut residual) =
            (vec![0.0; positions.len() * width], vec![0.0; positions.len() * width]);
        let runs = positions.par_chunks(RUN).zip(by_inputs.par_chunks_mut(RUN * inputs));
        let runs = runs.zip(own.par_chunks_mut(RUN * width)).zip(residual.par_chunks_mut(RUN * width));
        runs.for_each_init(Buffers::default, |buffers, (((positions, by_inputs), own), residual)| {
            let run = Run { positions, by_inputs, own, residual };
            self.run(run, buffers, features, seen.as_ref().map(|(_, around)| around), y, error_slope);
        });
        let at = |p: usize| p * channels + first;
        for (&p, residual) in positions.iter().zip(residual.chunks_exact(width)) {
            slopes.residual.data_mut()[at(p)..][..width].copy_from_slice(residual);
        }
        if counted == Counted::All {
            for (&p, own) in positions.iter().zip(own.chunks_exact(width)) {
                let out = &mut slopes.by_latents.data_mut()[at(p)..][..width];
                out.iter_mut().zip(own).for_each(|(out, own)| *out += own);
            }
        }
        if let (Some((look, around)), Some((looked, out))) = (&self.look, &seen) {
            let mut by_around = Tensor::zeros([rows, columns, context]);
            for (&p, by_inputs) in positions.iter().zip(by_inputs.chunks_exact(inputs)) {
                by_around.data_mut()[p * context..][..context]
                    .copy_from_slice(&by_inputs[features.channels()..]);
            }
            block(by_around.data_mut(), out.data());
            let mut by_looked = filter(&around.backward, &by_around, false);
            block(by_looked.data_mut(), looked.data());
            let visible = look.forward.inputs();
            let mut by_visible = vec![0.0; rows * columns * visible];
            run::pointwise(&look.backward, by_looked.data(), &mut by_visible, After::Store);
            let out = slopes.by_latents.data_mut().par_chunks_mut(channels);
            let out = out.zip(y.data().par_chunks(channels)).zip(by_visible.par_chunks(visible));
            out.enumerate().for_each(|(p, ((out, y), g))| {
                let known = self.step.known(p / columns, p % columns);
                for ((out, g), y) in out[..known].iter_mut().zip(g).zip(y) {
                    *out += g * compand_slope(*y);
                }
            });
        }
    }

    /// `fuse`, `mix` and `head` forwards and backwards.
    fn run(
        &self,
        run: Run<'_>,
        buffers: &mut Buffers,
        features: &Tensor,
        around: Option<&Tensor>,
        y: &Tensor,
        error_slope: &Tensor,
    ) {
        let Buffers { input, fused, mixed, outputs, symbols, likelihood } = buffers;
        let (k, width) = (self.components, self.step.channels.len());
        let place = |p: usize| p * y.channels() + self.step.channels.start;
        input.clear();
        symbols.clear();
        for &p in run.positions {
            input.extend_from_slice(&features.data()[p * features.channels()..][..features.channels()]);
            if let Some(around) = around {
                input.extend_from_slice(&around.data()[p * around.channels()..][..around.channels()]);
            }
            symbols.extend_from_slice(&y.data()[place(p)..][..width]);
        }
        self.fuse.run(input, fused);
        self.mix.run(fused, mixed);
        outputs.resize(run.positions.len() * self.head.outputs(), 0.0);
        self.head.forward.run(mixed, outputs, After::Store);
        let rows = outputs.chunks_exact_mut(self.planes * width).zip(symbols.chunks_exact(width));
        let rows = rows.zip(run.own.chunks_exact_mut(width)).zip(run.residual.chunks_exact_mut(width));
        for (&p, (((outputs, symbols), own), residual)) in run.positions.iter().zip(rows) {
            slopes_of(&mut outputs[..3 * k * width], symbols, k, likelihood);
            // A symbol that moves away from a mean is a mean that moves away from a symbol.
            for means in outputs[k * width..2 * k * width].chunks_exact(width) {
                own.iter_mut().zip(means).for_each(|(own, slope)| *own -= MEANS * slope);
            }
            if self.planes > 3 * k {
                let limit = units::RESIDUAL_LIMIT as f32;
                let unit = 1.0 / units::RESIDUAL_STEPS as f32;
                let slopes = &error_slope.data()[place(p)..][..width];
                let out = outputs[3 * k * width..].iter_mut().zip(slopes).zip(residual);
                for ((out, slope), residual) in out {
                    *residual = out.clamp(-limit, limit) * unit;
                    *out = if out.abs() < limit { slope * unit } else { 0.0 };
                }
            }
        }
        // Backwards; the buffers of the activations are masks on the way.
        let mut by_mixed = vec![0.0; mixed.len()];
        self.head.backward.run(outputs, &mut by_mixed, After::Store);
        block(&mut by_mixed, mixed);
        let mut by_fused = vec![0.0; fused.len()];
        self.mix.backward.run(&by_mixed, &mut by_fused, After::Store);
        block(&mut by_fused, fused);
        self.fuse.backward.run(&by_fused, run.by_inputs, After::Store);
    }

    /// What this step may see of ŷ, companded; zeros for the rest.
    fn visible(&self, y: &Tensor) -> Tensor {
        let [rows, columns, channels] = y.shape();
        let visible = self.step.seen();
        let mut out = Tensor::zeros([rows, columns, visible]);
        out.data_mut().par_chunks_mut(visible).enumerate().for_each(|(p, out)| {
            let known = self.step.known(p / columns, p % columns);
            for (out, &symbol) in out[..known].iter_mut().zip(&y.data()[p * channels..]) {
                *out = compand_real(symbol);
            }
        });
        out
    }
}

/// Means of a head count in 1/64 symbol.
const MEANS: f32 = 64.0;

/// Turns the outputs of a head at one position (log₂ weights, means, scales, each component by component) into the
/// derivatives of the symbols' bits by them.
fn slopes_of(outputs: &mut [f32], symbols: &[f32], components: usize, scratch: &mut [Vec<f32>; 4]) {
    let (n, k) = (symbols.len(), components);
    scratch.iter_mut().for_each(|buffer| buffer.resize(n * k, 0.0));
    let [weights, mass, by_mean, by_scale] = scratch;
    let (logits, rest) = outputs.split_at_mut(n * k);
    let (means, scales) = rest.split_at_mut(n * k);
    let mut largest = logits[..n].to_vec();
    for plane in logits[n..].chunks_exact(n) {
        largest.iter_mut().zip(plane).for_each(|(a, b)| *a = a.max(*b));
    }
    for c in 0..k {
        let at = c * n..(c + 1) * n;
        likelihood::powers(&logits[at.clone()], &largest, &mut weights[at.clone()]);
        likelihood::masses(
            symbols,
            &means[at.clone()],
            &scales[at.clone()],
            &mut mass[at.clone()],
            &mut by_mean[at.clone()],
            &mut by_scale[at],
        );
    }
    let mut total = vec![0.0f32; n];
    for i in 0..n {
        let sum: f32 = (0..k).map(|c| weights[c * n + i]).sum();
        (0..k).for_each(|c| weights[c * n + i] /= sum);
        total[i] = (0..k).map(|c| weights[c * n + i] * mass[c * n + i]).sum();
    }
    for c in 0..k {
        let at = c * n..(c + 1) * n;
        let (weights, mass) = (&weights[at.clone()], &mass[at.clone()]);
        let (by_mean, by_scale) = (&mut by_mean[at.clone()], &mut by_scale[at.clone()]);
        likelihood::slopes(weights, &total, mass, by_mean, by_scale, &mut logits[at.clone()]);
        // A scale beyond its table has no slope.
        for (by_scale, scale) in by_scale.iter_mut().zip(&scales[at]) {
            *by_scale = if (0.0..=255.0).contains(scale) { *by_scale } else { 0.0 };
        }
    }
    means.copy_from_slice(by_mean);
    scales.copy_from_slice(by_scale);
}

/// [`compand_real`] has the slope 2^-octave, and none where it saturates.
fn compand_slope(y: f32) -> f32 {
    let magnitude = y.abs().max(16.0);
    let octave = (magnitude.to_bits() >> 23) - (127 + 4);
    if magnitude < 2047.0 { f32::from_bits((127 - octave) << 23) } else { 0.0 }
}

/// No slope where a ReLU was closed or an activation saturated.
fn block(gradient: &mut [f32], activations: &[f32]) {
    let limit = units::ACTIVATION_LIMIT as f32;
    for (g, a) in gradient.iter_mut().zip(activations) {
        *g = if *a > 0.0 && *a < limit { *g } else { 0.0 };
    }
}
