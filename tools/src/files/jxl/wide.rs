//! Colours outside of sRGB. The library goes from coded colours to linear sRGB, and clips them before it goes on to
//! other primaries. So it is asked for the primaries of sRGB, where values may be negative or over full light, and
//! what is missing is done here.

use jxl_oxide::color::{ColourSpace, EnumColourEncoding, Primaries, TransferFunction, WhitePoint};

/// Places of red, green and blue in the diagram of CIE 1931.
type Places = [[f64; 2]; 3];
type Matrix = [[f64; 3]; 3];

const SRGB: Places = [[0.64, 0.33], [0.3, 0.6], [0.15, 0.06]];
const D65: [f64; 2] = [0.3127, 0.329];
/// Light up to which the library leaves a picture as it is, in candela per square metre.
const USUAL_LIGHT: f32 = 255.0;

/// What is done to samples with the primaries of sRGB.
pub struct Wide {
    matrix: Matrix,
    curve: TransferFunction,
}

impl Wide {
    /// For a picture of these colours, whose white has so much light; `None` if the library does all of it, or what
    /// it does cannot be avoided.
    pub fn of(colours: &EnumColourEncoding, light: f32) -> Option<Self> {
        let places = match colours.primaries {
            Primaries::Srgb => return None,
            Primaries::P3 => [[0.68, 0.32], [0.265, 0.69], [0.15, 0.06]],
            Primaries::Bt2100 => [[0.708, 0.292], [0.17, 0.797], [0.131, 0.046]],
            Primaries::Custom { red, green, blue } => {
                [red, green, blue].map(|place| place.as_float().map(f64::from))
            }
        };
        let is_known = match colours.tf {
            TransferFunction::Pq => true,
            TransferFunction::Hlg | TransferFunction::Dci | TransferFunction::Unknown => false,
            _ => light <= USUAL_LIGHT,
        };
        let is_plain = colours.colour_space == ColourSpace::Rgb && colours.white_point == WhitePoint::D65;
        if !(is_known && is_plain) {
            return None;
        }
        let matrix = product(inverse(to_light(places)?)?, to_light(SRGB)?);
        Some(Self { matrix, curve: colours.tf })
    }

    /// What the library has to be asked for.
    pub fn asked(&self, colours: &EnumColourEncoding) -> EnumColourEncoding {
        let is_pq = matches!(self.curve, TransferFunction::Pq);
        let tf = if is_pq { TransferFunction::Pq } else { TransferFunction::Linear };
        EnumColourEncoding { primaries: Primaries::Srgb, tf, ..colours.clone() }
    }

    /// A pixel as the library gives it → code values from 0 to 1.
    pub fn apply(&self, pixel: [f32; 3]) -> [f32; 3] {
        let is_pq = matches!(self.curve, TransferFunction::Pq);
        let linear =
            pixel.map(f64::from).map(|value| if is_pq { of_pq(value.abs()).copysign(value) } else { value });
        self.matrix.map(|row| {
            let light: f64 = row.iter().zip(linear).map(|(factor, value)| factor * value).sum();
            self.code(light.clamp(0.0, 1.0)) as f32
        })
    }

    /// Light from 0 to 1 → a code value.
    fn code(&self, light: f64) -> f64 {
        match self.curve {
            TransferFunction::Pq => to_pq(light),
            TransferFunction::Srgb if light <= 0.003_130_8 => 12.92 * light,
            TransferFunction::Srgb => 1.055 * light.powf(1.0 / 2.4) - 0.055,
            TransferFunction::Bt709 if light <= 0.018 => 4.5 * light,
            TransferFunction::Bt709 => 1.099 * light.powf(0.45) - 0.099,
            TransferFunction::Gamma { g, inverted: true } => light.powf(f64::from(g) / 1e7),
            TransferFunction::Gamma { g, inverted: false } => light.powf(1e7 / f64::from(g.max(1))),
            _ => light,
        }
    }
}

