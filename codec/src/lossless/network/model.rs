//! The networks in integers: parameters, and the networks ready to run.

use super::inputs::{Inputs, Plane};
use super::shape::{BIAS, COMPONENTS, OUTPUTS, SHIFT, Shape, WEIGHT};
use wavern_entropy::MixtureParams;
use wavern_kernel::causal;
use wavern_kernel::planar::{GROUP, Planar};

/// Weights and biases of the layers of a plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// `[outputs, inputs]` of each layer, −127 to 127, in 1/64.
    pub weight: [Vec<i8>; 3],
    /// `[outputs]` of each layer, in 1/1024.
    pub bias: [Vec<i16>; 3],
}

impl Parameters {
    /// The nearest to parameters in f32: for each layer its weights, then its biases.
    pub fn nearest(shape: Shape, mut parameters: &[f32]) -> Self {
        let mut nearest = Self { weight: Default::default(), bias: Default::default() };
        for (layer, (outputs, inputs)) in shape.layers().into_iter().enumerate() {
            let (weight, rest) = parameters.split_at(outputs * inputs);
            let (bias, rest) = rest.split_at(outputs);
            let whole = |value: &f32, unit: f32, limit: f32| (value * unit).round().clamp(-limit, limit);
            nearest.weight[layer] = weight.iter().map(|w| whole(w, WEIGHT, 127.0) as i8).collect();
            nearest.bias[layer] = bias.iter().map(|b| whole(b, BIAS, 32767.0) as i16).collect();
            parameters = rest;
        }
        nearest
    }

    /// The same in f32, the inverse of [`Self::nearest`].
    pub fn reals(&self) -> Vec<f32> {
        let layers = self.weight.iter().zip(&self.bias);
        layers
            .flat_map(|(weight, bias)| {
                let weight = weight.iter().map(|&w| f32::from(w) / WEIGHT);
                weight.chain(bias.iter().map(|&b| f32::from(b) / BIAS))
            })
            .collect()
    }
}

/// The network of a plane, ready to run.
#[derive(Debug)]
pub struct Network {
    plane: Plane,
    shape: Shape,
    look: Planar,
    mix: Planar,
    head: Planar,
}

/// Memory of a run.
#[derive(Default)]
pub struct Run {
    look: Vec<u32>,
    /// `[OUTPUTS, stride]`, in 1/1024.
    out: Vec<i32>,
}

impl Network {
    /// From parameters of [`Shape::of`] the plane.
    pub fn new(plane: Plane, parameters: &Parameters) -> Self {
        let shape = Shape::of(plane);
        let [look, mix, head] = shape.layers();
        let Parameters { weight: [w1, w2, w3], bias: [b1, b2, b3] } = parameters;
        // Inputs have a sign and come with 128 added; activations have none. Halves are rounded upwards.
        let biases = |bias: &[i16], weight: &[i8], (_, inputs): (usize, usize), signed: usize, half: i32| {
            let rows = weight.chunks_exact(inputs);
            let excess = rows.map(|row| 128 * row[..signed].iter().map(|&w| i32::from(w)).sum::<i32>());
            bias.iter().zip(excess).map(|(&b, excess)| i32::from(b) - excess + half).collect::<Vec<_>>()
        };
        let half = 1 << (SHIFT - 1);
        Self {
            plane,
            shape,
            look: Planar::new(w1, &biases(b1, w1, look, shape.inputs, half), look.1, SHIFT),
            mix: Planar::new(w2, &biases(b2, w2, mix, 0, half), mix.1, SHIFT),
            head: Planar::new(w3, &biases(b3, w3, head, shape.inputs, 0), head.1, 0),
        }
    }

    /// Which plane it predicts.
    pub fn plane(&self) -> Plane {
        self.plane
    }

    /// Groups of activations that stand behind those of the inputs.
    pub fn room(&self) -> usize {
        self.shape.width / GROUP
    }

    /// The mixtures of the `n` samples of `inputs`, which are symbols `first..` of a call.
    pub fn run(&self, n: usize, inputs: &mut Inputs, run: &mut Run, mixtures: &mut Mixtures, first: usize) {
        let stride = inputs.stride;
        run.look.resize(self.shape.width / GROUP * stride, 0);
        run.out.resize(OUTPUTS * stride, 0);
        let (x, mix) = inputs.groups.split_at_mut(self.shape.inputs / GROUP * stride);
        self.look.activations(x, stride, &mut run.look);
        self.mix.activations(&run.look, stride, mix);
        self.head.integers(&inputs.groups, stride, &mut run.out);
        let Mixtures { total, weight, mean, scale, centre } = mixtures;
        let mixtures = causal::Mixtures { total: *total, first, weight, mean, scale, centre };
        causal::mixtures(&run.out, stride, n, inputs.relative(), mixtures);
    }
}

/// The mixtures of all symbols of a call.
#[derive(Default)]
pub struct Mixtures {
    total: usize,
    weight: Vec<u8>,
    mean: Vec<i16>,
    scale: Vec<u8>,
    /// What each sample exceeds its symbol by.
    pub centre: Vec<i32>,
}

impl Mixtures {
    /// Room for `total` symbols.
    pub fn reset(&mut self, total: usize) {
        self.total = total;
        self.weight.resize((COMPONENTS - 1) * total, 0);
        self.mean.resize(COMPONENTS * total, 0);
        self.scale.resize(COMPONENTS * total, 0);
        self.centre.resize(total, 0);
    }

    /// What the entropy coder takes.
    pub fn params(&self) -> MixtureParams<'_> {
        let Self { weight, mean, scale, .. } = self;
        MixtureParams { components: COMPONENTS, weight, mean, scale }
    }
}