/// Light, 1 for 10,000 candela per square metre → a code value (SMPTE ST 2084).
fn to_pq(light: f64) -> f64 {
    let light = light.powf(2610.0 / 16_384.0);
    ((3424.0 / 4096.0 + 2413.0 / 128.0 * light) / (1.0 + 2392.0 / 128.0 * light)).powf(2523.0 / 32.0)
}

/// The inverse of [`to_pq`].
fn of_pq(code: f64) -> f64 {
    let root = code.powf(32.0 / 2523.0);
    ((root - 3424.0 / 4096.0).max(0.0) / (2413.0 / 128.0 - 2392.0 / 128.0 * root)).powf(16_384.0 / 2610.0)
}

/// From amounts of primaries to XYZ, such that all of them are the white D65.
fn to_light(places: Places) -> Option<Matrix> {
    let at = |[x, y]: [f64; 2]| [x / y, 1.0, (1.0 - x - y) / y];
    let columns = places.map(at);
    let matrix = [0, 1, 2].map(|row| columns.map(|column| column[row]));
    let (white, inverse) = (at(D65), inverse(matrix)?);
    let amounts = inverse.map(|row| row.iter().zip(white).map(|(factor, value)| factor * value).sum::<f64>());
    Some(matrix.map(|row| [0, 1, 2].map(|column| row[column] * amounts[column])))
}

/// By minors; `None` if there is none.
fn inverse(m: Matrix) -> Option<Matrix> {
    let minor = |row: usize, column: usize| {
        let at = |down: usize, right: usize| m[(row + down) % 3][(column + right) % 3];
        at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1)
    };
    let size: f64 = (0..3).map(|column| m[0][column] * minor(0, column)).sum();
    let is_sound = size.is_finite() && size.abs() > 1e-9;
    is_sound.then(|| [0, 1, 2].map(|row| [0, 1, 2].map(|column| minor(column, row) / size)))
}

fn product(a: Matrix, b: Matrix) -> Matrix {
    a.map(|row| [0, 1, 2].map(|column| (0..3).map(|at| row[at] * b[at][column]).sum()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxl_oxide::RenderingIntent::Relative;

    #[test]
    fn the_red_of_srgb_is_within_the_others() {
        let p3 = Wide::of(&EnumColourEncoding::display_p3(Relative), 255.0).unwrap();
        // CSS Color 4: color(srgb 1 0 0) is color(display-p3 0.9175 0.2003 0.1386).
        for (have, expected) in p3.apply([1.0, 0.0, 0.0]).into_iter().zip([0.9175, 0.2003, 0.1386]) {
            assert!((have - expected).abs() < 1e-3, "{have} {expected}");
        }
        assert!(p3.apply([1.0; 3]).iter().all(|value| (value - 1.0).abs() < 1e-6));
        // The red of Display P3, which is outside of sRGB.
        let red = p3.apply([1.2249, -0.0420, -0.0197]);
        assert!(red[0] > 0.999 && red[1] < 0.01 && red[2] < 0.01, "{red:?}");
    }

    #[test]
    fn light_survives_its_curve() {
        let pq = EnumColourEncoding::bt2100_pq(Relative);
        let wide = Wide::of(&pq, 10_000.0).unwrap();
        for value in [0.0, 0.1, 0.508, 0.75, 1.0] {
            assert!(wide.apply([value; 3]).iter().all(|have| (have - value).abs() < 1e-5), "{value}");
        }
        assert!((to_pq(0.01) - 0.508_078).abs() < 1e-5);
        assert!(matches!(wide.asked(&pq).tf, TransferFunction::Pq));
        assert!(Wide::of(&EnumColourEncoding::srgb(Relative), 255.0).is_none());
        assert!(Wide::of(&EnumColourEncoding::display_p3(Relative), 1000.0).is_none());
        assert!(Wide::of(&EnumColourEncoding::bt2100_hlg(Relative), 255.0).is_none());
    }
}
